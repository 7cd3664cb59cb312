"""A volume written to disk block by block: complete, or not there at all."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

import mrcfile
from torch import Tensor

from mwgan.errors import InputError


class VolumeWriter:
    """Writes an MRC volume (Y, Z, X) float32 under a temporary name and gives it its own name when all went well.

    Use as a context manager; an error or an interruption inside leaves whatever was there before.

    Parameters
    ----------
    path
        The volume's name; an older file of that name is replaced at the end.
    shape
        (Y, Z, X): y along the tilt axis, z along the beam.
    voxel_size_angstrom
        Edge of a voxel in ångström, kept in the header.
    """

    def __init__(self, path: str | Path, shape: tuple[int, int, int], voxel_size_angstrom: float) -> None:
        self.path, self.shape, self.voxel_size_angstrom = Path(path), shape, voxel_size_angstrom
        self._partial = self.path.with_name(f".{self.path.name}.partial")

    def __enter__(self) -> VolumeWriter:
        try:
            self._file = mrcfile.new_mmap(self._partial, shape=self.shape, mrc_mode=2, overwrite=True)
        except OSError as error:
            raise InputError(f"{self.path} can't be written ({(error.strerror or str(error)).lower()}): choose another place") from error
        self._file.voxel_size = self.voxel_size_angstrom
        return self

    def write(self, start: int, slices: Tensor) -> None:
        """Put tomograms (B, 1, Z, X) at the slices ``start`` … along the tilt axis."""
        self._file.data[start : start + len(slices)] = slices[:, 0].cpu().numpy()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self._file.update_header_stats()
        self._file.close()
        if kind is None:
            os.replace(self._partial, self.path)
        else:
            self._partial.unlink(missing_ok=True)
