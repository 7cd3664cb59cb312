"""A measurement and an initial guess of its tomogram."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from mwgan.geometry import Measurement


class GuidedMeasurement(NamedTuple):
    """Input of an unrolled network when the initial guess is computed outside it."""

    measurement: Measurement
    guess: Tensor
    """Tomograms (B, 1, N, N) of densities about 1, from a classical method."""
