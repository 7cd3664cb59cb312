"""A network trained a little further on the series that it is to reconstruct, without any truth."""

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
from mwgan.recon.held_out import errors_on, held_out, without
from mwgan.recon.learned import LearnedReconstructor
from mwgan.recon.noise import white_noise

STEPS, EVERY, PATIENCE = 60, 10, 3  # at most; steps between two looks at the kept-out tilts; looks without an improvement that end it
RATE, WARM_UP = 1e-4, 10  # of Adam, for all weights: biases alone, ten times as fast, gained less on brains and more on photographs
DROPPED = 0.2  # the share of the tilts that each step hides from the network and has it predict
TURNED = 0.1  # weight of the term that turns the specimen, beside that of the hidden tilts
SLICES, PIXELS = 3, 2 * 128**2  # a step takes three slices, fewer where they are large


@dataclass(frozen=True)
class FineTuned:
    """What came of it."""

    network: LearnedReconstructor
    """The tuned network; the one given where tuning did not help."""
    before: float
    after: float
    """The relative residual on the kept-out tilts, of the network given and of the tuned one; NaN where no tilt could be kept out."""
    steps: int
    """How many led to the tuned network; 0: it is the one given."""


def fine_tune(
    network: LearnedReconstructor,
    measurement: Measurement,
    steps: int = STEPS,
    seed: int = 0,
    progress: Callable[[int, float], None] = lambda step, error: None,
) -> FineTuned:
    """Fit a copy of a network to a measurement of densities about 1, as long as it predicts tilts better that it is never shown.

    Every tenth tilt is kept out throughout. Of the others each step hides a fifth and has the network predict them from the
    rest; their noise is independent, so that noise is not learned. Then the tomogram is turned by a random angle, measured again
    with the same wedge and noise, and has to be found again: that tells of what lies in the wedge.

    Parameters
    ----------
    network
        Any trained network.
    measurement
        A few slices of one series.
    steps
        At most so many, one or more.
    seed
        Decides which tilts are hidden, and the angles.
    progress
        Told the step and the residual on the kept-out tilts, at every look at these.

    References
    ----------
    Hendriksen, Pelt and Batenburg, IEEE Trans. Comput. Imaging 6 (2020), doi 10.1109/TCI.2020.3019647: tilts split into those that are
    seen and those that are predicted. Chen, Tachella and Davies, ICCV 2021: equivariant imaging.
    """
    check_iterations(steps)
    tilts = held_out(measurement)
    seen = without(measurement, tilts).only_measured()
    tuned = copy.deepcopy(network)
    tuned.generator.requires_grad_(True)
    if hasattr(tuned.generator, "checkpointed"):
        tuned.generator.checkpointed = True  # type: ignore[assignment]  # slices are as large as the detector
    optimizer = torch.optim.Adam(tuned.generator.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / WARM_UP) * (1 + math.cos(math.pi * step / steps)) / 2
    )

    def look() -> float:
        return _error(tuned, seen, measurement, tilts)

    before = best = look()
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
                error = look()
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
    """How wrong the network is about tilts that it is not shown, and about what it made of the specimen, turned."""
    hidden = _hidden(seen, rng)
    left = (seen.mask & ~hidden).expand(len(seen.sinogram), -1, -1, -1)
    tomogram = network.differentiable(replace(seen, measured=left))  # the geometry stays, and its matrix with it
    missed = errors_on(tomogram, seen, hidden).square().sum() / (seen.sinogram * hidden).square().sum().clamp(min=1e-12)
    turned = _turned(tomogram.detach().clamp(min=0), rng)
    rows: Tensor = projector_for(seen.geometry)(turned)
    noise = torch.randn(rows.shape, generator=rng, dtype=rows.dtype).to(rows.device)
    again = replace(seen, sinogram=rows + white_noise(seen) * noise, neighbours=None)
    found = network.differentiable(again)
    return missed + TURNED * (found - turned).square().sum() / turned.square().sum().clamp(min=1e-12)


def _hidden(seen: Measurement, rng: torch.Generator) -> Tensor:
    """The tilts to hide, boolean (1, 1, A, 1): at least one, none of the two that bound the wedge."""
    count = seen.geometry.tilts
    chance = torch.rand(count - 2, generator=rng)
    hidden = torch.zeros(count, dtype=torch.bool)
    hidden[1:-1] = (chance < DROPPED) | (chance == chance.min())
    return hidden.reshape(1, 1, -1, 1).to(seen.sinogram.device)


def _turned(tomogram: Tensor, rng: torch.Generator) -> Tensor:
    """Slices (B, 1, N, N) turned by a random angle."""
    angle = 2 * math.pi * float(torch.rand((), generator=rng))
    cosine, sine = math.cos(angle), math.sin(angle)
    matrix = torch.tensor([[cosine, -sine, 0.0], [sine, cosine, 0.0]], dtype=tomogram.dtype, device=tomogram.device)
    grid = nn.functional.affine_grid(matrix.expand(len(tomogram), -1, -1), list(tomogram.shape), align_corners=False)
    return nn.functional.grid_sample(tomogram, grid, align_corners=False)


@torch.no_grad()
def _error(network: LearnedReconstructor, seen: Measurement, whole: Measurement, tilts: Tensor) -> float:
    """The relative residual on the kept-out tilts; NaN where there are none, or nothing on them."""
    data = (whole.sinogram * tilts).double().square().sum()
    missed = errors_on(network(seen), whole, tilts).double().square().sum()
    return float((missed / data).sqrt()) if data > 0 else math.nan
