"""Segmentation thresholds: found, given, or halfway between the grey levels of known materials."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mwgan.errors import InputError

OTSU = "otsu"
LEVELS = 1024  # of the histogram for Otsu's threshold


@dataclass(frozen=True)
class Materials:
    """Grey levels split into void and one material or more.

    Parameters
    ----------
    thresholds
        Rising: below the first is void, above each another material.
    contrast
        Step in grey levels across each threshold; the assumed error of a threshold is a share of it.
    """

    thresholds: tuple[float, ...]
    contrast: tuple[float, ...]

    @property
    def count(self) -> int:
        """Number of materials without void."""
        return len(self.thresholds)

    def moved(self, share: float) -> Materials:
        """All thresholds raised by a share of their contrast."""
        steps = zip(self.thresholds, self.contrast, strict=True)
        return Materials(tuple(level + share * contrast for level, contrast in steps), self.contrast)

    def field(self, volume: npt.NDArray[np.floating], material: int) -> npt.NDArray[np.float32]:
        """A level-set field: above 0 inside a material, counted from 1, below 0 elsewhere; 0 on the border, between voxels."""
        above = np.asarray(volume, np.float32) - np.float32(self.thresholds[material - 1])
        if material == self.count:
            return above
        return np.asarray(np.minimum(above, np.float32(self.thresholds[material]) - np.asarray(volume, np.float32)), np.float32)


def find_materials(volume: npt.NDArray[np.float32], threshold: str | float = OTSU, levels: Sequence[float] | None = None) -> Materials:
    """The thresholds of a volume (Y, Z, X).

    Parameters
    ----------
    volume
        Grey values, finite.
    threshold
        ``otsu``, halfway between the medians of the two classes of Otsu's method; or a grey level between void and specimen.
    levels
        Alternatively, rising grey levels of void and of every material: thresholds are halfway between them.

    Raises
    ------
    InputError
        If there is nothing above the first threshold or nothing below it, or a level can't be used.

    References
    ----------
    Otsu, IEEE Trans. Systems, Man and Cybernetics 9 (1979) 62–66.
    """
    least, greatest = float(volume.min()), float(volume.max())
    if least == greatest:
        raise InputError(f"every voxel of the volume is {least:g}: there is no specimen to measure, give another volume")
    if levels is not None:
        return _between(levels, least, greatest)
    if threshold == OTSU:
        from skimage.filters import threshold_otsu

        split = volume > float(threshold_otsu(volume, nbins=LEVELS))  # type: ignore[no-untyped-call]
        void, solid = float(np.median(volume[~split])), float(np.median(volume[split]))
        at = (void + solid) / 2  # Otsu's is arbitrary within an empty gap, and blurred edges are halfway
        return Materials((at,), (solid - void,))
    try:
        at = float(threshold)
    except ValueError as error:
        raise InputError(f"a threshold must be otsu or a grey level, not {threshold!r}") from error
    _check_inside(at, least, greatest)
    above = volume > at
    return Materials((at,), (float(np.median(volume[above])) - float(np.median(volume[~above])),))


def _between(levels: Sequence[float], least: float, greatest: float) -> Materials:
    given = [float(level) for level in levels]
    rising = all(one < other for one, other in itertools.pairwise(given))
    if len(given) < 2 or not all(math.isfinite(level) for level in given) or not rising:
        listed = ",".join(f"{level:g}" for level in given)
        raise InputError(f"materials are the rising grey levels of void and of one material or more, as 0,0.4,1, not {listed}")
    thresholds = tuple((one + other) / 2 for one, other in itertools.pairwise(given))
    for at in thresholds:
        _check_inside(at, least, greatest)
    return Materials(thresholds, tuple(other - one for one, other in itertools.pairwise(given)))


def _check_inside(at: float, least: float, greatest: float) -> None:
    if not math.isfinite(at):
        raise InputError(f"a threshold must be a finite grey level, not {at}")
    if at >= greatest:
        raise InputError(f"no voxel of the volume is above the threshold {at:g}: its maximum is {greatest:g}, give a lower one")
    if at < least:
        raise InputError(f"all voxels of the volume are above the threshold {at:g}: its minimum is {least:g}, give a higher one")
