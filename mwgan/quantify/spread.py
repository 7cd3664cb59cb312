"""Sensitivity of a particle's values to the threshold, the voxels' uncertainty, and the choice of tilts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from mwgan.quantify.labels import Particles, Place
from mwgan.quantify.materials import Materials
from mwgan.quantify.particle import Numbers, Voxel, measure_again

THRESHOLD_SHARE = 0.1  # of the contrast: assumed error of a threshold
EDGE = 0.1  # voxels: best accuracy of a surface
GONE = 1.0  # change of the logarithm if a particle no longer exists
DIMENSIONS = {  # exponent of length: how fast a value grows with the particle
    "volume": 3,
    "surface": 2,
    "thickness": 1,
    "thickness_z": 1,
    "sphericity": 1,
    "elongation": 1,
    "flatness": 1,
    "width_over_height": 1,
}
QUANTITIES = tuple(DIMENSIONS)
Spread = dict[str, float]


def threshold_spread(
    particles: Particles, place: Place, numbers: Numbers, volume: np.ndarray, materials: Materials, voxel_nm: Voxel
) -> Spread:
    """Spread of the logarithm of every value with the threshold, and at least that from the voxel size."""
    moved = [measure_again(particles, place, volume, materials.moved(share), voxel_nm) for share in (-THRESHOLD_SHARE, THRESHOLD_SHARE)]
    by_threshold = _half_range(numbers, moved)
    edge = EDGE * min(voxel_nm)
    skin = edge * numbers.surface / numbers.volume  # a layer that thin, as a share of the particle
    grain = {name: skin * power / DIMENSIONS["volume"] for name, power in DIMENSIONS.items()} | {"thickness": 2 * edge / numbers.thickness}
    return combined([by_threshold, grain])


def uncertainty_spread(
    particles: Particles, place: Place, numbers: Numbers, volume: np.ndarray, deviation: np.ndarray, materials: Materials, voxel_nm: Voxel
) -> Spread:
    """Change of every value if all voxels are off by their standard deviation in the same direction: an upper bound."""
    window = place.window
    moved = []
    for sign in (-1, 1):
        other = np.array(volume)
        other[window] += sign * deviation[window]
        moved.append(measure_again(particles, place, other, materials, voxel_nm))
    return _half_range(numbers, moved)


def subset_spread(numbers: Numbers, subsets: Sequence[Numbers | None]) -> Spread:
    """The jackknife standard error of every value, from volumes that each leave out another part of the tilts.

    References
    ----------
    Efron and Stein, Annals of Statistics 9 (1981) 586–596.
    """
    logs = _logarithms(numbers, subsets)
    groups = len(subsets)
    return {name: float(math.sqrt((groups - 1) * np.mean((moves - moves.mean()) ** 2))) for name, moves in logs.items()}


def combined(spreads: Iterable[Spread]) -> Spread:
    """Independent spreads combined in quadrature."""
    found = list(spreads)
    return {name: math.sqrt(sum(one[name] ** 2 for one in found)) for name in QUANTITIES}


def _half_range(numbers: Numbers, moved: Sequence[Numbers | None]) -> Spread:
    """Half of the range of each value and its variations."""
    logs = _logarithms(numbers, moved)
    return {name: float((max(0.0, moves.max()) - min(0.0, moves.min())) / 2) for name, moves in logs.items()}


def _logarithms(numbers: Numbers, moved: Sequence[Numbers | None]) -> dict[str, np.ndarray]:
    found = {}
    for name in QUANTITIES:
        here = getattr(numbers, name)
        there = [GONE if one is None else _log(getattr(one, name), here) for one in moved]
        found[name] = np.clip(there, -GONE, GONE)
    return found


def _log(there: float, here: float) -> float:
    return math.log(there / here) if there > 0 and here > 0 else GONE
