"""Everything a training needs, built from its configuration and checked before the first step."""

from __future__ import annotations

import logging
import os
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig

from mwgan.callbacks import AtomicCheckpoints
from mwgan.configuration import build, plain
from mwgan.data import as_source
from mwgan.data.datamodules import ImageDataModule
from mwgan.errors import InputError
from mwgan.files.weights import find_weights, read_weights
from mwgan.runs import slurm
from mwgan.runs.caching import cached
from mwgan.runs.initial_weights import as_tree, check_same, load_initial_weights, origins_of, read_initial_weights, recorded_origins
from mwgan.runs.loggers import loggers
from mwgan.runs.one_run import takes_several_devices
from mwgan.runs.records import record_of
from mwgan.training import AdversarialModule

RESUMED = ("generator", "task", "geometry", "wedge_deg")  # must agree with the run that is resumed
QUIET = (  # Lightning's advice on worker processes and short epochs, both set by the configuration, and its deprecations
    ".*`srun` command is available.*",  # on a machine with SLURM, outside of a job
    ".*LeafSpec.*",
    ".*does not have many workers.*",
    ".*exists and is not empty.*",  # a run resumed in its folder; its log is kept
    ".*The number of training batches.*",
    ".*sync_dist=True.*",  # for values that are the same in all processes
    ".*your dataloader is not resumable.*",  # the data module is
    ".*lr_scheduler.step.*",  # after an epoch whose steps were all done before a stop
)


@dataclass(frozen=True)
class Prepared:
    """A training that is ready to start."""

    module: AdversarialModule
    data: ImageDataModule
    trainer: pl.Trainer
    checkpoint: Path | None
    """The checkpoint that it resumes."""


def prepare(cfg: DictConfig) -> Prepared:
    """Build what ``cfg`` describes: data, model with its initial weights, trainer with its callbacks and loggers.

    The same ``cfg.seed`` gives the same random initial weights, whatever else is built.

    Raises
    ------
    InputError
        If something is missing or doesn't fit together, in one sentence with the remedy.
    """
    _quieten()
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    several = takes_several_devices(cfg)
    if cfg.threads is not None:
        torch.set_num_threads(cfg.threads)
        if several:
            os.environ["OMP_NUM_THREADS"] = str(cfg.threads)  # else Lightning sets it
    accelerator = accelerator_of(cfg)
    device = "cuda" if accelerator in ("gpu", "cuda") else "cpu"
    cfg.init = as_tree(plain(cfg.init))
    data = data_of(cfg)
    module, checkpoint = _model(cfg, data, device)
    if cfg.cache is not None:
        module.examples = cached(cfg, module, data.train, device, alone=not several)
        data.train = as_source(module.examples)
    return Prepared(module, data, trainer_of(cfg, accelerator, module.discriminator is not None), checkpoint)


def accelerator_of(cfg: DictConfig) -> str:
    """The available accelerator. Apple's is used only on request: it lacks double precision and sparse matrices.

    Raises
    ------
    InputError
        If the requested one isn't available, or can't do what is requested.
    """
    asked, cuda = cfg.trainer.accelerator, torch.cuda.is_available()
    if asked in ("gpu", "cuda") and not cuda:
        raise InputError(f"trainer.accelerator={asked} finds no GPU here: use cpu or auto")
    accelerator = ("gpu" if cuda else "cpu") if asked == "auto" else str(asked)
    if accelerator == "cpu" and cfg.trainer.sync_batchnorm:
        raise InputError("trainer.sync_batchnorm=true needs GPUs, torch has none for a CPU: leave it out")
    return accelerator


def data_of(cfg: DictConfig) -> ImageDataModule:
    """The images to train on and to validate with."""
    data = cfg.data
    sizes, prefetch = plain(data.get("sizes")), data.get("prefetch", 2)
    sources = build(data.train), build(data.validation)
    return ImageDataModule(*sources, data.batch_size, data.workers, cfg.seed, sizes, prefetch, data.get("slices", 1))


def trainer_of(cfg: DictConfig, accelerator: str, adversarial: bool) -> pl.Trainer:
    """Lightning's trainer, for ``adversarial`` training of two networks or for one network."""
    strategy = cfg.trainer.strategy
    if adversarial and takes_several_devices(cfg) and strategy in ("auto", "ddp"):
        strategy = "ddp_find_unused_parameters_true"  # each backward pass reaches one network only
    nodes = [node for name, node in cfg.callbacks.items() if name != "progress_bar" or cfg.trainer.enable_progress_bar]
    trainer: pl.Trainer = build(
        cfg.trainer,
        accelerator=accelerator,
        strategy=strategy,
        callbacks=[build(node) for node in nodes if node],
        logger=loggers(cfg),
        plugins=[AtomicCheckpoints(), *slurm.environments()],
    )
    return trainer


def _model(cfg: DictConfig, data: ImageDataModule, device: str) -> tuple[AdversarialModule, Path | None]:
    """The model with its initial weights, and the checkpoint to resume, if any, which holds all of its weights."""
    record = record_of(cfg, device, data.train)
    module: AdversarialModule = build(cfg.model, record=record)
    if module.examples is not None:
        module.examples.check()
    if cfg.resume is None:
        weights = read_initial_weights(plain(cfg.init), record)
        load_initial_weights(module, weights)
        module.record = replace(record, init=origins_of(weights))
        return module, None
    folder = Path(cfg.resume)
    checkpoint = find_weights(folder.absolute() if folder.exists() else cfg.resume)  # a folder may have the name of shipped weights
    if checkpoint.suffix in (".safetensors", ".json"):  # the index of shards
        raise InputError(f"{checkpoint} holds weights only: start from them by init=, or resume= a run folder")
    theirs, _ = read_weights(checkpoint)
    check_same(cfg.resume, theirs, record, RESUMED)
    module.record = replace(record, init=recorded_origins(theirs))
    return module, checkpoint


def _quieten() -> None:
    for message in QUIET:
        warnings.filterwarnings("ignore", message=message)
    logging.getLogger("pytorch_lightning.utilities.rank_zero").setLevel(logging.WARNING)
