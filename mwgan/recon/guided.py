"""A measurement with a first guess of its tomogram beside it."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from mwgan.geometry import Measurement


class GuidedMeasurement(NamedTuple):
    """What a network that projects sees, where the guess is not its own to make."""

    measurement: Measurement
    guess: Tensor
    """Tomograms (B, 1, N, N) of densities about 1, from a classical method."""
