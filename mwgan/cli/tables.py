"""A table printed whole, however narrow the terminal."""

from __future__ import annotations

from typing import Any


def print_whole(table: Any) -> None:
    """Print a table of rich at its full width, or names and numbers would be cut to the terminal's."""
    from rich.console import Console

    wide = Console(width=10_000)
    Console(width=wide.measure(table).maximum).print(table)
