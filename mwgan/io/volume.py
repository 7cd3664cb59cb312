"""A volume written to disk block by block: complete, or not there at all."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import mrcfile
import numpy as np
from torch import Tensor

from mwgan.errors import InputError
from mwgan.files.space import disk_full, no_space_in, reserve
from mwgan.files.whole import WrittenTogether

HEADER, FLOAT32 = 1024, 4  # bytes


class VolumeWriter:
    """Writes an MRC volume (Y, Z, X) float32 under a temporary name and gives it its own name when all went well.

    Use as a context manager; an error or an interruption inside leaves whatever was there before. The volume's room on the disk
    is taken at the beginning. One block at a time is in memory, whatever the volume's size.

    Parameters
    ----------
    path
        The volume's name; an older file of that name is replaced at the end.
    shape
        (Y, Z, X): y along the tilt axis, z along the beam.
    voxel_size_angstrom
        Edge of a voxel in ångström, kept in the header.
    files
        What the volume is written together with; by itself if None.

    Raises
    ------
    InputError
        If there is no room for it, or the place can't be written to.
    """

    def __init__(
        self, path: str | Path, shape: tuple[int, int, int], voxel_size_angstrom: float, files: WrittenTogether | None = None
    ) -> None:
        self.path, self.shape, self.voxel_size_angstrom, self._together = Path(path), shape, voxel_size_angstrom, files
        # Of each slice: least, greatest, mean and variance. What is never written is 0, in the file too.
        self._statistics = np.zeros((4, shape[0]))

    def __enter__(self) -> VolumeWriter:
        with self._sentences(), ExitStack() as opened:
            together = opened.enter_context(WrittenTogether()) if self._together is None else self._together
            partial = together.add(self.path)
            self._header = _header(partial, self.shape, self.voxel_size_angstrom)
            self._file = opened.enter_context(partial.open("wb"))
            reserve(self._file, self._size)
            self._opened = opened.pop_all()
        return self

    def write(self, start: int, slices: Tensor) -> None:
        """Put tomograms (B, 1, Z, X) at the slices ``start`` … along the tilt axis."""
        block = np.ascontiguousarray(slices[:, 0].cpu().numpy(), dtype=np.float32)
        for number, one in enumerate(block, start):
            self._statistics[:, number] = one.min(), one.max(), one.mean(dtype=np.float64), one.var(dtype=np.float64)
        with self._sentences():
            self._file.seek(HEADER + FLOAT32 * start * math.prod(self.shape[1:]))
            self._file.write(block.data)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._sentences():
            if kind is not None:
                self._opened.__exit__(kind, error, trace)
                return
            with self._opened:
                self._finish()

    @property
    def _size(self) -> int:
        return HEADER + FLOAT32 * math.prod(self.shape)

    def _finish(self) -> None:
        """Write the header, with what it says of all slices, and see everything safe on the disk."""
        header, (least, greatest, mean, variance) = self._header, self._statistics
        header.dmin, header.dmax, header.dmean = least.min(), greatest.max(), mean.mean()
        header.rms = math.sqrt(variance.mean() + mean.var())
        self._file.seek(0)
        self._file.write(header.tobytes())
        self._file.flush()
        os.fsync(self._file.fileno())

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        """What the disk refuses, as a user's mistake."""
        try:
            yield
        except OSError as error:
            if disk_full(error):
                raise InputError(f"{no_space_in(self.path, self._size)}, or choose another place") from error
            raise InputError(f"{self.path} can't be written ({(error.strerror or str(error)).lower()}): choose another place") from error


def _header(partial: Path, shape: tuple[int, int, int], voxel_size_angstrom: float) -> Any:
    """The header of a volume that has yet to be written; its statistics are those of zeros."""
    with mrcfile.new(partial, np.zeros((1, 1, 1), np.float32), overwrite=True) as file:
        header = file.header
        header.nz, header.ny, header.nx = header.mz, header.my, header.mx = shape
        file.voxel_size = voxel_size_angstrom
        return header.copy()
