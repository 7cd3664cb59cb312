"""What a generator is shown in training, where that may be more than it is shown in use."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from mwgan.acquisition import Acquisition, Sample
from mwgan.errors import InputError
from mwgan.geometry import Measurement
from mwgan.recon.task import Task

WITHOUT_GENERATOR = {"generator": None}  # what examples say that no network has a part in


class MakesExamples(Protocol):
    """Gives what the generator sees (or the measurement that shows it) and what it should give."""

    def __call__(self, sample: Sample, acquisition: Acquisition, generator: nn.Module) -> tuple[Any, Tensor]: ...


class Examples(ABC):
    """Pairs of what the generator sees (or the measurement that shows it) and what it should give."""

    @abstractmethod
    def __call__(self, sample: Sample, acquisition: Acquisition, generator: nn.Module) -> tuple[Any, Tensor]:
        """The pairs of a batch."""

    def check(self) -> None:  # noqa: B027  # there may be nothing to check
        """Raise an :class:`InputError`, before anything is trained, if something they are made of is missing."""

    def made_from(self) -> dict[str, Any]:
        """What decides them, as plain values, beside the configuration of model and data.

        By the argument that names them, what files hold; by its name, None for a part of the configuration that doesn't matter.
        """
        return {}


def as_examples(made: MakesExamples) -> Examples:
    """Any callable that makes examples, with the defaults of :class:`Examples`."""
    return made if isinstance(made, Examples) else _Plain(made)


class _Plain(Examples):
    def __init__(self, made: MakesExamples) -> None:
        self.made = made

    def __call__(self, sample: Sample, acquisition: Acquisition, generator: nn.Module) -> tuple[Any, Tensor]:
        return self.made(sample, acquisition, generator)


def example(
    examples: MakesExamples | None, task: Task, acquisition: Acquisition, generator: nn.Module, sample: Sample
) -> tuple[Any, Tensor]:
    """What a generator is shown of a batch in training, and what it should give: by its examples or, without any, as in use."""
    if examples is None:
        measurement = acquisition(sample.image, torch.as_tensor(sample.seed), leader=sample.leader)
        return task.see(measurement), task.target(sample.middle, measurement)
    seen, target = examples(sample, acquisition, generator)
    return task.see(seen) if isinstance(seen, Measurement) else seen, target


class MeasuredExamples(Examples):
    """Measurements, some of them complete; the model's task makes of them what the generator sees.

    Parameters
    ----------
    complete_share
        Share of the samples that lose no wedge, so that nothing is repaired where nothing is missing.
    """

    def __init__(self, complete_share: float = 0.1) -> None:
        if not 0 <= complete_share <= 1:
            raise InputError(f"the share of complete sinograms lies in [0, 1], not {complete_share}")
        self.complete_share = complete_share

    def made_from(self) -> dict[str, Any]:
        return WITHOUT_GENERATOR

    def __call__(self, sample: Sample, acquisition: Acquisition, generator: nn.Module) -> tuple[Measurement, Tensor]:
        """Measurements of the images (B, 1, N, N), and the images."""
        seeds = torch.as_tensor(sample.seed)
        complete = draws(seeds)[:, 0] < self.complete_share
        return acquisition(sample.image, seeds, complete, sample.leader), sample.middle


def draws(seeds: Tensor, stream: int = 0x5EED, count: int = 2) -> Tensor:
    """Numbers in [0, 1) for each sample, (B, count), of another stream than the acquisition's wedge and noise."""
    return torch.stack([torch.rand(count, generator=torch.Generator().manual_seed(int(seed) ^ stream)) for seed in seeds.tolist()])
