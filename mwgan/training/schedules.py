"""Learning-rate schedules that torch lacks, and the state of a schedule when a training is resumed."""

from __future__ import annotations

import warnings
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import torch

from mwgan.errors import InputError


def warmup_steps(
    optimizer: torch.optim.Optimizer, warmup: Sequence[float], milestones: Sequence[int], gamma: float = 0.1
) -> torch.optim.lr_scheduler.LambdaLR:
    """Multiply the learning rate by ``warmup[epoch]`` in the first epochs, and by ``gamma`` from each milestone on.

    Ding 2019, "Training strategy": (0.25, 0.5, 1) of 4e-4, then x0.1 at epochs 20 and 28.
    """
    if any(factor <= 0 for factor in warmup) or list(milestones) != sorted(milestones) or not 0 < gamma <= 1:
        raise InputError(
            f"warmup must be factors above 0, milestones increase and gamma lie in (0, 1]: got {list(warmup)}, {list(milestones)}, {gamma}"
        )

    def factor(epoch: int) -> float:
        return (float(warmup[epoch]) if epoch < len(warmup) else 1.0) * float(gamma) ** bisect_right(list(milestones), epoch)

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def as_configured(
    checkpoint: dict[str, Any],
    optimizers: Sequence[torch.optim.Optimizer],
    schedules: Sequence[torch.optim.lr_scheduler.LRScheduler],
    epochs: int,
) -> None:
    """Give the optimisers and schedules in ``checkpoint`` the settings of new ones, after ``epochs`` epochs of their schedule.

    A checkpoint's own settings would silently override the configuration: a cosine over 60 epochs that is extended to
    90 would climb again. With unchanged settings the result is bit-identical.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")  # it is called before the optimiser's first step on purpose
        for schedule in schedules:
            for _ in range(epochs):
                schedule.step()
    for state, optimizer in zip(checkpoint["optimizer_states"], optimizers, strict=False):
        for theirs, ours in zip(state["param_groups"], optimizer.state_dict()["param_groups"], strict=False):
            theirs.update({**ours, "params": theirs["params"]})
    checkpoint["lr_schedulers"] = [schedule.state_dict() for schedule in schedules]
