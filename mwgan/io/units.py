"""Converts lengths and angles from the units in files to ångström and degrees."""

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
    """A length in ångström; None if the unit isn't one of length, or the length isn't valid."""
    factor = ANGSTROM_PER.get(_plain(unit))
    return abs(value) * factor if factor and is_pixel_size(abs(value) * factor) else None


def is_pixel_size(angstrom: float) -> bool:
    """Whether a pixel size is plausible: between below any microscope's resolution and ten centimetres."""
    return SMALLEST_ANGSTROM < angstrom < LARGEST_ANGSTROM


def degrees_per(unit: object) -> float | None:
    """Degrees per unit of angle; None if it isn't one."""
    name = _plain(unit)
    if name.startswith("deg") or name == "°":
        return 1.0
    return math.degrees(1.0) if name.startswith("rad") else None


def _plain(unit: object) -> str:
    """``[n_m]`` and ``µm``, in any of its spellings, as ``nm`` and ``um``."""
    text = unit.decode("utf-8", "replace") if isinstance(unit, bytes) else str(unit)
    text = text.replace("\\u00B5", "u").replace("µ", "u").replace("μ", "u").replace("Å", "å")
    return re.sub(r"[\[\]_\s]", "", text).lower()
