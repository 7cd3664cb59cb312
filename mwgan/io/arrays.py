"""Finds the tilt series and its tilts among the named arrays in a file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from mwgan.errors import InputError
from mwgan.io.units import degrees_per

ANGLES = ("tiltangles", "tiltangle", "tiltdeg", "tilts", "tilt", "theta", "angles", "angle", "rotationangle", "projectionangles")
"""Names of arrays of tilts, without underscores and blanks, the most specific first."""
LISTED = 8  # most names in a message


class Described(Protocol):
    """Description of an array before it is read."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        ...

    @property
    def dtype(self) -> np.dtype:
        """Of the array."""
        ...


class Choice(NamedTuple):
    """An array and, if available, that of its tilts."""

    name: str
    angles: str | None
    axis: int
    """Axis of the tilts."""
    sure: bool
    """Whether the axis was found from the angles."""


def choose(arrays: Mapping[str, Described], dataset: str | None, path: Path) -> Choice:
    """The array requested by name; or the only one with three axes; or, of several, the only one with angles of its length.

    Raises
    ------
    InputError
        If there is no such array, or the choice is ambiguous.
    """
    stacks = [name for name, array in arrays.items() if len(array.shape) == 3 and array.dtype.kind in "iufc"]
    if dataset is not None:
        named = [name for name in arrays if name.strip("/") == dataset.strip("/")]
        if not named:
            raise InputError(f"{path} holds no array {dataset!r}: there {_are(arrays, stacks or list(arrays))}")
        return _with_angles(named[0], arrays)
    if not stacks:
        raise InputError(f"{path} holds no array of three axes, images, rows and columns: there {_are(arrays, list(arrays))}")
    found = [_with_angles(name, arrays) for name in stacks]
    if len(found) > 1:
        found = [choice for choice in found if choice.angles is not None] if any(choice.angles for choice in found) else found
    if len(found) > 1:
        raise InputError(
            f"{path} holds several arrays of three axes ({_listed(arrays, stacks)}): name one, as {path.name}::{stacks[0]} or by --dataset"
        )
    return found[0]


def in_degrees(angles: Sequence[float] | np.ndarray, unit: object) -> tuple[tuple[float, ...], str | None]:
    """Angles in degrees, and a sentence if the file has another unit."""
    factor = degrees_per(unit)
    tilts = tuple(float(angle) for angle in np.asarray(angles, dtype=float).ravel())
    if factor is None or factor == 1.0:
        return tilts, None
    return tuple(round(math.degrees(tilt), 9) for tilt in tilts), "the file gives its angles in radians"


def _with_angles(name: str, arrays: Mapping[str, Described]) -> Choice:
    shape, folder = arrays[name].shape, name.rpartition("/")[0]
    if len(shape) != 3:
        return Choice(name, None, 0, False)
    found = []
    for other, array in arrays.items():
        plain = other.rpartition("/")[2].lower().replace("_", "").replace(" ", "").replace("-", "")
        length = max(array.shape, default=0)
        if plain in ANGLES and length in shape and length == np.prod(array.shape) and array.dtype.kind in "iuf":
            # The tilts are first in most files and last in those of MATLAB, hardly ever in the middle.
            axis = next(axis for axis in (0, 2, 1) if shape[axis] == length)
            found.append((other.rpartition("/")[0] != folder, ANGLES.index(plain), other, axis))
    if not found:
        return Choice(name, None, 0, False)
    _, _, angles, axis = min(found)
    return Choice(name, angles, axis, True)


def _are(arrays: Mapping[str, Described], names: list[str]) -> str:
    return f"are {_listed(arrays, names)}" if names else "is none at all"


def _listed(arrays: Mapping[str, Described], names: list[str]) -> str:
    listed = [f"{name} ({' x '.join(map(str, arrays[name].shape)) or 'a number'})" for name in names[:LISTED]]
    return ", ".join(listed) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
