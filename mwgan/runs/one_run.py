"""One run in its folder: started, resumed, or already finished."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from mwgan.configuration import plain
from mwgan.errors import InputError
from mwgan.parts import check_recorded
from mwgan.runs.arguments import check_arguments
from mwgan.runs.config_dir import config_dir
from mwgan.runs.folder import claimed, from_here, is_finished, is_first_process, is_same_job, metrics_of, record_end, started
from mwgan.runs.processes import after_the_first
from mwgan.runs.resume import has_begun
from mwgan.runs.slurm import check_tasks, is_named_by_job, was_requeued
from mwgan.runs.stages import run_stages
from mwgan.runs.values import check_values

Metrics = dict[str, float]
Train = Callable[[DictConfig], Metrics]

SINGLE = (1, "1", [0])  # devices: one, or the first one


def answer(cfg: DictConfig, train: Train) -> Metrics | float:
    """The run's last metrics, or the one that a search optimises.

    Raises
    ------
    InputError
        If the run isn't possible with ``cfg``, or has no such metric.
    """
    metrics = run(cfg, train)
    if cfg.objective is None:
        return metrics
    if cfg.objective not in metrics:
        raise InputError(f"objective={cfg.objective} is not a metric of this run: it has {', '.join(metrics) or 'none'}")
    return metrics[cfg.objective]


def run(cfg: DictConfig, train: Train) -> Metrics:
    """Do what is left of the run or sweep job that ``cfg`` describes; return its last metrics."""
    settings = plain(cfg)
    check_values(settings)
    if cfg.get("recorded"):
        check_recorded(settings, cfg.allow)
    check_arguments(settings)
    check_missing(cfg)
    _refuse_multirun_ddp(cfg)
    check_tasks(cfg)
    folder, hydra = Path(cfg.paths.output_dir), HydraConfig.get()
    options = list(hydra.overrides.task)
    if _is_resumed(cfg, folder, options) and is_finished(folder):
        print(f"the run in {folder} is already finished", flush=True)
        return metrics_of(folder)
    if not is_first_process():
        return after_the_first(lambda: train(cfg))
    added = config_dir()
    with claimed(folder):
        with started(folder, options, hydra.runtime.choices.get("model"), added):
            if cfg.stages is not None:
                metrics, done = {}, run_stages(cfg, options, added)
            else:
                metrics, done = train(cfg), folder
        record_end(folder, options, metrics)
    print(f"run saved in {done}", flush=True)
    return metrics


def check_missing(cfg: DictConfig) -> None:
    """Refuse a misspelt ``data.missing``: synthetic data never reads it, and a sweep would fail at a later job."""
    missing = OmegaConf.select(cfg, "data.missing")
    if missing not in (None, "error", "substitute"):
        raise InputError(f"data.missing={missing} is neither error nor substitute: say which, for a source whose images aren't there")


def takes_several_devices(cfg: DictConfig) -> bool:
    """Whether a run has several processes, on one machine or on more."""
    return cfg.trainer.devices not in SINGLE or cfg.trainer.num_nodes != 1


def _refuse_multirun_ddp(cfg: DictConfig) -> None:
    hydra = HydraConfig.get()
    if hydra.mode != RunMode.MULTIRUN or not takes_several_devices(cfg):
        return
    on_slurm = "submitit" in hydra.launcher._target_
    if cfg.stages is None and not on_slurm:
        raise InputError("a sweep on one machine can't use several devices: its ranks would start the sweep again; use trainer.devices=1")
    if cfg.stages is not None and on_slurm:
        raise InputError("the stages of a run can't share SLURM's tasks: use trainer.devices=1, or train each stage by its own experiment=")


def _is_resumed(cfg: DictConfig, folder: Path, options: list[str]) -> bool:
    """Whether ``folder`` holds this very run, started or finished; a job of a sweep or of SLURM then resumes it."""
    same = is_same_job(folder, options)
    sweeps = HydraConfig.get().mode == RunMode.MULTIRUN
    if not sweeps and not (same and was_requeued()):
        asked = cfg.resume is not None and Path(cfg.resume).resolve() == folder.resolve()
        if not asked and is_first_process() and is_named_by_job(folder) and (is_finished(folder) or has_begun(folder)):
            raise InputError(f"{folder} holds another run of this SLURM step: give each its own folder (paths.run_dir=)")
        return same and asked
    if not same:
        raise InputError(f"{folder} holds another job than {' '.join(options)}: give the sweep a folder of its own (hydra.sweep.dir=)")
    if has_begun(folder):
        cfg.resume = str(from_here(folder))
    return True
