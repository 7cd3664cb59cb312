"""Learning-rate schedules that torch doesn't name."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import torch

from mwgan.errors import InputError


def warmup_steps(
    optimizer: torch.optim.Optimizer, warmup: Sequence[float], milestones: Sequence[int], gamma: float = 0.1
) -> torch.optim.lr_scheduler.LambdaLR:
    """The optimiser's rate times ``warmup[epoch]`` in the first epochs, and times ``gamma`` from each milestone on.

    Ding 2019, "Training strategy": (0.25, 0.5, 1) of 4e-4, then x0.1 at epochs 20 and 28.
    """
    if any(factor <= 0 for factor in warmup) or list(milestones) != sorted(milestones) or not 0 < gamma <= 1:
        raise InputError(
            f"a warm-up is factors above 0, milestones increase and gamma lies in (0, 1]: got {list(warmup)}, {list(milestones)}, {gamma}"
        )

    def factor(epoch: int) -> float:
        return (float(warmup[epoch]) if epoch < len(warmup) else 1.0) * float(gamma) ** bisect_right(list(milestones), epoch)

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
