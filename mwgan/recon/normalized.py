"""Data in a detector's own units, for methods that expect images in [0, 1]."""

from __future__ import annotations

import torch
from torch import Tensor

from mwgan.geometry import Measurement
from mwgan.recon.base import Reconstructor
from mwgan.recon.wbp import WBP

BRIGHTEST_SHARE = 0.995
FAINTEST = 1e-3  # of the brightest slice of a block: an empty slice must not be blown up to full contrast


class Normalized:
    """A reconstructor for data of any intensity: each slice is scaled to about [0, 1] and its tomogram scaled back.

    The scale is the 99.5th percentile of a smooth WBP of the slice, so that a network sees what it was trained on and a
    TVM weight means the same for every microscope. Linear methods are not changed by it.
    """

    def __init__(self, reconstructor: Reconstructor) -> None:
        self.reconstructor = reconstructor

    def __call__(self, measurement: Measurement) -> Tensor:
        """Tomograms (B, 1, N, N) in the data's units."""
        scale = intensity_scale(measurement)
        scaled = Measurement(measurement.sinogram / scale, measurement.measured, measurement.geometry)
        return self.reconstructor(scaled) * scale


def intensity_scale(measurement: Measurement) -> Tensor:
    """What counts as 1 in each slice, (B, 1, 1, 1), above 0."""
    smooth = WBP("hann")(measurement)
    brightest = torch.quantile(smooth.flatten(1), BRIGHTEST_SHARE, dim=1).clamp(min=0)
    floor = max(FAINTEST * float(brightest.max()), torch.finfo(brightest.dtype).tiny)
    return brightest.clamp(min=floor).reshape(-1, 1, 1, 1)
