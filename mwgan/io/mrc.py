"""MRC and its variants (ST, ALI, REC, MRCS), plain or compressed: memory-mapped, with the number format from the header.

The standard is that of Cheng et al., J. Struct. Biol. 192 (2015) 146; IMOD's stamp and flags are those of its ``mrc_format``.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, NamedTuple

import mrcfile
import numpy as np

from mwgan.errors import InputError
from mwgan.io.compressed import COMPRESSED, decompressed
from mwgan.io.lazy import Unsigned
from mwgan.io.mrc_extended import read_extended
from mwgan.io.number_format import looks_unsigned
from mwgan.io.stack import Images, Stack
from mwgan.io.units import is_pixel_size

HEADER_BYTES = 1024
SUFFIXES = tuple(name + end for name in (".mrc", ".mrcs", ".st", ".ali", ".preali", ".rec", ".map") for end in ("", *COMPRESSED))
REFUSED = {
    3: "complex numbers of 16 bits, the Fourier transform of images: give the images themselves",
    4: "complex numbers, the Fourier transform of images: give the images themselves",
    16: "colours: save the images as grey values",
    101: "numbers of 4 bits: write 16 first, with IMOD's newstack -mode 1",
}
IMOD_STAMP, SIGNED_BYTES, FOUR_BITS = 1146047817, 1, 16
LARGEST_SIDE = 1 << 20  # in a valid header
UNSET_ANGSTROM = 1.0  # written by programs that don't know the pixel size


class Header(NamedTuple):
    """The needed fields of an MRC header."""

    order: str
    """``<`` or ``>``."""
    mode: int
    shape: tuple[int, int, int]
    """(Images, rows, columns)."""
    fields: Any
    """All fields, by mrcfile's names."""
    imod_flags: int | None
    """None without IMOD's stamp."""

    @property
    def pixels_at(self) -> int:
        """Offset of the first image in bytes."""
        return HEADER_BYTES + int(self.fields["nsymbt"])

    @property
    def file_bytes(self) -> int:
        """Expected length of the file."""
        a, rows, columns = self.shape
        return self.pixels_at + a * rows * columns * int(mrcfile.utils.dtype_from_mode(self.mode).itemsize)


def read_mrc(path: Path, dataset: str | None = None) -> Stack:
    """The images of an MRC file; tilts and pixel size from its extended header, if it has them."""
    with path.open("rb") as file:
        start = file.read(HEADER_BYTES)
    notes = []
    if start.startswith(tuple(COMPRESSED.values())):
        content, start, note = decompressed(path, lambda head: _header(head, path).file_bytes, HEADER_BYTES)
        size = content.seek(0, 2)
        notes.append(note)
    else:
        content, size = path.open("rb"), path.stat().st_size
    with content:
        header = _header(start, path)
        if size < header.file_bytes:
            kind = "is cut short" if start[208:211] == b"MAP" else "is not an MRC file, or cut short"
            raise InputError(f"{path} {kind}: its header promises {header.file_bytes} bytes and it has {size}; copy it again")
        if size > header.file_bytes:
            notes.append(f"the file is {size - header.file_bytes} bytes longer than its header says: only what it says is read")
        content.seek(HEADER_BYTES)
        extended = read_extended(start, content.read(int(header.fields["nsymbt"])), header.order, header.shape[0])
        dtype = mrcfile.utils.dtype_from_mode(header.mode).newbyteorder(header.order)
        mapped = np.memmap(content, dtype=dtype, mode="r", offset=header.pixels_at, shape=header.shape)
    images, note = _bytes(mapped, header) if header.mode == 0 else (mapped, "")
    if header.order == ">":
        notes.append("the numbers are big-endian")
    notes += [note] if note else []
    return Stack(images, extended.tilt_deg, extended.pixel_size_angstrom or _pixel_size(header.fields, notes), notes)


def is_mrc(head: bytes) -> bool:
    """Whether the first bytes of a file are an MRC header."""
    return len(head) >= HEADER_BYTES and (head[208:211] == b"MAP" or _byte_order(head) is not None)


def _header(start: bytes, path: Path) -> Header:
    if len(start) < HEADER_BYTES:
        raise InputError(f"{path} is not an MRC file: it is shorter than a header; give an MRC tilt series")
    order = _byte_order(start)
    if order is None:
        nx, ny, nz = struct.unpack_from("<3i", start)
        raise InputError(f"{path} is not an MRC file: its header gives {nx} x {ny} x {nz} pixels; give an MRC tilt series")
    fields = np.frombuffer(start[:HEADER_BYTES], mrcfile.dtypes.HEADER_DTYPE.newbyteorder(order))[0]
    stamp, flags = struct.unpack_from(f"{order}2i", start, 152)
    mode, imod_flags = int(fields["mode"]), flags if stamp == IMOD_STAMP else None
    refused = 101 if mode == 0 and imod_flags is not None and imod_flags & FOUR_BITS else mode
    if refused in REFUSED:
        raise InputError(f"{path} is an MRC file of mode {refused}, {REFUSED[refused]}")
    try:
        mrcfile.utils.dtype_from_mode(mode)
    except ValueError as error:
        raise InputError(f"{path} is not an MRC file that is known: its mode is {mode}; write it in mode 1, 2 or 6") from error
    return Header(order, mode, (int(fields["nz"]), int(fields["ny"]), int(fields["nx"])), fields, imod_flags)


def _byte_order(start: bytes) -> str | None:
    """The byte order in which the header makes sense; the machine stamp only decides which to try first, as programs get it wrong."""
    for order in "><" if start[212] == 0x11 else "<>":
        nx, ny, nz, mode = struct.unpack_from(f"{order}4i", start)
        (extended,) = struct.unpack_from(f"{order}i", start, 92)
        if all(1 <= side <= LARGEST_SIDE for side in (nx, ny, nz)) and 0 <= mode <= 127 and extended >= 0:
            return order
    return None


def _bytes(mapped: np.memmap, header: Header) -> tuple[Images, str]:
    """Images of mode 0 with the sign from IMOD's flag, or else from the recorded range or the pixels; and a note on it."""
    lowest, highest = float(header.fields["dmin"]), float(header.fields["dmax"])
    fits_signed, fits_unsigned = lowest < 0 and highest <= 127, lowest >= 0 and highest > 127
    if header.imod_flags is not None and header.imod_flags & SIGNED_BYTES:
        return Unsigned(mapped, add_half=True), "bytes are signed by IMOD's flag: 128 is added, as IMOD does"
    if header.imod_flags is not None and not fits_signed:
        return Unsigned(mapped, add_half=False), "bytes are unsigned by IMOD's flag"
    if fits_unsigned:
        return Unsigned(mapped, add_half=False), f"bytes are unsigned: the header records values up to {highest:g}"
    if not fits_signed and looks_unsigned(mapped):
        return Unsigned(mapped, add_half=False), "bytes are unsigned: signed ones would jump between neighbours"
    return mapped, "bytes are signed, as the MRC standard has them"


def _pixel_size(fields: Any, notes: list[str]) -> tuple[float, float] | None:
    """(Down the rows, along the columns) in ångström, from the cell and its grid."""
    cells, grid = fields["cella"], (int(fields["mx"]), int(fields["my"]))
    if min(grid) < 1:
        return None
    columns, rows = float(cells["x"]) / grid[0], float(cells["y"]) / grid[1]
    if not (is_pixel_size(columns) and is_pixel_size(rows)):
        return None
    if columns == rows == UNSET_ANGSTROM:
        notes.append("the header gives pixels of 1 Å, which many programs write when they don't know")
    return rows, columns
