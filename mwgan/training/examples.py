"""Training pairs (input and target) of a generator, which may be more varied than its inputs in use."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from mwgan.acquisition import Acquisition, Sample
from mwgan.errors import InputError
from mwgan.geometry import Measurement
from mwgan.recon.task import Task

WITHOUT_GENERATOR = {"generator": None}  # for examples that don't depend on a network


class MakesExamples(Protocol):
    """Returns the generator's input (or the measurement it is made from) and its target."""

    def __call__(self, sample: Sample, acquisition: Acquisition, generator: nn.Module) -> tuple[Any, Tensor]: ...


class Examples(ABC):
    """Pairs of the generator's input (or the measurement it is made from) and its target."""

    @abstractmethod
    def __call__(self, sample: Sample, acquisition: Acquisition, generator: nn.Module) -> tuple[Any, Tensor]:
        """The pairs of a batch."""

    def check(self) -> None:  # noqa: B027  # there may be nothing to check
        """Raise an :class:`InputError`, before training starts, if something the pairs are made from is missing."""

    def made_from(self) -> dict[str, Any]:
        """What else determines the pairs, as plain values, besides the configuration of model and data.

        Contents of files, keyed by the argument that names them; None, keyed by its name, for a part of the configuration that
        doesn't matter.
        """
        return {}


def as_examples(made: MakesExamples) -> Examples:
    """Wrap any callable that makes examples in the defaults of :class:`Examples`."""
    return made if isinstance(made, Examples) else _Plain(made)


class _Plain(Examples):
    def __init__(self, made: MakesExamples) -> None:
        self.made = made

    def __call__(self, sample: Sample, acquisition: Acquisition, generator: nn.Module) -> tuple[Any, Tensor]:
        return self.made(sample, acquisition, generator)


def example(
    examples: MakesExamples | None, task: Task, acquisition: Acquisition, generator: nn.Module, sample: Sample
) -> tuple[Any, Tensor]:
    """The generator's training input and target for a batch: from its examples or, without any, as in use."""
    if examples is None:
        measurement = acquisition(sample.image, torch.as_tensor(sample.seed), leader=sample.leader)
        return task.see(measurement), task.target(sample.middle, measurement)
    seen, target = examples(sample, acquisition, generator)
    return task.see(seen) if isinstance(seen, Measurement) else seen, target


class MeasuredExamples(Examples):
    """Measurements, some of them complete; the model's task turns them into the generator's input.

    Parameters
    ----------
    complete_share
        Share of the samples without a missing wedge, so that the network learns to leave complete data alone.
    """

    def __init__(self, complete_share: float = 0.1) -> None:
        if not 0 <= complete_share <= 1:
            raise InputError(f"complete_share must be in [0, 1], not {complete_share}")
        self.complete_share = complete_share

    def made_from(self) -> dict[str, Any]:
        return WITHOUT_GENERATOR

    def __call__(self, sample: Sample, acquisition: Acquisition, generator: nn.Module) -> tuple[Measurement, Tensor]:
        """Measurements of the images (B, 1, N, N), and the images."""
        seeds = torch.as_tensor(sample.seed)
        complete = draws(seeds)[:, 0] < self.complete_share
        return acquisition(sample.image, seeds, complete, sample.leader), sample.middle


def draws(seeds: Tensor, stream: int = 0x5EED, count: int = 2) -> Tensor:
    """Random numbers in [0, 1) for each sample, (B, count), from another stream than the acquisition's wedge and noise."""
    return torch.stack([torch.rand(count, generator=torch.Generator().manual_seed(int(seed) ^ stream)) for seed in seeds.tolist()])
