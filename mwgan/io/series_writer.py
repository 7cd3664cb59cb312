"""Writes a tilt series image by image as MRC, atomically, with its tilts in the extended header."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np

from mwgan import __version__
from mwgan.errors import InputError
from mwgan.files.space import disk_full, no_space_in, reserve

HEADER, FLOAT32 = 1024, 4  # bytes
AGARD = b"AGAR"  # the type of extended header with a number of integers and floats per image
COUNTS = slice(128, 132)  # position in the header of the numbers of integers and floats per image


def write_series(
    partial: Path,
    path: Path,
    images: Iterable[np.ndarray],
    shape: tuple[int, int, int],
    tilt_deg: Iterable[float],
    pixel_sizes_angstrom: tuple[float, float] | None,
) -> None:
    """Write images one by one, with at most one in memory.

    Parameters
    ----------
    partial
        The file to write to.
    path
        Its final name, for messages.
    images
        Images (R, C), as many as given by ``shape``.
    shape
        (A, R, C).
    tilt_deg
        (A,); the only number in the extended header for each image, as written by older programs and read by IMOD.
    pixel_sizes_angstrom
        (Down the rows, along the columns); None if unknown, with 1 in the header.

    Raises
    ------
    InputError
        If there is no space, or the file can't be written.
    """
    tilts = np.array(list(tilt_deg), "<f4")
    size = HEADER + tilts.nbytes + FLOAT32 * int(np.prod(shape, dtype=np.int64))
    lowest, highest, total, squares = np.inf, -np.inf, 0.0, 0.0
    try:
        with partial.open("wb") as file:
            reserve(file, size)
            file.seek(HEADER)
            file.write(tilts.tobytes())
            for image in images:
                pixels = np.ascontiguousarray(image, "<f4")
                file.write(pixels.data)
                lowest, highest = min(lowest, float(pixels.min())), max(highest, float(pixels.max()))
                total, squares = total + float(pixels.sum(dtype=float)), squares + float(np.square(pixels, dtype=float).sum())
            mean = total / float(np.prod(shape))
            deviation = np.sqrt(max(0.0, squares / float(np.prod(shape)) - mean**2))
            file.seek(0)
            file.write(_header(shape, pixel_sizes_angstrom, len(tilts.tobytes()), (lowest, highest, mean, float(deviation))))
    except OSError as error:
        if disk_full(error):
            raise InputError(f"{no_space_in(path, size)}, or choose another place") from error
        raise InputError(f"{path} can't be written ({(error.strerror or str(error)).lower()}): choose another place") from error


def _header(
    shape: tuple[int, int, int], sizes: tuple[float, float] | None, extended: int, statistics: tuple[float, float, float, float]
) -> bytes:
    """The 1024-byte header of a stack of images, without a date."""
    with tempfile.TemporaryDirectory() as folder, mrcfile.new(Path(folder) / "empty.mrc", np.zeros((1, 1, 1), np.float32)) as file:
        file.set_image_stack()
        header: Any = file.header
        header.nz, header.ny, header.nx = shape
        header.mz, header.my, header.mx = shape
        rows, columns = sizes or (1.0, 1.0)
        file.voxel_size = (columns, rows, rows)
        header.dmin, header.dmax, header.dmean, header.rms = statistics
        header.nsymbt, header.exttyp = extended, AGARD
        header.label[0] = f"mwgan {__version__}"
        content = bytearray(header.tobytes())
    content[COUNTS] = np.array([0, 1], "<i2").tobytes()
    return bytes(content)
