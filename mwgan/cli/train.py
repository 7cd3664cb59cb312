"""``mwgan-train``: one configuration to one trained model."""

from __future__ import annotations

import logging
import os
import signal
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig

from mwgan.configuration import build, look_in_parts, plain
from mwgan.errors import InputError, MissingExtraError
from mwgan.files.space import disk_full, no_space_in
from mwgan.files.whole import sha256
from mwgan.paths import conf_dir
from mwgan.provenance import provenance
from mwgan.runs import exit, slurm
from mwgan.runs.folder import TERMINATED, is_first_process
from mwgan.runs.loggers import loggers
from mwgan.runs.one_run import Metrics, answer, takes_several_devices
from mwgan.runs.processes import all_or_none, arguments_of_this_process
from mwgan.runs.resume import quoted, whole_command
from mwgan.runs.sweeping import job_of_sweep

if TYPE_CHECKING:
    from mwgan.data import ImageSource

PLUGINS = {  # of Hydra, that launchers and searches need: the package and our extra
    "hydra/launcher/joblib": ("hydra-joblib-launcher", "sweep"),
    "hydra/launcher/submitit_slurm": ("hydra-submitit-launcher", "slurm"),
    "hydra/sweeper/optuna": ("hydra-optuna-sweeper", "search"),
}


def train(cfg: DictConfig) -> Metrics:
    """Train as ``cfg`` says; the last validation metrics."""
    import pytorch_lightning as pl
    import torch
    from pytorch_lightning.utilities.exceptions import SIGTERMException

    from mwgan.callbacks import LastCheckpoint, Stopped, WholeCheckpoints
    from mwgan.data.datamodules import ImageDataModule
    from mwgan.files.weights import find_weights, read_weights
    from mwgan.training import DeArtifactExamples

    # Lightning advises worker processes and warns of quick epochs, both choices of the configuration, and of its own future.
    warnings.filterwarnings("ignore", message=".*`srun` command is available.*")  # to whoever trains beside a SLURM
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*exists and is not empty.*")  # a run that goes on in its folder; its log is kept
    warnings.filterwarnings("ignore", message=".*The number of training batches.*")
    warnings.filterwarnings("ignore", message=".*sync_dist=True.*")  # of values that are the same in all processes
    warnings.filterwarnings("ignore", message=".*your dataloader is not resumable.*")  # the data module is
    warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")  # of an epoch whose steps were all done before a stop
    logging.getLogger("pytorch_lightning.utilities.rank_zero").setLevel(logging.WARNING)
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    if cfg.threads is not None:
        torch.set_num_threads(cfg.threads)
        if takes_several_devices(cfg):
            os.environ["OMP_NUM_THREADS"] = str(cfg.threads)  # where Lightning finds none, it chooses itself
    accelerator = _accelerator(cfg)
    if accelerator == "cpu" and cfg.trainer.sync_batchnorm:
        raise InputError("trainer.sync_batchnorm=true needs GPUs, torch has none for a CPU: leave it out")
    data = ImageDataModule(
        build(cfg.data.train),
        build(cfg.data.validation),
        cfg.data.batch_size,
        cfg.data.workers,
        cfg.seed,
        plain(cfg.data.get("sizes")),
        cfg.data.get("prefetch", 2),
    )
    module = build(cfg.model, record=_record(cfg, accelerator, data.train))
    if isinstance(module.examples, DeArtifactExamples):
        module.examples.check()
    if cfg.inpainters is not None:
        _take_inpainter(cfg.inpainters, module)
    if cfg.init is not None:
        record, state = read_weights(find_weights(cfg.init))
        _check_same(cfg.init, record, module.record, ("generator", "task"))
        module.generator.load_state_dict(state)
        module.record["init"] = {key: record.get(key) for key in ("command", "commit", "init", "inpainters")}
    resume = None if cfg.resume is None else find_weights(cfg.resume)
    if resume is not None:
        if resume.suffix in (".safetensors", ".json"):  # the index of shards
            raise InputError(f"{resume} holds weights alone: begin with them by init=, or resume= a run folder")
        record, _ = read_weights(resume)
        _check_same(cfg.resume, record, module.record, ("generator", "task", "geometry", "wedge_deg"))
        module.record["init"] = record.get("init")
    if cfg.cache is not None:
        data.train = module.examples = _cached(cfg, module, data.train, accelerator)
    strategy = cfg.trainer.strategy
    if module.discriminator is not None and takes_several_devices(cfg) and strategy in ("auto", "ddp"):
        strategy = "ddp_find_unused_parameters_true"  # each backward pass of the game reaches one network only
    nodes = [node for name, node in cfg.callbacks.items() if name != "progress_bar" or cfg.trainer.enable_progress_bar]
    trainer: pl.Trainer = build(
        cfg.trainer,
        accelerator=accelerator,
        strategy=strategy,
        callbacks=[build(node) for node in nodes if node],
        logger=loggers(cfg),
        plugins=[WholeCheckpoints(), *slurm.environments()],
    )
    status = 1
    try:
        with all_or_none(trainer):
            trainer.fit(module, data, ckpt_path=resume)
            if not trainer.callback_metrics:  # it had been stopped after its last epoch
                trainer.validate(module, data, verbose=False)
        status = 0
    except Stopped as stop:
        if not is_first_process():
            sys.exit()  # quietly: Lightning kills the first process when another one fails
        if stop.number == signal.SIGINT:
            raise KeyboardInterrupt from None
        sys.exit(TERMINATED)
    except SIGTERMException:  # an exit without a status, which would read as success; it came before there was anything to save
        sys.exit(TERMINATED)
    except (OSError, RuntimeError) as error:
        if not disk_full(error):
            raise
        folder = Path(cfg.paths.output_dir)
        raise InputError(f"{no_space_in(folder)}; then mwgan-train resume={quoted(folder)} goes on from the last checkpoint") from error
    except SystemExit as end:
        if isinstance(end.__context__, KeyboardInterrupt):  # Lightning's answer to Ctrl-C is an exit without a word
            raise KeyboardInterrupt from None
        raise
    finally:
        if "wandb" in sys.modules:  # or the next job of a sweep would go on in this one's run
            sys.modules["wandb"].finish(exit_code=status)
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, LastCheckpoint) and callback.signals.told:  # as the last epoch ended: what comes next must hear of it
            signal.raise_signal(callback.signals.told)
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


def _accelerator(cfg: DictConfig) -> str:
    """The accelerator that is there. Apple's is not taken unasked: it knows neither double precision nor sparse matrices."""
    import torch

    cuda = torch.cuda.is_available()
    if cfg.trainer.accelerator in ("gpu", "cuda") and not cuda:
        raise InputError(f"trainer.accelerator={cfg.trainer.accelerator} finds no GPU here: use cpu or auto")
    return ("gpu" if cuda else "cpu") if cfg.trainer.accelerator == "auto" else str(cfg.trainer.accelerator)


def _cached(cfg: DictConfig, module: Any, source: Any, accelerator: str) -> Any:
    """The training examples on disk in ``cfg.cache``, made there first as far as they are missing."""
    import torch

    from mwgan.data.datamodules import SourceDataset
    from mwgan.training import DeArtifactExamples
    from mwgan.training.cached_examples import DRAW_EPOCH, CachedExamples, fill_cache
    from mwgan.training.examples import inpainter_checkpoints

    if not isinstance(module.examples, DeArtifactExamples):
        raise InputError("cache= keeps the mixture that a de-artifact network learns on (examples: deartifact): this model has none")
    folder, samples = Path(cfg.cache), SourceDataset(source, cfg.seed)
    limit = cfg.trainer.limit_train_batches
    count = min(len(samples), limit * cfg.data.batch_size) if isinstance(limit, int) else len(samples)
    described = {"data": plain(cfg.data.train), "acquisition": plain(cfg.acquisition), "generator": module.record["generator"]}
    described |= {"examples": {**plain(cfg.model.examples), "inpainters": None}, "seed": cfg.seed}
    if cfg.inpainters is not None:
        described["inpainters"] = [sha256(file)[:16] for file in inpainter_checkpoints(cfg.inpainters)]
    if not takes_several_devices(cfg):  # several processes would write the same files: they find the cache or say that it isn't there
        module.generator.to("cuda" if accelerator in ("gpu", "cuda") and torch.cuda.is_available() else "cpu")
        fill_cache(
            folder,
            lambda index: samples.sample(DRAW_EPOCH, index),
            count,
            module.examples,
            module.acquisition,
            module.generator,
            described,
            source.name,
            progress=lambda text: print(text, flush=True),
        )
    return CachedExamples(folder)


def _take_inpainter(run: str, module: Any) -> None:
    """Set the last inpainter of a run into the joint model that is about to be trained."""
    from mwgan.files.weights import read_weights
    from mwgan.recon import JointModel
    from mwgan.training.examples import inpainter_checkpoints

    if not isinstance(module.generator, JointModel):
        raise InputError("inpainters= belongs to the second stage of Ding 2019: this model has no inpainter")
    record, state = read_weights(inpainter_checkpoints(run)[-1])
    ours = module.record
    _check_same(run, record, {"generator": ours["generator"]["inpainter"], "geometry": ours["geometry"]}, ("generator", "geometry"))
    module.generator.inpainter.load_state_dict(state)
    ours["inpainters"] = {key: record.get(key) for key in ("command", "commit")}


def _check_same(source: str, theirs: dict[str, Any], ours: dict[str, Any], keys: tuple[str, ...]) -> None:
    for key in keys:
        if theirs[key] != ours[key]:
            raise InputError(
                f"{source} was trained with {key} {theirs[key]} and this run has {ours[key]}: give its experiment= and options"
            )


def _record(cfg: DictConfig, accelerator: str, source: ImageSource) -> dict[str, Any]:
    from mwgan.data.source import described, substitutions

    noise = build(cfg.acquisition.noise)
    substituted = substitutions(source)
    return {
        "generator": plain(cfg.model.generator),
        "task": plain(cfg.model.task),
        "geometry": {"detector_size": cfg.data.size, "step_deg": _coarsest(plain(cfg.acquisition.step_deg))},
        "wedge_deg": [float(cfg.wedge.min_deg), float(cfg.wedge.max_deg)],
        "noise_percent": noise.percent,
        "train_data": cfg.data.name + (f" (phantom faces for {', '.join(substituted)})" if substituted else ""),
        "data": described(source),
        "seed": cfg.seed,
        **provenance(plain(cfg, resolve=False), "cuda" if accelerator in ("gpu", "cuda") else "cpu"),
    }


def _coarsest(step_deg: float | list[float]) -> float:
    """The tilt step that the record tells: of several the largest."""
    return float(max(step_deg)) if isinstance(step_deg, list) else float(step_deg)


@hydra.main(config_path=str(conf_dir()), config_name="train", version_base="1.3")
def _main(cfg: DictConfig) -> Metrics | float | None:
    with slurm.queued_again_when_told():
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            return job_of_sweep(cfg, train)
        return exit.in_one_sentence(lambda cfg: answer(cfg, train))(cfg)


def _start() -> None:
    sys.argv[1:] = arguments_of_this_process(whole_command(sys.argv[1:]))
    try:
        _main()
    except MissingConfigException as error:
        plugin = PLUGINS.get(str(error.missing_cfg_file))
        if plugin is None:
            raise
        raise MissingExtraError(str(error.missing_cfg_file), plugin[0], f"pip install 'mwgan[{plugin[1]}]'") from None


def main() -> None:
    look_in_parts()
    slurm.name_folder()
    exit.run(_start)


if __name__ == "__main__":
    main()
