"""Whether a volume is noisier than those used for calibration: noise roughens surfaces, which varying thresholds don't show."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mwgan.quantify.materials import Materials

ROUGHEST = 0.13  # of the contrast: the noisiest volume used for calibration; series with 5 % noise give 0.08 to 0.35
MEDIAN_OF_NORMAL = 0.6745
SQUARES = 6.0  # of the coefficients 1, -2, 1


def roughness(volume: npt.NDArray[np.floating], materials: Materials) -> float:
    """Noise of the voxels inside the specimen, as a share of the contrast of the first threshold; 0 if it has no inside.

    From second differences along y and along x, the larger of the two; their median resists edges.
    """
    inside = volume > materials.thresholds[0]
    found = [0.0]
    for axis in (0, 2):
        values, there = np.moveaxis(volume, axis, 0), np.moveaxis(inside, axis, 0)
        counted = there[:-2] & there[1:-1] & there[2:]
        if counted.any():
            differences = np.abs(values[:-2] - 2 * values[1:-1] + values[2:])[counted]
            found.append(float(np.median(differences)) / MEDIAN_OF_NORMAL / SQUARES**0.5)
    return max(found) / materials.contrast[0]


def doubt_of(volume: npt.NDArray[np.floating], materials: Materials) -> list[str]:
    """A warning with the remedy if a volume is too noisy for its intervals; else none."""
    rough = roughness(volume, materials)
    if rough <= ROUGHEST:
        return []
    return [
        f"inside the specimen voxels vary by {100 * rough:.0f} % of the contrast, and intervals were calibrated on volumes with up to "
        f"{100 * ROUGHEST:.0f} %: they are too narrow, reconstruct by lpd_guided or tvm_auto, or bin the series"
    ]
