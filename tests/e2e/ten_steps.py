"""Ten steps of training tiny networks, in one process or, run as a program, in two: what test_processes.py compares."""

from __future__ import annotations

import functools
import sys
import warnings
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from torch import Tensor, nn

from mwgan.acquisition import Acquisition, GaussianNoise
from mwgan.callbacks import RunSummary, WedgeMetrics
from mwgan.data import PhantomFaces
from mwgan.data.datamodules import ImageDataModule
from mwgan.losses import LSGAN, PixelLoss, RaLSGAN
from mwgan.recon import RestoreWBP
from mwgan.runs.processes import leave_group
from mwgan.training import AdversarialModule

WHOLE_BATCH, EPOCHS, BATCHES = 8, 5, 2
GAMES = {"pixels": None, "batch_norm": None, "lsgan": LSGAN(), "ralsgan": RaLSGAN(), "ralsgan_apart": RaLSGAN(global_mean=False)}


class Discriminator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        # No bias at the end: relativistic losses don't see it, so that rounding alone would move it.
        self.layers = nn.Sequential(nn.Conv2d(2, 6, 3, stride=2), nn.LeakyReLU(0.2), nn.Conv2d(6, 1, 3, bias=False))

    def forward(self, image: Tensor, condition: Tensor) -> Tensor:
        return self.layers(torch.cat([image, condition], dim=1))


class Curves(pl.Callback):
    """The metrics of every epoch, as this process knows them."""

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.epochs.append({name: float(value) for name, value in trainer.callback_metrics.items()})


def ten_steps(game: str, processes: int, folder: Path) -> tuple[list[dict[str, float]], dict[str, Tensor]]:
    """Metrics of every epoch, and the module's state at the end."""
    pl.seed_everything(0, verbose=False)
    discriminator = None if GAMES[game] is None else Discriminator()
    first = nn.BatchNorm2d(1) if game == "batch_norm" else nn.Identity()
    module = AdversarialModule(
        nn.Sequential(first, nn.Conv2d(1, 4, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 3, padding=1)),
        RestoreWBP(),
        Acquisition(16, [6.0, 9.0, 12.0], (30.0, 80.0), GaussianNoise(2.0)),
        PixelLoss("l2"),
        functools.partial(torch.optim.Adam, lr=2e-2),
        functools.partial(torch.optim.lr_scheduler.StepLR, step_size=3),
        discriminator,
        GAMES[game],
        functools.partial(torch.optim.RMSprop, lr=2e-3),
        gradient_clip=0.5,
    )
    # Neither number divides: 17 to train on, 7 held out.
    data = ImageDataModule(
        PhantomFaces(16, WHOLE_BATCH * BATCHES + 1, augment=True), PhantomFaces(16, 7, offset=100), WHOLE_BATCH // processes, sizes=[16, 12]
    )
    curves, several = Curves(), "ddp" if discriminator is None else "ddp_find_unused_parameters_true"
    trainer = pl.Trainer(
        max_epochs=EPOCHS,
        accelerator="cpu",
        devices=processes,
        strategy="auto" if processes == 1 else several,
        callbacks=[RunSummary(str(folder)), WedgeMetrics(), curves],
        logger=False,
        use_distributed_sampler=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(module, data)
    return curves.epochs, module.state_dict()


def gradients(real: Tensor, fake: Tensor) -> list[Tensor]:
    """Of both players' relativistic losses by the scores they are made of: those of the discriminator by both kinds."""
    real, fake, loss = real.clone().requires_grad_(), fake.clone().requires_grad_(), RaLSGAN()
    return [*torch.autograd.grad(loss.discriminator(real, fake), (real, fake)), *torch.autograd.grad(loss.generator(real, fake), (fake,))]


def scores() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(8, 1, 3, 3, generator=generator), 0.5 + torch.randn(8, 1, 3, 3, generator=generator)


def _in_two_processes(folder: Path) -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    found: dict[str, Any] = {game: ten_steps(game, 2, folder) for game in GAMES}
    rank = dist.get_rank()
    found["gradients"] = gradients(*(part[rank::2] for part in scores()))
    torch.save(found, folder / f"{rank}.pt")
    leave_group()


if __name__ == "__main__":
    _in_two_processes(Path(sys.argv[1]))
