"""Batch norm's running statistics in a training of several processes."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def share_statistics(module: nn.Module, processes: int) -> None:
    """Set batch norm's running statistics to their means over the processes, which gather them each from its own images.

    After every step, so that a run that was stopped is resumed to the bit. Manual optimisation keeps torch from handing on
    those of the first process, as it does otherwise.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d)]  # nn.SyncBatchNorm is none
    statistics = [part for layer in layers for part in (layer.running_mean, layer.running_var) if part is not None]
    if processes > 1 and statistics:
        means = torch.cat(statistics)
        torch.distributed.all_reduce(means)  # not by Lightning, whose barrier waits for the GPU
        means /= processes
        for part, mean in zip(statistics, torch.split(means, [len(part) for part in statistics]), strict=True):  # type: ignore[no-untyped-call]
            part.copy_(mean)
