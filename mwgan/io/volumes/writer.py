"""A volume written to disk block by block: complete, or not there at all."""

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
from mwgan.files.space import disk_full, no_space_in
from mwgan.files.whole import WrittenTogether
from mwgan.io.volumes.facts import VolumeFacts, VolumeStatistics
from mwgan.io.volumes.formats import split_name, volume_format


class VolumeWriter:
    """Writes a volume (Y, Z, X) float32 under a temporary name and gives it its own name when all went well.

    Use as a context manager; an error or an interruption inside leaves whatever was there before. The volume's room on the disk
    is taken at the beginning. One block at a time is in memory, whatever the volume's size.

    Parameters
    ----------
    path
        The volume's name, whose end decides the format (:data:`mwgan.io.volumes.SUFFIXES`); an older file of that name is replaced
        at the end.
    shape
        (Y, Z, X): y along the tilt axis, z along the beam.
    voxel_sizes_angstrom
        Edges (y, z, x) of a voxel in ångström, or one number for all; None where they aren't known: a header that must have some then
        says 1, as other programs have it, because some can't open a volume without any size.
    files
        What the volume is written together with; by itself if None.
    first_voxel_px
        Where the first voxel lies (y, z, x) in the whole volume that this one is cut from, in voxels.

    Raises
    ------
    InputError
        If the name ends in no format's suffix, there is no room for it, or the place can't be written to.
    """

    def __init__(
        self,
        path: str | Path,
        shape: tuple[int, int, int],
        voxel_sizes_angstrom: float | tuple[float, float, float] | None,
        files: WrittenTogether | None = None,
        first_voxel_px: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> None:
        self.path, self._together, self._format = Path(path), files, volume_format(Path(path))
        sizes = voxel_sizes_angstrom or None
        edges = sizes if isinstance(sizes, tuple) or sizes is None else (sizes,) * 3
        self.facts = VolumeFacts(split_name(self.path)[0], shape, edges, first_voxel_px)
        # Of each slice: least, greatest, mean and variance. What is never written is 0, in the file too.
        self._statistics = np.zeros((4, shape[0]))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(Y, Z, X)."""
        return self.facts.shape

    def __enter__(self) -> VolumeWriter:
        with self._sentences(), ExitStack() as opened:
            together = opened.enter_context(WrittenTogether()) if self._together is None else self._together
            self._partial = together.add(self.path)
            if not self._partial.exists():
                self._format.create(self._partial, self.facts)
            self._places = self._format.places(self._partial, self.facts)
            self._file = opened.enter_context(self._partial.open("r+b"))
            self._opened = opened.pop_all()
        return self

    def write(self, start: int, slices: Tensor) -> list[list[float]]:
        """Put tomograms (B, 1, Z, X) at the slices ``start`` … along the tilt axis; what :meth:`recall` takes of them."""
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
        """Count slices as written that another process wrote into the same temporary file: what :meth:`write` gave for them."""
        self._statistics[:, start : start + len(kept[0])] = kept

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._sentences():
            if kind is not None:
                self._opened.__exit__(kind, error, trace)
                return
            with self._opened:
                self._finish()

    def read(self, number: int) -> np.ndarray:
        """The slice (Z, X) that was written at a place, or 0 where none was."""
        self._file.seek(int(self._places[number]))
        return np.frombuffer(self._file.read(self.facts.slice_bytes), "<f4").reshape(self.shape[1:])

    def _finish(self) -> None:
        """Say what is known of all slices, and see everything safe on the disk."""
        least, greatest, mean, variance = self._statistics
        deviation = math.sqrt(variance.mean() + mean.var())
        self._file.flush()
        self._format.finish(self._partial, self.facts, VolumeStatistics(least.min(), greatest.max(), mean.mean(), deviation))
        os.fsync(self._file.fileno())

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        """What the disk refuses, as a user's mistake."""
        try:
            yield
        except OSError as error:
            if disk_full(error):
                raise InputError(f"{no_space_in(self.path, self._format.size(self.facts))}, or choose another place") from error
            raise InputError(f"{self.path} can't be written ({(error.strerror or str(error)).lower()}): choose another place") from error
