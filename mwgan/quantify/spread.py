"""How much a particle's numbers move when what they rest on moves: its threshold, its voxels' uncertainty, the tilts it is made from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from mwgan.quantify.labels import Particles, Place
from mwgan.quantify.materials import Materials
from mwgan.quantify.particle import Numbers, Voxel, measure_again

THRESHOLD_SHARE = 0.1  # of the contrast, by which a threshold may be wrong
EDGE = 0.1  # voxels, to which a surface is found at best
GONE = 1.0  # the logarithm's move where a particle is no longer there
DIMENSIONS = {  # of a length: how fast a number grows with the particle
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
    """Of the logarithm of every number: by how much it moves with the threshold, and at least what a voxel's grain allows."""
    moved = [measure_again(particles, place, volume, materials.moved(share), voxel_nm) for share in (-THRESHOLD_SHARE, THRESHOLD_SHARE)]
    by_threshold = _half_range(numbers, moved)
    edge = EDGE * min(voxel_nm)
    skin = edge * numbers.surface / numbers.volume  # a layer that thin, as a share of the particle
    grain = {name: skin * power / DIMENSIONS["volume"] for name, power in DIMENSIONS.items()} | {"thickness": 2 * edge / numbers.thickness}
    return combined([by_threshold, grain])


def uncertainty_spread(
    particles: Particles, place: Place, numbers: Numbers, volume: np.ndarray, deviation: np.ndarray, materials: Materials, voxel_nm: Voxel
) -> Spread:
    """By how much every number moves where all voxels are off by their standard deviation to the same side: the most that they can do."""
    window = place.window
    moved = []
    for sign in (-1, 1):
        other = np.array(volume)
        other[window] += sign * deviation[window]
        moved.append(measure_again(particles, place, other, materials, voxel_nm))
    return _half_range(numbers, moved)


def subset_spread(numbers: Numbers, subsets: Sequence[Numbers | None]) -> Spread:
    """The jackknife's standard error of every number, of volumes that each leave out another part of the tilts.

    References
    ----------
    Efron and Stein, Annals of Statistics 9 (1981) 586–596.
    """
    logs = _logarithms(numbers, subsets)
    groups = len(subsets)
    return {name: float(math.sqrt((groups - 1) * np.mean((moves - moves.mean()) ** 2))) for name, moves in logs.items()}


def combined(spreads: Iterable[Spread]) -> Spread:
    """Spreads that have nothing to do with each other, as one."""
    found = list(spreads)
    return {name: math.sqrt(sum(one[name] ** 2 for one in found)) for name in QUANTITIES}


def _half_range(numbers: Numbers, moved: Sequence[Numbers | None]) -> Spread:
    """Half of what lies between the least and the greatest of a number and its moved ones."""
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
