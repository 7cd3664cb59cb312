"""A volume written to disk block by block: complete, or not there at all."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import mrcfile
import numpy as np
from torch import Tensor

from mwgan import __version__
from mwgan.errors import InputError
from mwgan.files.space import disk_full, no_space_in, reserve
from mwgan.files.whole import WrittenTogether

HEADER, FLOAT32 = 1024, 4  # bytes
UNKNOWN_ANGSTROM = 1.0


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
    voxel_sizes_angstrom
        Edges (y, z, x) of a voxel in ångström, or one number for all, kept in the header; None where they aren't known: the header then
        says 1, as other programs have it, because some can't open a volume without any size.
    files
        What the volume is written together with; by itself if None.

    Raises
    ------
    InputError
        If there is no room for it, or the place can't be written to.
    """

    def __init__(
        self,
        path: str | Path,
        shape: tuple[int, int, int],
        voxel_sizes_angstrom: float | tuple[float, float, float] | None,
        files: WrittenTogether | None = None,
    ) -> None:
        self.path, self.shape, self._together = Path(path), shape, files
        y, z, x = voxel_sizes_angstrom if isinstance(voxel_sizes_angstrom, tuple) else (voxel_sizes_angstrom or UNKNOWN_ANGSTROM,) * 3
        self.voxel_sizes_angstrom = (float(y), float(z), float(x))
        # Of each slice: least, greatest, mean and variance. What is never written is 0, in the file too.
        self._statistics = np.zeros((4, shape[0]))

    def __enter__(self) -> VolumeWriter:
        with self._sentences(), ExitStack() as opened:
            together = opened.enter_context(WrittenTogether()) if self._together is None else self._together
            partial = together.add(self.path)
            self._header = _header(self.shape, self.voxel_sizes_angstrom)
            begun = partial.exists() and partial.stat().st_size == self._size
            self._file = opened.enter_context(partial.open("r+b" if begun else "wb"))
            if not begun:
                reserve(self._file, self._size)
            self._opened = opened.pop_all()
        return self

    def write(self, start: int, slices: Tensor) -> list[list[float]]:
        """Put tomograms (B, 1, Z, X) at the slices ``start`` … along the tilt axis; what :meth:`recall` takes of them."""
        block = np.ascontiguousarray(slices[:, 0].cpu().numpy(), dtype=np.float32)
        for number, one in enumerate(block, start):
            self._statistics[:, number] = one.min(), one.max(), one.mean(dtype=np.float64), one.var(dtype=np.float64)
        with self._sentences():
            self._file.seek(HEADER + FLOAT32 * start * math.prod(self.shape[1:]))
            self._file.write(block.data)
            self._file.flush()
        kept: list[list[float]] = self._statistics[:, start : start + len(block)].tolist()
        return kept

    def recall(self, start: int, kept: list[list[float]]) -> None:
        """Count slices as written that another process wrote into the same temporary file: what :meth:`write` gave for them."""
        self._statistics[:, start : start + len(kept[0])] = kept

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


def _header(shape: tuple[int, int, int], voxel_sizes_angstrom: tuple[float, float, float]) -> Any:
    """The header of a volume that has yet to be written; its statistics are those of zeros. It is the same on any day."""
    with tempfile.TemporaryDirectory() as folder, mrcfile.new(Path(folder) / "empty.mrc", np.zeros((1, 1, 1), np.float32)) as file:
        header = file.header
        header.nz, header.ny, header.nx = header.mz, header.my, header.mx = shape
        y, z, x = voxel_sizes_angstrom
        file.voxel_size = (x, z, y)
        header.label[0] = f"mwgan {__version__}"
        return header.copy()
