"""Data in a detector's own units, for methods that expect images in [0, 1]."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mwgan.geometry import Measurement
from mwgan.recon.base import Reconstructor
from mwgan.recon.sart import SART

QUANTILE = 0.995
BRIGHT = 0.85  # that quantile of a phantom face, averaged over faces: what training calls bright
BRIGHTEST = 2.0  # the most that a pixel may count: of a specimen smaller than what the quantile leaves out, it sees nothing


class Normalized:
    """A reconstructor for data of any intensity: each slice is scaled to [0, 1] and its tomogram scaled back.

    A slice's scale is its own, so that its tomogram is the same whatever slices it is given with. Where nothing was measured
    but zeros, or nothing that a density above 0 could explain, the tomogram is 0.

    The scale is read off a few passes of SART, whose densities a missing wedge lowers little (measured on phantom faces:
    5 % at 28 missing degrees, 12 % at 80; a WBP loses 19 % and 42 %). So a network sees intensities like those it was
    trained on, and a TVM weight means the same for every microscope.
    """

    def __init__(self, reconstructor: Reconstructor) -> None:
        self.reconstructor = reconstructor

    def __call__(self, measurement: Measurement) -> Tensor:
        """Tomograms (B, 1, N, N) in the data's units."""
        scale = self.scale(measurement)
        return self.reconstructor(scaled(measurement, scale)) * scale

    def scale(self, measurement: Measurement) -> Tensor:
        """What counts as 1 in each slice, (B, 1, 1, 1); 0 of a slice that is empty."""
        return density_scale(measurement)


def density_scale(measurement: Measurement) -> Tensor:
    """What counts as 1 in each slice of a measurement, (B, 1, 1, 1); 0 of a slice that is empty."""
    peak = measurement.sinogram.abs().amax(dim=(1, 2, 3), keepdim=True)
    # Powers of two change no digit, and keep whatever the data's units are away from where numbers end.
    unit = torch.where(peak > 0, torch.exp2(torch.frexp(peak).exponent - 1.0), 1.0).to(peak)
    quick = SART(iterations=6, subsets=10, relaxation=0.8)
    densities = quick(Measurement(measurement.sinogram / unit, measurement.measured, measurement.geometry)).flatten(1)
    bright = torch.maximum(_quantile(densities) / BRIGHT, densities.amax(dim=1) / BRIGHTEST).reshape_as(peak)
    # No density that explains the data lies below their peak over the longest ray; data below 0 are explained by none.
    longest = 2 * measurement.geometry.detector_size
    return torch.where(bright > 0, torch.maximum(bright, peak / unit / longest), 0.0) * unit


def scaled(measurement: Measurement, scale: Tensor) -> Measurement:
    """The measurement in units of a scale (B, 1, 1, 1); zeros where that is 0."""
    empty = scale == 0
    return measurement.with_rows(lambda rows: torch.where(empty, 0.0, rows / torch.where(empty, 1.0, scale)))


def _quantile(pixels: Tensor) -> Tensor:
    """The quantile of pixels (B, P) as ``torch.quantile`` has it, which takes no more than 2^24 of them."""
    from_top = (1 - QUANTILE) * (pixels.shape[1] - 1)
    above = math.floor(from_top)
    brightest = pixels.topk(above + 2 if pixels.shape[1] > 1 else 1, dim=1).values
    return torch.lerp(brightest[:, above], brightest[:, -1], from_top - above)
