"""The noise of each pixel of a series: white, or counting noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mwgan.geometry import Measurement, TiltGeometry
from mwgan.recon.noise import white_noise

LEAST_COUNTS = 1.0  # the least variance of a count, also where the model is empty
MOST_COUNTS = 1e6
WHOLE = 1e-3  # of a count, by which pixels may be off


@dataclass(frozen=True)
class PixelNoise:
    """Variances of pixels.

    Parameters
    ----------
    sigma
        Standard deviation of white noise, or of the counts of an average pixel.
    level
        Background counts that were subtracted from pixels that are counts; their noise is still there. None if the noise is white.
    measured
        (A, Y, N) boolean: measured pixels; None if all are.
    """

    sigma: float
    level: float | None = None
    measured: Tensor | None = None

    @property
    def counts(self) -> bool:
        """Whether pixels are counts, whose variance is their expectation."""
        return self.level is not None

    @property
    def share_measured(self) -> float:
        """Of all pixels."""
        return 1.0 if self.measured is None else float(self.measured.double().mean())

    def where_bright(self, expected: Tensor) -> float:
        """Standard deviation of a pixel, averaged with the expected images as weights: of pixels that show atoms."""
        if self.level is None:
            return self.sigma
        counts = (expected + self.level).clamp(min=LEAST_COUNTS)
        bright = expected.clamp(min=0)
        return math.sqrt(float((counts * bright).sum() / bright.sum().clamp(min=1e-12)))

    def weights(self, expected: Tensor) -> Tensor:
        """One over the variance of each pixel, of expected images (A, Y, N)."""
        if self.level is None:
            weights = torch.full_like(expected, 1 / max(self.sigma, 1e-30) ** 2)
        else:
            weights = 1 / (expected + self.level).clamp(min=LEAST_COUNTS)
        return weights if self.measured is None else weights * self.measured


def noise_of(images: Tensor, geometry: TiltGeometry, measured: Tensor | None = None) -> PixelNoise:
    """Estimate the noise of images (A, Y, N) from the ``measured`` pixels (A, Y, N), None: all.

    Counting noise if every pixel is a whole number from 0 on, or was before one background was subtracted from all; else white noise,
    estimated from the images.
    """
    pixels = (images if measured is None else images[measured]).numpy()
    low, high = float(pixels.min()), float(pixels.max())
    level = -low if low < WHOLE else 0.0
    steps = pixels + level
    if 1.5 < high - low < MOST_COUNTS and float(np.abs(steps - np.round(steps)).max()) < WHOLE:
        return PixelNoise(math.sqrt(max(float(steps.mean()), 1e-12)), level, measured)
    rows = images.permute(1, 0, 2).unsqueeze(1)
    mask = torch.ones(geometry.tilts, dtype=torch.bool) if measured is None else measured.permute(1, 0, 2).unsqueeze(1)
    sigma = white_noise(Measurement(rows, mask, geometry))
    return PixelNoise(float(sigma.nanmedian()), measured=measured)
