"""Corrections of a series' images, applied as its slices are read."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mwgan.series.look.filled import Filled
from mwgan.series.look.outliers import Outliers

Array = npt.NDArray[np.float32]


class Repairs:
    """The corrections of the pixels of every image, in the order of the geometry.

    Parameters
    ----------
    outliers
        Outliers of each image, with their replacements.
    background
        Level subtracted from each image (A,).
    vacuum
        Level of the surroundings of each image (A,), if images are inverted; else None.
    logarithm
        Whether they are inverted by -log(I / vacuum), or by vacuum - I.
    filled
        Unmeasured borders of each image.
    along_x
        Whether the tilt axis runs along the columns' index.
    shape
        (R, C) of the images.
    """

    def __init__(
        self,
        outliers: list[Outliers],
        background: npt.NDArray[np.float64],
        vacuum: npt.NDArray[np.float64] | None,
        filled: list[Filled],
        along_x: bool,
        shape: tuple[int, int],
        logarithm: bool = True,
    ) -> None:
        self._outliers = [(one.columns, one.rows, one.values) if along_x else (one.rows, one.columns, one.values) for one in outliers]
        self._background, self._vacuum = background.astype(np.float32), None if vacuum is None else vacuum.astype(np.float32)
        self._filled, self._along_x, self._shape, self._logarithm = filled, along_x, shape, logarithm

    def __call__(self, block: Array, start: int) -> Array:
        """Slices (S, A, N) from ``start`` on along the tilt axis, as stored, corrected."""
        for place, (along, across, values) in enumerate(self._outliers):
            inside = (along >= start) & (along < start + len(block))
            block[along[inside] - start, place, across[inside]] = values[inside]
        if self._vacuum is not None:
            level = self._vacuum[None, :, None]
            if not self._logarithm:
                return np.asarray(level - block)
            return np.asarray(-np.log(np.maximum(block, level * 1e-4) / level), dtype=np.float32)
        return block - self._background[None, :, None] if self._background.any() else block

    def measured(self, start: int, stop: int) -> npt.NDArray[np.bool_] | None:
        """Which pixels of the slices were measured, (S, A, N); None if all were."""
        if not any(self._filled):
            return None
        across = self._shape[0] if self._along_x else self._shape[1]
        found = np.ones((stop - start, len(self._filled), across), bool)
        for place, filled in enumerate(self._filled):
            if filled:
                whole = filled.whole(self._shape)
                found[:, place] = (whole.T if self._along_x else whole)[start:stop]
        return found
