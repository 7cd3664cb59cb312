"""Extended headers of MRC files: tilts and pixel sizes in the formats of FEI, SerialEM and older programs supported by IMOD."""

from __future__ import annotations

import struct
from typing import NamedTuple

import mrcfile
import numpy as np

from mwgan.io.units import is_pixel_size

SERIALEM_BYTES = {1: 2, 2: 6, 4: 4, 8: 2, 16: 2, 32: 4, 64: 2, 128: 4, 256: 2, 512: 4, 1024: 2}
"""Bytes per section for each of SerialEM's flags; the first value is the tilt, in hundredths of a degree."""
FEI_FLOATS = 32  # per section, in FEI's first format, which always has 1024 sections
FEI_PIXEL = 11  # index of the pixel size among them, in metres
ANGSTROM_PER_METRE = 1e10


class Extended(NamedTuple):
    """The contents of an extended header."""

    tilt_deg: tuple[float, ...] | None = None
    pixel_size_angstrom: tuple[float, float] | None = None
    """(Down the rows, along the columns)."""


def read_extended(start: bytes, extended: bytes, order: str, images: int) -> Extended:
    """Tilts and pixel size from the bytes after an MRC header, in any of the known formats; None if it has none.

    Parameters
    ----------
    start
        The header's 1024 bytes, which identify the format.
    extended
        The bytes after it.
    order
        ``<`` or ``>``.
    images
        Number of images in the file.
    """
    kind = start[104:108]
    if kind in (b"FEI1", b"FEI2"):
        return _fei(extended, kind, order, images)
    count, flags = struct.unpack_from(f"{order}2h", start, 128)
    if count > 0 and flags > 0 and count == sum(size for flag, size in SERIALEM_BYTES.items() if flags & flag):
        return Extended(_tilts(extended, f"{order}i2", count, 0, images, 0.01)) if flags & 1 else Extended()
    integers, floats = count, flags
    if integers < 0 or floats < 1 or kind == b"SERI":
        return Extended()
    tilts = _tilts(extended, f"{order}f4", 4 * (integers + floats), 4 * integers, images, 1.0)
    if floats == FEI_FLOATS and integers == 0 and b"fei company" in start[224:].lower():
        metres = struct.unpack_from(f"{order}f", extended, 4 * FEI_PIXEL)[0] if len(extended) >= 4 * FEI_FLOATS else 0.0
        return Extended(tilts, _size(metres, metres))
    return Extended(tilts)


def _fei(extended: bytes, kind: bytes, order: str, images: int) -> Extended:
    """FEI1 and FEI2: one record per image; its first number is the record's length."""
    dtype = mrcfile.dtypes.get_ext_header_dtype(kind, order)
    length = struct.unpack_from(f"{order}i", extended)[0] if len(extended) >= 4 else 0
    if length < dtype.itemsize or len(extended) < images * length:
        return Extended()
    records = [np.frombuffer(extended, dtype, 1, index * length)[0] for index in range(images)]
    tilts = _believable([float(record["Alpha tilt"]) for record in records])
    return Extended(tilts, _size(float(records[0]["Pixel size Y"]), float(records[0]["Pixel size X"])))


def _tilts(extended: bytes, dtype: str, record: int, place: int, images: int, unit_deg: float) -> tuple[float, ...] | None:
    """The number at ``place`` of each record, in degrees."""
    if len(extended) < images * record:
        return None
    numbers = [np.frombuffer(extended, dtype, 1, index * record + place)[0] for index in range(images)]
    return _believable([round(float(number) * unit_deg, 6) for number in numbers])


def _believable(tilts: list[float]) -> tuple[float, ...] | None:
    """The tilts, unless they are those of a header that was never filled in, or something else."""
    if not all(np.isfinite(tilts)) or max(map(abs, tilts)) > 360 or not any(tilts):
        return None
    return tuple(tilts)


def _size(rows_metre: float, columns_metre: float) -> tuple[float, float] | None:
    if not all(is_pixel_size(size * ANGSTROM_PER_METRE) for size in (rows_metre, columns_metre)):
        return None
    # Single precision has seven digits.
    return float(f"{rows_metre * ANGSTROM_PER_METRE:.7g}"), float(f"{columns_metre * ANGSTROM_PER_METRE:.7g}")
