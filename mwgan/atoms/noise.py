"""How uncertain each pixel of a series is: white noise, or that of counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mwgan.geometry import Measurement, TiltGeometry
from mwgan.recon.noise import white_noise

LEAST_COUNTS = 1.0  # what the variance of a count is at least: of pixels where the model expects nothing, too
MOST_COUNTS = 1e6


@dataclass(frozen=True)
class PixelNoise:
    """Variances of pixels.

    Parameters
    ----------
    sigma
        Standard deviation of white noise.
    counts
        Whether pixels are counts, whose variance is what is expected of them.
    """

    sigma: float
    counts: bool = False

    def weights(self, expected: Tensor) -> Tensor:
        """One over the variance of each pixel of which ``expected`` (A, Y, N) is expected."""
        if self.counts:
            return 1 / expected.clamp(min=LEAST_COUNTS)
        return torch.full_like(expected, 1 / max(self.sigma, 1e-30) ** 2)


def noise_of(images: Tensor, geometry: TiltGeometry) -> PixelNoise:
    """The noise of images (A, Y, N): of counts where every pixel is a whole number from 0 on, else white, as strong as it looks."""
    pixels = images.numpy()
    whole = bool(pixels.min() >= 0 and 0 < pixels.max() < MOST_COUNTS and np.array_equal(pixels, np.round(pixels)))
    rows = images.permute(1, 0, 2).unsqueeze(1)
    sigma = white_noise(Measurement(rows, torch.ones(geometry.tilts, dtype=torch.bool), geometry))
    return PixelNoise(float(sigma.nanmedian()), whole)
