"""Fourier shell correlation of two volumes, inside the missing wedge and outside."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

THRESHOLD = 0.5  # of a volume against its truth, as usual
SHELLS_PER_VOXEL = 1.0


class Shells(NamedTuple):
    """Correlations by shell."""

    frequency: npt.NDArray[np.float64]
    """(S,) per ångström."""
    inside: npt.NDArray[np.float64]
    """(S,): NaN where a shell has nothing inside the wedge."""
    outside: npt.NDArray[np.float64]

    def resolution_angstrom(self, inside: bool, threshold: float = THRESHOLD) -> float:
        """The period at which the correlation falls below the threshold first; NaN where it never rises above."""
        values = self.inside if inside else self.outside
        known = np.flatnonzero(~np.isnan(values) & (self.frequency > 0))
        if not len(known) or values[known[0]] < threshold:
            return float("nan")
        below = known[values[known] < threshold]
        return float(1 / self.frequency[below[0] if len(below) else known[-1]])


def shells(found: npt.NDArray[np.float32], true: npt.NDArray[np.float32], voxel_angstrom: float, low_deg: float, high_deg: float) -> Shells:
    """Correlate volumes (Y, Z, X) shell by shell; measured were the tilts from ``low_deg`` to ``high_deg``."""
    one, other = (np.fft.rfftn(np.asarray(values, np.float64)) for values in (found, true))
    y, z, x = np.meshgrid(
        *(np.fft.fftfreq(side, voxel_angstrom) for side in found.shape[:2]), np.fft.rfftfreq(found.shape[2], voxel_angstrom), indexing="ij"
    )
    width = 1 / (voxel_angstrom * max(found.shape) * SHELLS_PER_VOXEL)
    shell = np.floor(np.sqrt(x**2 + y**2 + z**2) / width + 0.5).astype(int)
    angle = (np.rad2deg(np.arctan2(-z, x)) + 90.0) % 180.0 - 90.0
    gap = ((angle < low_deg) | (angle > high_deg)) & (np.hypot(x, z) > 0.5 * width)
    twice = np.where((x == 0) | (np.isclose(x, 0.5 / voxel_angstrom)), 1.0, 2.0)  # the other half is its conjugate
    count = int(np.floor(0.5 / voxel_angstrom / width)) + 1
    curves = []
    for chosen in (gap, ~gap):
        weight = chosen * twice
        cross, first, second = (
            np.bincount(shell.ravel(), (weight * part).ravel(), shell.max() + 1)[:count]
            for part in ((one * other.conj()).real, np.abs(one) ** 2, np.abs(other) ** 2)
        )
        power = np.sqrt(first * second)
        curves.append(np.where(power > 0, cross / np.where(power > 0, power, 1.0), np.nan))
    return Shells(width * np.arange(count), curves[0], curves[1])
