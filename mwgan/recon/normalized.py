"""Data in detector units, for methods that expect images in [0, 1]."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mwgan.geometry import Measurement
from mwgan.recon.base import Reconstructor
from mwgan.recon.sart import SART

QUANTILE = 0.995
BRIGHT = 0.85  # that quantile of phantom faces, on average: a bright pixel of the training images
BRIGHTEST = 2.0  # the largest scaled density: the quantile misses a specimen of fewer pixels than it leaves out


class Normalized:
    """A reconstructor for data of any intensity: each slice is scaled to [0, 1] and its tomogram scaled back.

    Each slice has its own scale, so that its tomogram does not depend on other slices of the batch. If all data are zero, or
    only a negative density could explain them, the tomogram is 0.

    The scale comes from a few iterations of SART, whose densities depend little on the missing wedge (phantom faces: 5 % lower
    at 28 missing degrees, 12 % at 80; with WBP 19 % and 42 %). So the input of a network has the intensities of its training,
    and a TVM weight means the same for every microscope.
    """

    def __init__(self, reconstructor: Reconstructor) -> None:
        self.reconstructor = reconstructor

    def __call__(self, measurement: Measurement) -> Tensor:
        """Tomograms (B, 1, N, N) in the data's units."""
        scale = self.scale(measurement)
        return self.reconstructor(rescale(measurement, scale)) * scale

    def scale(self, measurement: Measurement) -> Tensor:
        """The density that becomes 1 in each slice, (B, 1, 1, 1); 0 for an empty slice."""
        return density_scale(measurement)


def density_scale(measurement: Measurement) -> Tensor:
    """The density that becomes 1 in each slice of a measurement, (B, 1, 1, 1); 0 for an empty slice."""
    peak = measurement.sinogram.abs().amax(dim=(1, 2, 3), keepdim=True)
    # A power of two is exact, and avoids overflow and underflow in any units.
    unit = torch.where(peak > 0, torch.exp2(torch.frexp(peak).exponent - 1.0), 1.0).to(peak)
    quick = SART(iterations=6, subsets=10, relaxation=0.8)
    densities = quick(Measurement(measurement.sinogram / unit, measurement.measured, measurement.geometry)).flatten(1)
    bright = torch.maximum(_quantile(densities) / BRIGHT, densities.amax(dim=1) / BRIGHTEST).reshape_as(peak)
    # The density is at least the data's peak divided by the longest ray; negative data have none.
    longest = 2 * measurement.geometry.detector_size
    return torch.where(bright > 0, torch.maximum(bright, peak / unit / longest), 0.0) * unit


def rescale(measurement: Measurement, scale: Tensor) -> Measurement:
    """The measurement divided by a scale (B, 1, 1, 1); zeros where the scale is 0."""
    empty = scale == 0
    return measurement.with_rows(lambda rows: torch.where(empty, 0.0, rows / torch.where(empty, 1.0, scale)))


def _quantile(pixels: Tensor) -> Tensor:
    """The quantile of pixels (B, P) as by ``torch.quantile``, which takes no more than 2^24 of them."""
    from_top = (1 - QUANTILE) * (pixels.shape[1] - 1)
    above = math.floor(from_top)
    brightest = pixels.topk(above + 2 if pixels.shape[1] > 1 else 1, dim=1).values
    return torch.lerp(brightest[:, above], brightest[:, -1], from_top - above)
