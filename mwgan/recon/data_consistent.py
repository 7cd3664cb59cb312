"""Data consistency for any reconstruction: measured directions from the data, missing ones from the reconstruction."""

from __future__ import annotations

import torch
from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import Measurement
from mwgan.operators import projector_for
from mwgan.recon.base import ProjectorFactory, Reconstructor, check_iterations


class DataConsistent:
    """Another reconstruction, corrected where the measurement contradicts it.

    Starting at the reconstruction x0 of the data b, it minimises

        1 / (2 n N) ||M (A x - b)||^2 + weight / 2 ||x - x0||^2

    by conjugate gradients, with n N the number of measured rays (n tilts of N pixels), so that a weight means the same for any
    number. The correction lies in the range of the measured projections' adjoint: what no tilt measured, above all the missing
    wedge, stays as in x0 except for clipping to ``bounds``. It needs no training and no gradients, and works for networks and
    classical methods.

    Parameters
    ----------
    reconstructor
        Gives x0.
    weight
        Trust in x0 relative to the data: a small weight fits the noise of noisy data. 0.5 suits 2 % of noise.
    iterations
        Of conjugate gradients; few iterations regularise as well.
    bounds
        Lowest and highest density of the result; None leaves that side open.
    projector
        Projector of a geometry (default: :class:`mwgan.operators.ParallelBeam`).

    References
    ----------
    Schwab, Antholzer and Haltmeier, Inverse Problems 35 (2019) 025008: null-space networks. The weight softens the split, for
    noisy data.
    """

    def __init__(
        self,
        reconstructor: Reconstructor,
        weight: float = 0.5,
        iterations: int = 10,
        bounds: tuple[float | None, float | None] = (0.0, None),
        projector: ProjectorFactory = projector_for,
    ) -> None:
        check_iterations(iterations)
        if not 0 < weight < float("inf"):
            raise InputError(f"the weight of data consistency must be a number above 0, not {weight}")
        self.reconstructor, self.weight, self.iterations, self.bounds, self.projector = reconstructor, weight, iterations, bounds, projector

    @torch.no_grad()
    def __call__(self, measurement: Measurement) -> Tensor:
        """Tomograms (B, 1, N, N) of a measurement."""
        tomogram = self.reconstructor(measurement)
        if measurement.measured.ndim == 1 or measurement.by_pixel:
            measurement = measurement.only_measured()
        projector, mask = self.projector(measurement.geometry), measurement.mask.to(tomogram.dtype)
        rays = mask.expand(-1, -1, -1, measurement.geometry.detector_size).sum(dim=(2, 3), keepdim=True).clamp(min=1)

        def normal(image: Tensor) -> Tensor:
            return projector.adjoint(projector(image) * mask) / rays + self.weight * image

        residual = projector.adjoint((measurement.sinogram - projector(tomogram)) * mask) / rays
        direction, power = residual, _dot(residual, residual)
        for _ in range(self.iterations):
            image = normal(direction)
            step = (power / _dot(direction, image).clamp(min=torch.finfo(power.dtype).tiny)).to(tomogram)
            tomogram, residual = tomogram + step * direction, residual - step * image
            before, power = power, _dot(residual, residual)
            direction = residual + (power / before.clamp(min=torch.finfo(power.dtype).tiny)).to(tomogram) * direction
        return tomogram.clamp(*self.bounds) if self.bounds != (None, None) else tomogram


def _dot(first: Tensor, second: Tensor) -> Tensor:
    """Inner products of the samples (B, 1, 1, 1), in float64: squares of raw detector values can overflow float32."""
    return (first.double() * second.double()).sum(dim=(1, 2, 3), keepdim=True)
