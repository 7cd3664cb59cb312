"""Writes a volume to disk block by block, atomically."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

import numpy as np
from torch import Tensor

from mwgan.errors import InputError
from mwgan.files.atomic import AtomicFiles
from mwgan.files.space import disk_full, no_space_in
from mwgan.io.volumes.facts import VolumeFacts, VolumeStatistics
from mwgan.io.volumes.formats import split_name, volume_format


class VolumeWriter:
    """Writes a volume (Y, Z, X) float32 under a temporary name and renames it on success.

    Use as a context manager; an error or an interruption leaves an existing file unchanged. The volume's disk space
    is allocated at the start. One block at a time is in memory, whatever the volume's size.

    Parameters
    ----------
    path
        The volume's name, whose suffix decides the format (:data:`mwgan.io.volumes.SUFFIXES`); an existing file is replaced
        at the end.
    shape
        (Y, Z, X): y along the tilt axis, z along the beam.
    voxel_sizes_angstrom
        Voxel sizes (y, z, x) in ångström, or one number for all; None if unknown: headers that require a size then
        have 1, as in other programs, because some can't open a volume without a size.
    files
        The group of files that it is written together with; None: alone.
    first_voxel_px
        Position of the first voxel (y, z, x) in the full volume that this one is cut from, in voxels.

    Raises
    ------
    InputError
        If the name has no format's suffix, there is no space, or the file can't be written.
    """

    def __init__(
        self,
        path: str | Path,
        shape: tuple[int, int, int],
        voxel_sizes_angstrom: float | tuple[float, float, float] | None,
        files: AtomicFiles | None = None,
        first_voxel_px: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> None:
        self.path, self._together, self._format = Path(path), files, volume_format(Path(path))
        sizes = voxel_sizes_angstrom or None
        edges = sizes if isinstance(sizes, tuple) or sizes is None else (sizes,) * 3
        self.facts = VolumeFacts(split_name(self.path)[0], shape, edges, first_voxel_px)
        # For each slice: minimum, maximum, mean and variance. Slices that are never written are 0, also in the file.
        self._statistics = np.zeros((4, shape[0]))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(Y, Z, X)."""
        return self.facts.shape

    def __enter__(self) -> VolumeWriter:
        with self._sentences(), ExitStack() as opened:
            together = opened.enter_context(AtomicFiles()) if self._together is None else self._together
            self._partial = together.add(self.path)
            if not self._partial.exists():
                self._format.create(self._partial, self.facts)
            self._places = self._format.places(self._partial, self.facts)
            self._file = opened.enter_context(self._partial.open("r+b"))
            self._opened = opened.pop_all()
        return self

    def write(self, start: int, slices: Tensor) -> list[list[float]]:
        """Write tomograms (B, 1, Z, X) to the slices from ``start`` on; return what :meth:`recall` needs of them."""
        block = np.ascontiguousarray(slices[:, 0].cpu().numpy(), dtype="<f4")
        for number, one in enumerate(block, start):
            self._statistics[:, number] = one.min(), one.max(), one.mean(dtype=np.float64), one.var(dtype=np.float64)
        with self._sentences():
            for number, one in enumerate(block, start):
                self._file.seek(int(self._places[number]))
                self._file.write(one.data)
            self._file.flush()
        kept: list[list[float]] = self._statistics[:, start : start + len(block)].tolist()
        return kept

    def recall(self, start: int, kept: list[list[float]]) -> None:
        """Count slices that an earlier process wrote to the same temporary file, by what :meth:`write` returned for them."""
        self._statistics[:, start : start + len(kept[0])] = kept

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._sentences():
            if kind is not None:
                self._opened.__exit__(kind, error, trace)
                return
            with self._opened:
                self._finish()

    def read(self, number: int) -> np.ndarray:
        """The slice (Z, X) with this number, or 0 if it was never written."""
        self._file.seek(int(self._places[number]))
        return np.frombuffer(self._file.read(self.facts.slice_bytes), "<f4").reshape(self.shape[1:])

    def _finish(self) -> None:
        """Write the statistics, and flush everything to disk."""
        least, greatest, mean, variance = self._statistics
        deviation = math.sqrt(variance.mean() + mean.var())
        self._file.flush()
        self._format.finish(self._partial, self.facts, VolumeStatistics(least.min(), greatest.max(), mean.mean(), deviation))
        os.fsync(self._file.fileno())

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        """Context that turns disk errors into user errors."""
        try:
            yield
        except OSError as error:
            if disk_full(error):
                raise InputError(f"{no_space_in(self.path, self._format.size(self.facts))}, or choose another place") from error
            raise InputError(f"{self.path} can't be written ({(error.strerror or str(error)).lower()}): choose another place") from error
