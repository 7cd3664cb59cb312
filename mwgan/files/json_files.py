"""JSON that comes from anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def parsed(text: str | bytes) -> Any:
    """What a text of JSON says.

    Raises
    ------
    ValueError
        If it is none, or nested deeper than Python follows.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def read_object(file: Path) -> dict[str, Any]:
    """The object that a file of JSON holds.

    Raises
    ------
    OSError, ValueError
        If it can't be read, or holds none.
    """
    value = parsed(file.read_bytes())
    if not isinstance(value, dict):
        raise ValueError("it is no object")
    return value
