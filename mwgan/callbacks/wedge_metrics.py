"""Quality of the held-out images by missing wedge: which wedges a network handles, and which it doesn't yet."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torchmetrics import Metric

BIN_DEG = 5
BINS = 180 // BIN_DEG
SHOWN = ("psnr", "ssim", "nrmse")


class WedgeMetrics(pl.Callback):
    """Logs ``val_by_wedge/psnr_45`` …: the mean over held-out images whose wedge is nearest to 45 degrees, in steps of 5.

    The module's ``validation_step`` returns the metrics (B,) and the ``wedge_deg`` (B,) of each image.
    """

    def __init__(self) -> None:
        self.quality = QualityByWedge()

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.quality.to(pl_module.device)
        self.quality.reset()

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        self.quality.update(outputs, outputs["wedge_deg"])

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        pl_module.log_dict({f"val_by_wedge/{name}": value.float() for name, value in self.quality.compute().items()})


class QualityByWedge(Metric):
    """Averages per-image values in bins of the missing wedge, across batches and processes; empty bins are left out."""

    full_state_update = False
    images: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in (*SHOWN, "images"):
            self.add_state(name, default=torch.zeros(BINS, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, values: dict[str, Tensor], wedge_deg: Tensor) -> None:
        bins = (wedge_deg / BIN_DEG).round().long().clamp(0, BINS - 1)
        for name, value in {**{name: values[name] for name in SHOWN}, "images": torch.ones_like(wedge_deg)}.items():
            setattr(self, name, getattr(self, name).index_add(0, bins, value.double()))

    def compute(self) -> dict[str, Tensor]:
        held = self.images.nonzero().flatten().tolist()
        return {f"{name}_{number * BIN_DEG}": (getattr(self, name) / self.images)[number] for name in SHOWN for number in held}
