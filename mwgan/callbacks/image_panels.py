"""Pictures of training: a few held-out images after every epoch, as the generator saw, gave and should have given them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mwgan.acquisition import Sample


class ImagePanels(pl.Callback):
    """Writes ``epoch_000.png`` … to ``folder`` and the same picture to TensorBoard: input, output, truth, error.

    Parameters
    ----------
    folder
        Where the pictures go.
    images
        Held-out images in each picture, one row each.
    every_n_epochs
        How often.
    """

    def __init__(self, folder: str, images: int = 4, every_n_epochs: int = 1) -> None:
        self.folder, self.images, self.every_n_epochs = Path(folder), images, every_n_epochs
        self._first: Sample | None = None

    def on_validation_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Sample, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        if batch_idx == 0:
            self._first = Sample(*(torch.as_tensor(field)[: self.images] for field in batch))

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking or not trainer.is_global_zero or self._first is None or trainer.current_epoch % self.every_n_epochs:
            return
        with torch.no_grad():
            seen, tomogram, target = (part[:, 0].float().cpu().numpy() for part in pl_module(self._first))
        figure = draw_panel(seen, tomogram, target, f"epoch {trainer.current_epoch}")
        self.folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(self.folder / f"epoch_{trainer.current_epoch:03d}.png")
        for logger in trainer.loggers:
            if isinstance(logger, pl.loggers.TensorBoardLogger):
                logger.experiment.add_figure("val/images", figure, trainer.current_epoch, close=False)


def draw_panel(seen: np.ndarray, tomogram: np.ndarray, target: np.ndarray, title: str) -> Figure:
    """One row an image (each (B, H, W)): input, output, truth, absolute error at five times the contrast."""
    rows = len(target)
    figure = Figure(figsize=(6.4, 1.7 * rows + 0.4), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)  # drawn without pyplot, which would keep every figure of a long run alive
    axes = figure.subplots(rows, 4, squeeze=False)
    figure.suptitle(title, fontsize=10)
    for row, pictures in enumerate(zip(seen, tomogram, target, np.abs(tomogram - target) * 5, strict=True)):
        for axis, picture, name in zip(axes[row], pictures, ("input", "output", "truth", "error x 5"), strict=True):
            axis.imshow(picture, cmap="gray", vmin=0, vmax=1)
            axis.set_axis_off()
            if row == 0:
                axis.set_title(name, fontsize=9)
    return figure
