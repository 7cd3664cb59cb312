"""Fine-tuning of a network on the series that it is to reconstruct, without ground truth."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from mwgan.geometry import Measurement
from mwgan.operators import projector_for
from mwgan.recon.base import check_iterations
from mwgan.recon.held_out import errors_on, leave_out, select_held_out
from mwgan.recon.learned import LearnedReconstructor
from mwgan.recon.noise import white_noise

STEPS, EVERY, PATIENCE = (
    60,
    10,
    3,
)  # steps at most; steps between validations on kept-out tilts; validations without improvement that end it
RATE, WARM_UP = (
    1e-4,
    10,
)  # of Adam, for all weights: biases alone at ten times the rate gained less on brains and more on photographs
HIDDEN = 0.2  # share of the tilts that the network has to predict in a step
EQUIVARIANCE = 0.1  # weight of the rotated specimen's loss; that of hidden tilts has 1
SLICES, PIXELS = 3, 2 * 128**2  # slices in a step; fewer if they have more pixels together


@dataclass(frozen=True)
class FineTuned:
    """A fine-tuned network and its errors."""

    network: LearnedReconstructor
    """The tuned network; the original one if tuning did not help."""
    before: float
    after: float
    """Relative residuals on the kept-out tilts, of the original and the tuned network; NaN if no tilt could be kept out."""
    steps: int
    """Of training behind the tuned network; 0: the original one."""


def fine_tune(
    network: LearnedReconstructor,
    measurement: Measurement,
    steps: int = STEPS,
    seed: int = 0,
    progress: Callable[[int, float], None] = lambda step, error: None,
) -> FineTuned:
    """Fit a copy of a network to a measurement of densities about 1, as long as its prediction of kept-out tilts improves.

    Every tenth tilt is kept out for validation. In each step the network predicts a fifth of the others, hidden from it, from the
    rest; as their noise is independent, noise is not learned. Then the tomogram is rotated by a random angle, acquired with
    the same wedge and noise, and reconstructed: the difference trains the network on what lies in the wedge.

    Parameters
    ----------
    network
        Any trained network.
    measurement
        A few slices of one series.
    steps
        At most, one or more.
    seed
        Decides which tilts are hidden, and the angles.
    progress
        Called with the step and the residual on the kept-out tilts, at every validation.

    References
    ----------
    Hendriksen, Pelt and Batenburg, IEEE Trans. Comput. Imaging 6 (2020), doi 10.1109/TCI.2020.3019647: tilts split into inputs
    and targets. Chen, Tachella and Davies, ICCV 2021: equivariant imaging.
    """
    check_iterations(steps)
    tilts = select_held_out(measurement)
    seen = leave_out(measurement, tilts).only_measured()
    tuned = copy.deepcopy(network)
    tuned.generator.requires_grad_(True)
    if hasattr(tuned.generator, "checkpointed"):
        tuned.generator.checkpointed = True  # type: ignore[assignment]  # slices are as large as the detector
    optimizer = torch.optim.Adam(tuned.generator.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / WARM_UP) * (1 + math.cos(math.pi * step / steps)) / 2
    )

    def validate() -> float:
        return _error(tuned, seen, measurement, tilts)

    before = best = validate()
    state, best_step = copy.deepcopy(tuned.generator.state_dict()), 0
    rng, count = torch.Generator().manual_seed(seed), min(SLICES, max(1, PIXELS // measurement.geometry.detector_size**2))
    if not math.isnan(before):
        for step in range(1, steps + 1):
            optimizer.zero_grad()
            few = torch.randperm(len(seen.sinogram), generator=rng)[:count]
            _loss(tuned, seen.samples(few), rng).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            if step % EVERY == 0:
                error = validate()
                progress(step, error)
                if error < best:
                    best, best_step, state = error, step, copy.deepcopy(tuned.generator.state_dict())
                elif step - best_step >= EVERY * PATIENCE:
                    break
    if best_step == 0:
        return FineTuned(network, before, before, 0)
    tuned.generator.load_state_dict(state)
    tuned.generator.requires_grad_(False)
    if hasattr(tuned.generator, "checkpointed"):
        tuned.generator.checkpointed = getattr(network.generator, "checkpointed")  # noqa: B009
    return FineTuned(tuned, before, best, best_step)


def _loss(network: LearnedReconstructor, seen: Measurement, rng: torch.Generator) -> Tensor:
    """The error on hidden tilts, and that of the reconstructed specimen, rotated and acquired again."""
    hidden = _choose_hidden(seen, rng)
    given = (seen.mask & ~hidden).expand(len(seen.sinogram), -1, -1, -1)
    tomogram = network.differentiable(replace(seen, measured=given))  # the same geometry, and its projection matrix
    missed = errors_on(tomogram, seen, hidden).square().sum() / (seen.sinogram * hidden).square().sum().clamp(min=1e-12)
    rotated = _rotate(tomogram.detach().clamp(min=0), rng)
    rows: Tensor = projector_for(seen.geometry)(rotated)
    noise = torch.randn(rows.shape, generator=rng, dtype=rows.dtype).to(rows.device)
    again = replace(seen, sinogram=rows + white_noise(seen) * noise, neighbours=None)
    found = network.differentiable(again)
    return missed + EQUIVARIANCE * (found - rotated).square().sum() / rotated.square().sum().clamp(min=1e-12)


def _choose_hidden(seen: Measurement, rng: torch.Generator) -> Tensor:
    """The tilts to hide, boolean (1, 1, A, 1): at least one, none of the two that bound the wedge."""
    count = seen.geometry.tilts
    chance = torch.rand(count - 2, generator=rng)
    hidden = torch.zeros(count, dtype=torch.bool)
    hidden[1:-1] = (chance < HIDDEN) | (chance == chance.min())
    return hidden.reshape(1, 1, -1, 1).to(seen.sinogram.device)


def _rotate(tomogram: Tensor, rng: torch.Generator) -> Tensor:
    """Slices (B, 1, N, N) rotated by a random angle."""
    angle = 2 * math.pi * float(torch.rand((), generator=rng))
    cosine, sine = math.cos(angle), math.sin(angle)
    matrix = torch.tensor([[cosine, -sine, 0.0], [sine, cosine, 0.0]], dtype=tomogram.dtype, device=tomogram.device)
    grid = nn.functional.affine_grid(matrix.expand(len(tomogram), -1, -1), list(tomogram.shape), align_corners=False)
    return nn.functional.grid_sample(tomogram, grid, align_corners=False)


@torch.no_grad()
def _error(network: LearnedReconstructor, seen: Measurement, whole: Measurement, tilts: Tensor) -> float:
    """Relative residual on the kept-out tilts; NaN if there are none, or they are empty."""
    data = (whole.sinogram * tilts).double().square().sum()
    missed = errors_on(network(seen), whole, tilts).double().square().sum()
    return float((missed / data).sqrt()) if data > 0 else math.nan
