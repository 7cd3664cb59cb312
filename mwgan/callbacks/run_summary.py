"""The line a run prints per epoch, and the record it saves with its checkpoints."""

from __future__ import annotations

import json
from pathlib import Path

import pytorch_lightning as pl

from mwgan.callbacks.dashboards import show_settings
from mwgan.files.record import TrainingRecord


class RunSummary(pl.Callback):
    """Writes ``record.json`` (configuration, commit, versions, data) at the start, also to the loggers, and prints a line per epoch."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.is_global_zero:
            kept: TrainingRecord | None = getattr(pl_module, "record", None)
            record = {} if kept is None else kept.to_plain()
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / "record.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
            show_settings(trainer.loggers, record)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        metrics = trainer.callback_metrics  # reading them averages over processes, so all must do so
        if not trainer.is_global_zero or trainer.sanity_checking:
            return
        shown = {"PSNR": ("val/psnr", "{:.2f} dB"), "SSIM": ("val/ssim", "{:.3f}"), "pixel loss": ("train/pixel_loss", "{:.4f}")}
        parts = [f"{name} {form.format(float(metrics[key]))}" for name, (key, form) in shown.items() if key in metrics]
        print(f"epoch {trainer.current_epoch + 1} of {trainer.max_epochs}: {', '.join(parts)}", flush=True)
