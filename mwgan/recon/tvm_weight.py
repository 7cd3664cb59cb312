"""The weight of total variation from a measurement's noise."""

from __future__ import annotations

from torch import Tensor

from mwgan.geometry import Measurement
from mwgan.recon.noise import white_noise

# Fitted to the best weights for single synthetic images: 64 to 256 pixels, tilts 1 to 4 degrees apart, wedges of 30 and 60
# degrees, noise of 0.5 to 5 %. Noise of s on a ray becomes s / sqrt(n) in a pixel that n rays cross.
FACTOR, POWER = 1.5, 1.3
LEAST = 5e-4  # of data without noise


def weight_from_noise(measurement: Measurement) -> Tensor:
    """The TVM weight (B, 1, 1, 1) for slices of densities about 1, from their estimated noise."""
    tilts = measurement.measured_tilts.sum(dim=2, keepdim=True).clamp(min=1)
    return (FACTOR * (white_noise(measurement) / tilts.sqrt()) ** POWER).nan_to_num(0.0).clamp(min=LEAST)
