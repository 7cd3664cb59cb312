"""Volumes from parts of a tilt series, reconstructed like the full one: their differences show the effect of noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from mwgan.errors import InputError
from mwgan.recon import Reconstructor
from mwgan.series.measured import Series, measurement_of
from mwgan.series.slice_grid import SliceGrid
from mwgan.trust.uncertainty import without_fold

GROUPS = 4
SLICES_AT_ONCE = 8
LEAST_TILTS = 3  # per part


@dataclass(frozen=True)
class Subsets:
    """A tilt series and the method that a volume was made by.

    Parameters
    ----------
    series
        The series that the volume was made from, with the same tilts.
    reconstructor
        The method, for data in any units.
    groups
        Number of parts that the tilts are divided into, in an interleaved way; each is left out once.
    thickness, width
        Pixels of a slice along z and x, as for :func:`mwgan.series.reconstruct_series`.
    device
        Where slices are reconstructed, as a torch device name.

    Raises
    ------
    InputError
        If there are fewer than two groups, or too few tilts for them.
    """

    series: Series
    reconstructor: Reconstructor
    groups: int = GROUPS
    thickness: int | None = None
    width: int | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        tilts = self.series.geometry.tilts
        if self.groups < 2:
            raise InputError(f"groups must be 2 or more, not {self.groups}")
        if tilts < LEAST_TILTS * self.groups:
            raise InputError(f"{tilts} tilts are too few for {self.groups} groups: give fewer groups, or leave the series out")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(Y, Z, X) of the volumes."""
        grid = self._grid
        return self.series.slices, grid.thickness, grid.width

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raise an :class:`InputError` unless a volume of this shape can be from the series."""
        if tuple(shape) != self.shape:
            there, here = (" x ".join(map(str, one)) for one in (self.shape, shape))
            raise InputError(
                f"the series gives {there} voxels and the volume has {here}: give the series, "
                "binning, thickness and width that it was made with"
            )

    def volumes(self, parts: int, say: Callable[[str], None] = lambda sentence: None) -> Iterator[npt.NDArray[np.float32]]:
        """The volumes (Y, Z, X) that each leave out one of ``parts`` parts of the tilts, one at a time."""
        return (self._volume(part, parts, say) for part in range(parts))

    @property
    def _grid(self) -> SliceGrid:
        return SliceGrid.of(self.series.geometry, self.thickness, self.width)

    @torch.no_grad()
    def _volume(self, part: int, parts: int, say: Callable[[str], None]) -> npt.NDArray[np.float32]:
        grid = self._grid
        volume = np.empty(self.shape, np.float32)
        say(f"reconstructing without part {part + 1} of {parts} of the tilts")
        for start in range(0, self.series.slices, SLICES_AT_ONCE):
            stop = min(start + SLICES_AT_ONCE, self.series.slices)
            measurement = without_fold(grid.placed(measurement_of(self.series, start, stop, self.device)), part, parts)
            volume[start:stop] = grid.cropped(self.reconstructor(measurement))[:, 0].cpu().numpy()
        if not np.isfinite(volume).all():
            raise InputError("a part of the tilts gives a volume with NaN: give fewer groups, or leave the series out")
        return volume
