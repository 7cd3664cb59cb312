"""Peak GPU memory of an epoch."""

from __future__ import annotations

import pytorch_lightning as pl
import torch


class PeakMemory(pl.Callback):
    """Logs ``train/peak_memory_gib``, the peak memory of tensors during the epoch and its validation; CUDA only."""

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if pl_module.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(pl_module.device)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if pl_module.device.type == "cuda":
            pl_module.log(
                "train/peak_memory_gib", torch.cuda.max_memory_allocated(pl_module.device) / 2**30, reduce_fx="max", sync_dist=True
            )
