"""What all reconstructions share: the interface, progress and the stopping rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.operators import Projector

MOST_ITERATIONS = 100_000  # a thousand are many; a larger number is a mistake, and would run for weeks
ProjectorFactory = Callable[[TiltGeometry], Projector]


@runtime_checkable
class Reconstructor(Protocol):
    """A measurement goes in, a tomogram comes out: classical methods and trained networks alike."""

    def __call__(self, measurement: Measurement) -> Tensor:
        """Reconstruct every slice of a batch: a :class:`Measurement` to tomograms (B, 1, N, N)."""
        ...


@dataclass(frozen=True)
class Progress:
    """State of an iterative reconstruction, passed to its ``progress`` callback after every iteration."""

    iteration: int
    iterations: int
    residual: Tensor
    """Relative residual ||A x - b|| / ||b|| on the measured rows, (B,)."""


ProgressCallback = Callable[[Progress], None]


class StoppingRule:
    """Stops each slice of a batch on its own residual, so that a slice's result doesn't depend on its neighbours.

    A slice is finished when its relative residual reaches ``tolerance`` (the noise level of the data, if known: the
    discrepancy principle), or when the residual has improved by less than the fraction ``stagnation`` since the previous
    test. 0 switches either test off.
    """

    def __init__(self, tolerance: float, stagnation: float, measured_norm: Tensor) -> None:
        if tolerance < 0 or stagnation < 0:
            raise InputError(f"tolerance and stagnation must be 0 or more, not {tolerance} and {stagnation}")
        self.tolerance, self.stagnation = tolerance, stagnation
        self._norm = measured_norm.clamp(min=torch.finfo(measured_norm.dtype).tiny)
        self._previous = torch.full_like(measured_norm, torch.inf)
        self.running = torch.ones_like(measured_norm, dtype=torch.bool)
        self.residual = torch.full_like(measured_norm, torch.inf)

    @property
    def is_active(self) -> bool:
        """Whether either test is on."""
        return self.tolerance > 0 or self.stagnation > 0

    def update(self, misfit: Tensor) -> None:
        """Test the misfit (B, 1, A, N) of the latest tomogram; ``running`` (B,) are the slices that continue."""
        current = norms(misfit) / self._norm
        self.residual = torch.where(self.running, current, self.residual)
        stalled = (self._previous - current) < self.stagnation * self._previous if self.stagnation else False
        self._previous = current
        self.running = self.running & ~((current <= self.tolerance) | stalled)

    def keep(self, kept: Tensor) -> None:
        """Continue with these slices (B,) only."""
        self._norm, self._previous = self._norm[kept], self._previous[kept]
        self.running, self.residual = self.running[kept], self.residual[kept]


def keep_finished(new: Tensor, old: Tensor, running: Tensor) -> Tensor:
    """``new`` (B, 1, H, W) for the slices still ``running`` (B,), ``old`` for the others."""
    return torch.where(running.reshape(-1, 1, 1, 1), new, old)


def norms(batch: Tensor) -> Tensor:
    """Norms (B,) of the samples (B, 1, H, W), summed in float64: squares of raw detector values can overflow float32."""
    length: Tensor = torch.linalg.vector_norm(batch.flatten(1), dim=1, dtype=torch.float64)
    return length


def batch_innermost(batch: Tensor) -> Tensor:
    """``batch`` (B, C, H, W), unchanged but with the batch innermost in memory."""
    return batch.permute(1, 2, 3, 0).contiguous().permute(3, 0, 1, 2)


def check_iterations(iterations: int) -> None:
    """Raise an :class:`InputError` unless ``iterations`` is 1 to :data:`MOST_ITERATIONS`."""
    if not 1 <= iterations <= MOST_ITERATIONS:
        raise InputError(f"the number of iterations must be 1 to {MOST_ITERATIONS}, not {iterations}")
