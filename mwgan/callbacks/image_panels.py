"""Pictures of training: the generator's input, output and target for a few held-out images after every epoch.

Their power spectra are shown with them: what fills the missing wedge shows there before it is visible in the image.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mwgan.acquisition import Sample
from mwgan.callbacks.dashboards import show_picture


class ImagePanels(pl.Callback):
    """Writes ``epoch_000.png`` … and ``spectra/epoch_000.png`` … to ``folder``, and shows the same in TensorBoard and W&B.

    Parameters
    ----------
    folder
        Where the pictures go.
    images
        Number of held-out images in each picture, one row each.
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
            image, seed, image_index = (torch.as_tensor(field)[: self.images] for field in batch[:3])
            self._first = Sample(image, seed, image_index, batch.leader)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking or not trainer.is_global_zero or self._first is None or trainer.current_epoch % self.every_n_epochs:
            return
        with torch.no_grad():
            seen, tomogram, target = (part[:, 0].float().cpu().numpy() for part in pl_module(self._first))
        title = f"epoch {trainer.current_epoch}"
        self._show(trainer, "val/images", draw_panel(seen, tomogram, target, title), self.folder)
        self._show(trainer, "val/spectra", draw_spectra(seen, tomogram, target, title), self.folder / "spectra")

    def _show(self, trainer: pl.Trainer, name: str, figure: Figure, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / f"epoch_{trainer.current_epoch:03d}.png")
        show_picture(trainer.loggers, name, np.asarray(figure.canvas.buffer_rgba())[..., :3], trainer.current_epoch)  # type: ignore[attr-defined]


def draw_panel(seen: np.ndarray, tomogram: np.ndarray, target: np.ndarray, title: str) -> Figure:
    """One row per image (each (B, H, W)): input, output, truth, absolute error at five times the contrast."""
    figure, axes = _grid(("input", "output", "truth", "error x 5"), len(target), title)
    for row, pictures in enumerate(zip(seen, tomogram, target, np.abs(tomogram - target) * 5, strict=True)):
        for axis, picture in zip(axes[row], pictures, strict=True):
            axis.imshow(picture, cmap="gray", vmin=0, vmax=1)
    return figure


def draw_spectra(seen: np.ndarray, tomogram: np.ndarray, target: np.ndarray, title: str) -> Figure:
    """One row per image (each (B, H, W)): log power spectra of input, output and truth, all on the truth's scale."""
    from mwgan.figures.parts.spectrum import show_spectrum  # imports pandas, which training doesn't need otherwise

    figure, axes = _grid(("input", "output", "truth"), len(target), title)
    for row, pictures in enumerate(zip(seen, tomogram, target, strict=True)):
        for axis, picture in zip(axes[row], pictures, strict=True):
            show_spectrum(axis, picture, like=pictures[-1], power=True)
    return figure


def _grid(columns: tuple[str, ...], rows: int, title: str) -> tuple[Figure, np.ndarray]:
    figure = Figure(figsize=(1.6 * len(columns), 1.7 * rows + 0.4), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)  # drawn without pyplot, which would keep every figure of a long run alive
    axes = figure.subplots(rows, len(columns), squeeze=False)
    figure.suptitle(title, fontsize=10)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, name in zip(axes[0], columns, strict=True):
        axis.set_title(name, fontsize=9)
    return figure, axes
