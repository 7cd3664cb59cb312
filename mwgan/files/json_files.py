"""Reading JSON from untrusted files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def parsed(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises
    ------
    ValueError
        If it isn't JSON, or nested too deeply for Python.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def read_object(file: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises
    ------
    OSError, ValueError
        If it can't be read, or isn't an object.
    """
    value = parsed(file.read_bytes())
    if not isinstance(value, dict):
        raise ValueError("it is not an object")
    return value
