"""The iterations of TVM: over-relaxed primal–dual steps in buffers that are overwritten."""

from __future__ import annotations

import torch
from torch import Tensor

from mwgan.geometry import Measurement
from mwgan.operators import Projector
from mwgan.recon.base import batch_innermost, norms

Bounds = tuple[float | None, float | None]

RELAXATION = 1.9  # below 2; 1 takes 1.7 times as many iterations
# Measured at 64 to 256 pixels, wedges of 0 to 70 degrees, 0 to 5 % noise and weights of 0.003 to 0.3: frequencies that tilts
# measure converge fastest with a data step of 2 sqrt(N) / n, those of the wedge with a far smaller one. It is halved after this
# many times sqrt(N) iterations; with half as many at 256 pixels the objective is 0.7 % too high after 200 iterations, not 0.01 %.
DATA_STEP = 2.0
HALVED_AFTER = (1.25, 2.5, 5.0, 10.0)
EDGE_STEP = 1.0
FLOOR = 1e-3  # pixels: shorter rays graze the slice's corner


class PrimalDualSteps:
    """State of the primal–dual iteration of a batch.

    With A the projector and D the weighted forward differences, a step is (Condat's form of Chambolle and Pock's)

        y' = argmin of the data term's conjugate, from y + s (A x - b);  z' = z + t D x, shortened to ``weight``
        x' = x - r (2 A'y' + 2 D'z' - A'y - D'z), clipped to ``bounds``
        x, y, z += RELAXATION (x' - x, y' - y, z' - z)

    with step lengths s, t and r of each ray, edge and pixel. The batch is innermost in memory, as the CPU's projector needs it.
    """

    def __init__(
        self, projector: Projector, measurement: Measurement, weight: Tensor, bounds: Bounds, direction_weights: tuple[float, float]
    ) -> None:
        self.projector, self.bounds, self.direction_weights = projector, bounds, direction_weights
        self.weight = weight.to(measurement.sinogram)  # (B, 1, 1, 1)
        sinogram, size = measurement.sinogram, measurement.geometry.detector_size
        self._sinogram, self._mask = batch_innermost(sinogram), measurement.mask.to(sinogram)
        self._tilts = measurement.measured_tilts.to(sinogram).sum(dim=2, keepdim=True)
        self._ray_length = projector(sinogram.new_ones(1, 1, size, size)).clamp(min=FLOOR)
        self._coverage = batch_innermost(projector.adjoint(self._mask.expand(-1, -1, -1, size).contiguous()))
        self.tomogram = batch_innermost(sinogram.new_zeros(len(sinogram), 1, size, size))
        self._relaxed, self._pull, self._down, self._right, self._new_down, self._new_right, self._before = (
            torch.zeros_like(self.tomogram) for _ in range(7)
        )
        self._data_dual = torch.zeros_like(self._sinogram)
        self._misfit = self._misfit_before = -self._sinogram  # of the relaxed tomogram
        self._projected = True  # whether the misfit is that of the latest one
        self._iteration = 0

    def advance(self) -> None:
        """One iteration."""
        halved_after = [round(after * self.tomogram.shape[-1] ** 0.5) for after in HALVED_AFTER]
        if self._iteration == 0 or self._iteration in halved_after:
            self._set_steps(DATA_STEP / 2 ** sum(self._iteration >= after for after in halved_after))
        self._iteration += 1
        self._project()
        self._data_dual.mul_(self._data_kept).addcmul_(self._misfit, self._data_gain)
        self._advance_edges()
        pull = self.projector.adjoint(self._data_dual)
        self._add_divergence(pull)
        # A' and D' of the unrelaxed duals, twice, minus those of the previous ones.
        torch.lerp(self._pull, pull, 2 / RELAXATION, out=self.tomogram)
        torch.addcmul(self._relaxed, self.tomogram, self._pixel_step, value=-1, out=self.tomogram)
        if self.bounds != (None, None):
            self.tomogram.clamp_(*self.bounds)
        self._relaxed.lerp_(self.tomogram, RELAXATION)
        self._pull, self._projected = pull, False

    def misfit(self) -> Tensor:
        """A x - b of ``tomogram`` on the measured rows, (B, 1, A, N)."""
        self._project()
        misfit: Tensor = torch.lerp(self._misfit_before, self._misfit, 1 / RELAXATION)
        return misfit.mul_(self._mask)

    def relative_change(self) -> Tensor:
        """Change of ``tomogram`` since the previous call, relative to its norm, (B,)."""
        step, norm = norms(self.tomogram - self._before), norms(self.tomogram)
        self._before.copy_(self.tomogram)
        change: Tensor = step / norm.clamp(min=torch.finfo(norm.dtype).tiny)
        return change

    def keep(self, kept: Tensor) -> None:
        """Continue with these samples (B,) only."""
        samples = kept.nonzero().flatten()
        for name, value in vars(self).items():
            if isinstance(value, Tensor) and len(value) == len(kept):
                setattr(self, name, batch_innermost(value.index_select(0, samples)))

    def _set_steps(self, ratio: float) -> None:
        """Step lengths of rays, edges and pixels: each the inverse of its row's or column's weighted sum."""
        size, (weight_z, weight_x) = self.tomogram.shape[-1], self.direction_weights
        data = ratio * size**0.5 / self._tilts
        data_step = self._mask * data / self._ray_length
        kept = 1 / (1 + data_step * self._tilts)
        self._data_kept = 1 + RELAXATION * (kept - 1)
        self._data_gain = RELAXATION * kept * data_step
        self._edge_step = EDGE_STEP / (2 * max(weight_z, weight_x))
        self._pixel_step = 1 / (data * self._coverage + 2 * EDGE_STEP * (weight_z + weight_x))

    def _project(self) -> None:
        if not self._projected:
            self._misfit_before, self._misfit = self._misfit, self.projector(self._relaxed).sub_(self._sinogram)
            self._projected = True

    def _advance_edges(self) -> None:
        """Step of the edges' duals along the differences of the relaxed tomogram, shortened to the weight."""
        down, right, squared = self._new_down, self._new_right, self.tomogram  # overwritten
        differences(self._relaxed, down, right)
        for new, old, weight in zip((down, right), (self._down, self._right), self.direction_weights, strict=True):
            torch.add(old, new, alpha=self._edge_step * weight, out=new)
        torch.mul(down, down, out=squared).addcmul_(right, right)
        shortened = torch.maximum(squared, self.weight.square(), out=squared).rsqrt_().mul_(self.weight)
        for new, old in ((down, self._down), (right, self._right)):
            old.mul_(1 - RELAXATION).addcmul_(new, shortened, value=RELAXATION)

    def _add_divergence(self, image: Tensor) -> None:
        """Add D' of the edges' duals to ``image``."""
        weight_z, weight_x = self.direction_weights
        down, right = self._down[:, :, :-1], self._right[..., :-1]
        image[:, :, :-1].sub_(down, alpha=weight_z)
        image[:, :, 1:].add_(down, alpha=weight_z)
        image[..., :-1].sub_(right, alpha=weight_x)
        image[..., 1:].add_(right, alpha=weight_x)


def differences(image: Tensor, down: Tensor, right: Tensor) -> None:
    """Forward differences of ``image`` (B, 1, N, N) into ``down`` and ``right``, whose last row and column are not changed."""
    torch.sub(image[:, :, 1:], image[:, :, :-1], out=down[:, :, :-1])
    torch.sub(image[..., 1:], image[..., :-1], out=right[..., :-1])


def variation(image: Tensor, direction_weights: tuple[float, float]) -> Tensor:
    """Total variation (B,) of ``image`` (B, 1, N, N), nothing beyond its border."""
    down, right = torch.zeros_like(image), torch.zeros_like(image)
    differences(image, down, right)
    weight_z, weight_x = direction_weights
    return torch.hypot(down.mul_(weight_z), right.mul_(weight_x)).flatten(1).sum(dim=1)
