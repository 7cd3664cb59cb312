"""Tilts kept out of a reconstruction and predicted by it: its quality without ground truth."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import Measurement
from mwgan.operators import projector_for

EVERY = 10
FEWEST = 8  # measured tilts: with fewer, the gap left by a kept-out tilt dominates the error


def select_held_out(measurement: Measurement, every: int = EVERY) -> Tensor:
    """The tilts to keep out, boolean (1 or B, 1, A, 1): every tenth of those measured, none of the two that bound the wedge.

    None if fewer than :data:`FEWEST` tilts were measured.

    Parameters
    ----------
    measurement
        The data.
    every
        One tilt in so many is kept out; 2 or more.
    """
    if every < 2:
        raise InputError(f"every must be 2 or more to keep out one tilt in so many, not {every}")
    measured = measurement.measured_tilts
    count = measured.sum(dim=2, keepdim=True)
    rank = measured.cumsum(dim=2) - 1
    return measured & (rank % every == every // 2) & (rank > 0) & (rank < count - 1) & (count >= FEWEST)


def leave_out(measurement: Measurement, tilts: Tensor) -> Measurement:
    """The measurement without these tilts, boolean (1 or B, 1, A, 1)."""
    kept = measurement.mask & ~tilts
    return replace(measurement, measured=kept.flatten() if kept.shape[0] == kept.shape[3] == 1 else kept)


def errors_on(tomogram: Tensor, measurement: Measurement, tilts: Tensor) -> Tensor:
    """A x - b on the measured pixels of these tilts and 0 elsewhere, (B, 1, A, N), of tomograms (B, 1, N, N)."""
    predicted: Tensor = projector_for(measurement.geometry)(tomogram)
    return (predicted - measurement.sinogram) * (measurement.mask & tilts)
