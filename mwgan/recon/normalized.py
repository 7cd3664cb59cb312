"""Data in a detector's own units, for methods that expect images in [0, 1]."""

from __future__ import annotations

import torch
from torch import Tensor

from mwgan.geometry import Measurement
from mwgan.recon.base import Reconstructor
from mwgan.recon.sart import SART

QUANTILE = 0.995
BRIGHT = 0.85  # that quantile of a phantom face, averaged over faces: what training calls bright
FAINTEST = 1e-3  # of the brightest slice of a block: an empty slice must not be blown up to full contrast


class Normalized:
    """A reconstructor for data of any intensity: each slice is scaled to [0, 1] and its tomogram scaled back.

    The scale is read off a few passes of SART, whose densities a missing wedge lowers little (measured on phantom faces:
    5 % at 28 missing degrees, 12 % at 80; a WBP loses 19 % and 42 %). So a network sees intensities like those it was
    trained on, and a TVM weight means the same for every microscope.
    """

    def __init__(self, reconstructor: Reconstructor) -> None:
        self.reconstructor = reconstructor
        self._quick = SART(iterations=6, subsets=10, relaxation=0.8)

    def __call__(self, measurement: Measurement) -> Tensor:
        """Tomograms (B, 1, N, N) in the data's units."""
        scale = self.scale(measurement)
        scaled = Measurement(measurement.sinogram / scale, measurement.measured, measurement.geometry)
        return self.reconstructor(scaled) * scale

    def scale(self, measurement: Measurement) -> Tensor:
        """What counts as 1 in each slice, (B, 1, 1, 1), above 0."""
        bright = torch.quantile(self._quick(measurement).flatten(1), QUANTILE, dim=1) / BRIGHT
        brightest = float(bright.max())
        return bright.clamp(min=FAINTEST * brightest if brightest > 0 else 1.0).reshape(-1, 1, 1, 1)
