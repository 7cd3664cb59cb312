"""Running statistics of batch norm in multi-process training."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def share_statistics(module: nn.Module, processes: int) -> None:
    """Average batch norm's running statistics over the processes, each of which collects them from its own images.

    Done after every step, so that a stopped run resumes bit-identically. Under manual optimisation torch doesn't broadcast
    those of the first process, as it does otherwise.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d)]  # nn.SyncBatchNorm isn't a BatchNorm2d
    statistics = [part for layer in layers for part in (layer.running_mean, layer.running_var) if part is not None]
    if processes > 1 and statistics:
        means = torch.cat(statistics)
        torch.distributed.all_reduce(means)  # not through Lightning, whose barrier synchronises with the GPU
        means /= processes
        for part, mean in zip(statistics, torch.split(means, [len(part) for part in statistics]), strict=True):  # type: ignore[no-untyped-call]
            part.copy_(mean)
