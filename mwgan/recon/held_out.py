"""Tilts that a reconstruction is not shown, to be predicted by it: how good it is where nobody knows the truth."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import Measurement
from mwgan.operators import projector_for

EVERY = 10
FEWEST = 8  # measured tilts: of fewer, each that is kept out leaves a hole that says more than what fills it


def held_out(measurement: Measurement, every: int = EVERY) -> Tensor:
    """The tilts to keep out, boolean (1 or B, 1, A, 1): every tenth of those measured, none of the two that bound the wedge.

    None at all of fewer than :data:`FEWEST` measured tilts.

    Parameters
    ----------
    measurement
        The data.
    every
        One of so many is kept out, two or more.
    """
    if every < 2:
        raise InputError(f"one tilt in 2 or more can be kept out, not one in {every}")
    measured = measurement.measured_tilts
    count = measured.sum(dim=2, keepdim=True)
    rank = measured.cumsum(dim=2) - 1
    return measured & (rank % every == every // 2) & (rank > 0) & (rank < count - 1) & (count >= FEWEST)


def without(measurement: Measurement, tilts: Tensor) -> Measurement:
    """The measurement without these tilts, boolean (1 or B, 1, A, 1)."""
    left = measurement.mask & ~tilts
    return replace(measurement, measured=left.flatten() if left.shape[0] == left.shape[3] == 1 else left)


def errors_on(tomogram: Tensor, measurement: Measurement, tilts: Tensor) -> Tensor:
    """A x - b on the measured pixels of these tilts and 0 elsewhere, (B, 1, A, N), of tomograms (B, 1, N, N)."""
    predicted: Tensor = projector_for(measurement.geometry)(tomogram)
    return (predicted - measurement.sinogram) * (measurement.mask & tilts)
