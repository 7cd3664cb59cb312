"""Resolution along and across the beam, by the correlation of reconstructions from two halves of the tilts."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from mwgan.trust.frc import fourier_ring_correlation

SECTOR_DEG = 30.0  # on either side of a direction
AGREEMENT = 0.143  # correlation of halves, at which that of the full volume with the truth is a half
RESAMPLED = 200
DIRECTIONS = {"z": 0.0, "x": 90.0}  # from the beam


class Resolution(NamedTuple):
    """Resolution in nm, with a bootstrap interval over slices; infinite if the halves never agree."""

    value: float
    low: float
    high: float


def resolution_along(halves: tuple[Tensor, Tensor], direction: str, voxel_nm: float) -> Resolution:
    """The resolution of a volume along ``z`` or ``x``, from its two halves (Y, Z, X) and the size of a voxel in nm.

    Ring correlation of each slice perpendicular to the tilt axis, in a sector around the direction; the resolution is the period of the
    ring at which the mean over slices first falls below :data:`AGREEMENT`. It is no better than two voxels.

    References
    ----------
    Rosenthal and Henderson, J. Molecular Biology 333 (2003) 721–745.
    """
    first, second = (_square(half) for half in halves)
    size = first.shape[-1]
    rings = fourier_ring_correlation(first, second, _sector(size, direction)).numpy()
    there = np.abs(rings).sum(axis=1) > 0
    rings = rings[there] if there.any() else rings
    generator = np.random.default_rng(0)
    resampled = [_period(rings[generator.integers(0, len(rings), len(rings))].mean(axis=0), size) for _ in range(RESAMPLED)]
    low, high = np.quantile(resampled, (0.05, 0.95), method="nearest")
    value = _period(rings.mean(axis=0), size)
    return Resolution(value * voxel_nm, min(float(low), value) * voxel_nm, max(float(high), value) * voxel_nm)


def _period(correlation: np.ndarray, size: int) -> float:
    """Period in voxels at which a correlation on rings 1 … first falls below the threshold, linearly interpolated."""
    known = np.where(np.isfinite(correlation), correlation, 1.0)  # rings too small for the sector
    below = np.flatnonzero(known < AGREEMENT)
    if not len(below):
        return 2.0
    ring = int(below[0])
    if ring == 0:
        return math.inf
    step = (known[ring - 1] - AGREEMENT) / (known[ring - 1] - known[ring])
    return float(size / (ring + step))


def _sector(size: int, direction: str) -> Tensor:
    """Frequencies (1, 1, N, N) within the sector about a direction, ordered as by ``torch.fft.fft2``; rows are z."""
    frequency = torch.fft.fftfreq(size, d=1.0 / size, dtype=torch.float64)
    from_beam = torch.rad2deg(torch.atan2(frequency.abs()[None, :], frequency.abs()[:, None]))
    return ((from_beam - DIRECTIONS[direction]).abs() <= SECTOR_DEG)[None, None]


def _square(half: Tensor) -> Tensor:
    """Slices padded to squares (Y, 1, N, N) with their mean, and with edges tapered to it."""
    slices = half.double()[:, None]
    slices = slices - slices.mean(dim=(-2, -1), keepdim=True)
    z, x = slices.shape[-2:]
    fade = [torch.sin(math.pi * (torch.arange(side, dtype=torch.float64) + 0.5) / side).square() for side in (z, x)]
    slices = slices * fade[0][:, None] * fade[1]
    side = max(z, x)
    return pad(slices, (0, side - x, 0, side - z))
