"""SerialEM's ``.mdoc`` files: lines ``key = value``, a section ``[ZValue = number]`` for each image.

Only three of its keys are needed, so it is parsed here: the package mdocfile depends on pydantic and refuses files for the type of
values that aren't needed.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import NamedTuple

from mwgan.errors import InputError
from mwgan.io.units import is_pixel_size

SECTION = re.compile(r"^\[\s*ZValue\s*=\s*(\d{1,9})\s*\]$", re.MULTILINE)


class Mdoc(NamedTuple):
    """The metadata of a series in an mdoc file."""

    tilt_deg: tuple[float, ...]
    """In the order of the images in the stack, regardless of that of the sections."""
    pixel_size_angstrom: float | None


def read_mdoc(text: str, path: Path) -> Mdoc:
    """Tilts and pixel size from the text of an mdoc file; ``path`` is its name in messages."""
    parts = SECTION.split(text)
    sections = {int(number): _values(part) for number, part in zip(parts[1::2], parts[2::2], strict=True)}
    if not sections:
        raise InputError(f"{path} has no section [ZValue = 0]: give the .mdoc of a stack of images, or a list of tilts")
    tilts = []
    for number in sorted(sections):
        tilt = _number(sections[number].get("TiltAngle"))
        if tilt is None:
            raise InputError(f"{path} gives no TiltAngle in the section [ZValue = {number}]: give a list of tilts instead")
        tilts.append(tilt)
    size = _number(_values(parts[0]).get("PixelSpacing")) or _number(sections[min(sections)].get("PixelSpacing"))
    return Mdoc(tuple(tilts), size if size and is_pixel_size(size) else None)


def _values(lines: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in lines.splitlines() if not line.startswith("["))
    return {key.strip(): value.strip() for key, separator, value in pairs if separator}


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "nan")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
