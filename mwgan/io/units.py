"""Lengths and angles in the units that files write, in ångström and degrees."""

from __future__ import annotations

import math
import re

ANGSTROM_PER = {
    "m": 1e10,
    "cm": 1e8,
    "mm": 1e7,
    "um": 1e4,
    "micron": 1e4,
    "microns": 1e4,
    "micrometer": 1e4,
    "nm": 10.0,
    "nanometer": 10.0,
    "å": 1.0,
    "a": 1.0,
    "angstrom": 1.0,
    "angstroms": 1.0,
    "ångström": 1.0,
    "pm": 0.01,
}
SMALLEST_ANGSTROM, LARGEST_ANGSTROM = 1e-4, 1e9


def angstrom(value: float, unit: object) -> float | None:
    """A length in ångström; None of a unit that is none of length, or of a length that is none."""
    factor = ANGSTROM_PER.get(_plain(unit))
    return abs(value) * factor if factor and is_pixel_size(abs(value) * factor) else None


def is_pixel_size(angstrom: float) -> bool:
    """Whether a pixel may be of that size: between what no microscope resolves and ten centimetres."""
    return SMALLEST_ANGSTROM < angstrom < LARGEST_ANGSTROM


def degrees_per(unit: object) -> float | None:
    """How many degrees the unit of an angle is; None if it isn't one."""
    name = _plain(unit)
    if name.startswith("deg") or name == "°":
        return 1.0
    return math.degrees(1.0) if name.startswith("rad") else None


def _plain(unit: object) -> str:
    """``[n_m]`` and ``µm``, in any of its spellings, as ``nm`` and ``um``."""
    text = unit.decode("utf-8", "replace") if isinstance(unit, bytes) else str(unit)
    text = text.replace("\\u00B5", "u").replace("µ", "u").replace("μ", "u").replace("Å", "å")
    return re.sub(r"[\[\]_\s]", "", text).lower()
