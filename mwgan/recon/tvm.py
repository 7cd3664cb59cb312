"""Total-variation minimisation (TVM) by a preconditioned primal–dual method, bounded and optionally directional."""

from __future__ import annotations

import torch
from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import Measurement
from mwgan.operators import projector_for
from mwgan.recon.base import Progress, ProgressCallback, ProjectorFactory, StoppingRule, check_iterations, norms
from mwgan.recon.primal_dual_steps import PrimalDualSteps, variation
from mwgan.recon.tvm_weight import weight_from_noise

TEST_EVERY = 10  # iterations between tests of the stopping rules: each test waits for the device


class TVM:
    """The tomogram between ``bounds`` that minimises

        1 / (2 n) ||M (A x - b)||^2 + weight * sum |(w_z d_z x, w_x d_x x)|

    with M the measured pixels of the sample and n the number of tilts that have any, so that one weight means the same for any
    number of tilts and any image size. Solved by Chambolle and Pock's primal–dual hybrid gradient with diagonal preconditioning and
    over-relaxation. Each slice stops by itself, when one of the rules below is met; they are tested every 10 iterations.

    Parameters
    ----------
    weight
        Strength of the total variation, in units of the image's intensity: about the contrast that is smoothed away. None takes it
        from the noise estimated in each slice, for densities about 1: :func:`mwgan.recon.tvm_weight.weight_from_noise`.
    iterations
        Upper limit of iterations.
    bounds
        Lowest and highest density; None leaves that side open.
    direction_weights
        (w_z, w_x): (1, 1) is isotropic. A missing wedge around the beam loses edges that face the beam (d_z) and smears
        along z, so a w_x above w_z regularises the well measured direction more.
    convergence
        A slice is finished when 10 iterations have changed it by less than this fraction of its norm; 0 continues to the limit.
        Measured at the default, weights of 0.01 to 0.3, wedges of 0 to 70 degrees and noise of 0 to 5 %: within 0.1 dB of
        the end of a long run, after 120 to 300 iterations. Noise-free slices at smaller weights reach the limit first.
    tolerance, stagnation
        Stopping on the residual, see :class:`mwgan.recon.base.StoppingRule`; stagnation compares with 10 iterations before.
    progress
        Called after each iteration.
    projector
        Projector of a geometry (default: :class:`mwgan.operators.ParallelBeam`).

    References
    ----------
    Goris et al., Ultramicroscopy 113 (2012) 120–130: TVM in electron tomography. Chambolle and Pock, J. Math. Imaging
    Vis. 40 (2011) 120–145; Pock and Chambolle, ICCV (2011) 1762–1769, with alpha = 1: the preconditioning. Condat, J. Optim.
    Theory Appl. 158 (2013) 460–479: the over-relaxation.
    """

    def __init__(
        self,
        weight: float | None = 0.01,
        iterations: int = 300,
        bounds: tuple[float | None, float | None] = (0.0, None),
        direction_weights: tuple[float, float] = (1.0, 1.0),
        tolerance: float = 0.0,
        stagnation: float = 0.0,
        progress: ProgressCallback | None = None,
        projector: ProjectorFactory = projector_for,
        convergence: float = 5e-4,
    ) -> None:
        check_iterations(iterations)
        if weight is not None and not weight > 0:
            raise InputError(f"the TVM weight must be above 0, not {weight}")
        weight_z, weight_x = direction_weights
        if min(weight_z, weight_x) < 0 or max(weight_z, weight_x) == 0:
            raise InputError(f"direction weights must be 0 or more and not both 0, not {(weight_z, weight_x)}")
        low, high = bounds
        if low is not None and high is not None and not low < high:
            raise InputError(f"the lower bound must lie below the upper one: got {low} and {high}")
        if not convergence >= 0:
            raise InputError(f"the convergence to stop at must be 0 or more, not {convergence}")
        self.weight, self.iterations, self.bounds = weight, iterations, (low, high)
        self.direction_weights, self.tolerance, self.stagnation = (weight_z, weight_x), tolerance, stagnation
        self.progress, self.projector, self.convergence = progress, projector, convergence

    @torch.no_grad()
    def __call__(self, measurement: Measurement, factor: Tensor | None = None) -> Tensor:
        """Tomograms (B, 1, N, N) of a measurement; a ``factor`` (B, 1, 1, 1) changes the weight of each slice."""
        measurement = measurement.only_measured()
        projector = self.projector(measurement.geometry)
        weights = self.weights(measurement) if factor is None else self.weights(measurement) * factor
        steps = PrimalDualSteps(projector, measurement, weights, self.bounds, self.direction_weights)
        norm = norms(measurement.sinogram).clamp(min=torch.finfo(torch.float64).tiny)
        residual, running = torch.full_like(norm, torch.inf, dtype=measurement.sinogram.dtype), torch.arange(len(norm), device=norm.device)
        rule = StoppingRule(self.tolerance, self.stagnation, norm)
        tomogram = torch.empty_like(steps.tomogram)
        for iteration in range(1, self.iterations + 1):
            steps.advance()
            if self.progress is not None:
                residual[running] = (norms(steps.misfit()) / norm[running]).to(residual)
                self.progress(Progress(iteration, self.iterations, residual.clone()))
            if iteration % TEST_EVERY or not (rule.is_active or self.convergence):
                continue
            if rule.is_active:
                rule.update(steps.misfit())
            kept = rule.running & ~(steps.relative_change() <= self.convergence) if self.convergence else rule.running
            if bool(kept.all()):
                continue
            tomogram[running[~kept]] = steps.tomogram[~kept]
            running = running[kept]
            if not len(running):
                return tomogram
            steps.keep(kept)
            rule.keep(kept)
        tomogram[running] = steps.tomogram
        return tomogram

    def weights(self, measurement: Measurement) -> Tensor:
        """The weight of each slice, (B, 1, 1, 1)."""
        if self.weight is None:
            return weight_from_noise(measurement)
        return measurement.sinogram.new_full((len(measurement.sinogram), 1, 1, 1), self.weight)

    def objective(self, tomogram: Tensor, measurement: Measurement) -> Tensor:
        """The value (B,) that :meth:`__call__` minimises, at ``tomogram`` (B, 1, N, N)."""
        misfit = (self.projector(measurement.geometry)(tomogram) - measurement.sinogram) * measurement.mask
        tilts = measurement.measured_tilts.sum(dim=2).flatten().to(misfit)
        return misfit.flatten(1).square().sum(dim=1) / (2 * tilts) + self.weights(measurement).flatten() * variation(
            tomogram, self.direction_weights
        )
