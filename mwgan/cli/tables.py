"""Tables that are not cut to the terminal's width."""

from __future__ import annotations

from typing import Any


def print_whole(table: Any) -> None:
    """Print a rich table at its full width: names and numbers would be cut in a narrow terminal."""
    from rich.console import Console

    wide = Console(width=10_000)
    Console(width=wide.measure(table).maximum).print(table)
