"""Training throughput."""

from __future__ import annotations

import time

import pytorch_lightning as pl


class ImagesPerSecond(pl.Callback):
    """Logs ``train/images_per_second``: images of all processes over the epoch's time, data loading included, validation not.

    For a resumed epoch only the part since resuming counts. The module counts its ``images``.
    """

    def __init__(self) -> None:
        self._began: tuple[float, int] | None = None
        self._rate = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._begin(pl_module)  # a resumed epoch doesn't start again

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._begin(pl_module)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._end(pl_module)  # validation runs before the training epoch ends

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._end(pl_module)
        pl_module.log("train/images_per_second", self._rate)

    def _begin(self, pl_module: pl.LightningModule) -> None:
        self._began = (time.perf_counter(), _images(pl_module))

    def _end(self, pl_module: pl.LightningModule) -> None:
        if self._began is not None:
            started, before = self._began
            # Read the count first: that synchronises with the GPU, whose work belongs to the epoch.
            self._rate = (_images(pl_module) - before) / (time.perf_counter() - started)
            self._began = None


def _images(pl_module: pl.LightningModule) -> int:
    return int(pl_module.images)  # type: ignore[arg-type]
