"""A callback for tests: what each rank holds when the training is over."""

from pathlib import Path

import pytorch_lightning as pl
import torch


class KeptWeights(pl.Callback):
    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        torch.save(dict(pl_module.named_parameters()), self.folder / f"rank_{trainer.global_rank}_of_{trainer.world_size}.pt")
