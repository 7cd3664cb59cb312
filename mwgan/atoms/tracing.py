"""Atoms traced in a volume: its maxima, located between voxels, none closer to another than atoms can be."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, maximum_filter
from scipy.spatial import cKDTree

Points = npt.NDArray[np.float64]
SMOOTHING = 1.0  # voxels
LEAST = 0.5  # of a typical atom's height


class Traced(NamedTuple):
    """Maxima that may be atoms, the highest first."""

    places: Points
    """(K, 3): x, y, z in voxels from the middle of the volume."""
    heights: Points
    """(K,): of the smoothed volume."""

    def above(self, share: float) -> Traced:
        """Those higher than a share of a :func:`typical` one."""
        kept = self.heights > share * typical(self.heights)
        return Traced(self.places[kept], self.heights[kept])


def trace(volume: npt.NDArray[np.floating], closest: float, smoothing: float = SMOOTHING) -> Traced:
    """All maxima of a volume.

    Parameters
    ----------
    volume
        (Y, Z, X).
    closest
        Voxels: of two maxima that are closer than this the lower one is dropped.
    smoothing
        Standard deviation of a Gaussian in voxels that the volume is smoothed with.
    """
    smooth = gaussian_filter(np.asarray(volume, np.float64), smoothing) if smoothing > 0 else np.asarray(volume, np.float64)
    peak = (smooth == maximum_filter(smooth, size=3)) & (smooth > 0)
    peak[[0, -1]] = peak[:, [0, -1]] = peak[:, :, [0, -1]] = False
    voxels = np.argwhere(peak)
    heights = smooth[tuple(voxels.T)]
    order = np.argsort(-heights, kind="stable")
    voxels, heights = voxels[order], heights[order]
    places = voxels + _between_voxels(smooth, voxels)
    kept = apart(places, closest)
    middle = (np.array(volume.shape) - 1) / 2
    return Traced((places - middle)[kept][:, [2, 0, 1]], heights[kept])


def typical(heights: Points) -> float:
    """The median of the heights, each weighted by itself: that of an atom, even among many small maxima of noise."""
    if not len(heights):
        return 0.0
    ordered = np.sort(heights)
    sums = np.cumsum(ordered)
    return float(ordered[np.searchsorted(sums, sums[-1] / 2)])


def apart(places: Points, closest: float) -> npt.NDArray[np.int64]:
    """Indices of places that are no closer than this to another; of two that are the first one stays."""
    if not len(places):
        return np.empty(0, np.int64)
    dead = np.zeros(len(places), bool)
    neighbours: dict[int, list[int]] = {}
    for one, other in cKDTree(places).query_pairs(closest, output_type="ndarray"):
        neighbours.setdefault(int(min(one, other)), []).append(int(max(one, other)))
    for one in sorted(neighbours):
        if not dead[one]:
            dead[neighbours[one]] = True
    return np.flatnonzero(~dead)


def _between_voxels(smooth: Points, voxels: npt.NDArray[np.int64]) -> Points:
    """Offset of the vertex of a parabola through each maximum and its neighbours along each axis, at most half a voxel."""
    offset = np.zeros(voxels.shape)
    for axis in range(3):
        step = np.zeros(3, np.int64)
        step[axis] = 1
        before, here, after = (smooth[tuple((voxels + turn * step).T)] for turn in (-1, 0, 1))
        bend = before - 2 * here + after
        offset[:, axis] = np.where(bend < 0, 0.5 * (before - after) / np.where(bend < 0, bend, 1.0), 0.0)
    return np.clip(offset, -0.5, 0.5)
