"""Sweeps: what is set up when one starts, and which runs the folder of one holds."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from mwgan.cli.jobs import TERMINATED, is_finished, job_of, key_of
from mwgan.cli.resume import OVERRIDES, SWEEP
from mwgan.errors import InputError

CHOICES = Path(".hydra") / "hydra.yaml"


@dataclass(frozen=True)
class SweptRun:
    """One job of a sweep."""

    method: str
    """Its model and what tells it from the other jobs, its seed apart: ``irdm_pixel_d1``, ``irdm_min_deg=40``."""
    folder: Path
    """Its run folder."""
    train_seed: int
    """The ``seed`` it was trained with."""
    finished: bool
    """Whether it came to its end."""


def runs_of(folder: str | Path) -> list[SweptRun]:
    """The jobs that were begun in the folder of a sweep, in their order.

    Raises
    ------
    InputError
        If the folder holds no sweep, or none of its jobs was begun.
    """
    folder = Path(folder)
    if not (folder / SWEEP).is_file():
        raise InputError(f"{folder} is not the folder of a sweep: give one that mwgan-train -m made, with a {SWEEP} in it")
    jobs = [path for path in folder.iterdir() if (path / OVERRIDES).is_file()]
    jobs.sort(key=lambda path: (len(path.name), path.name))  # by number
    if not jobs:
        raise InputError(f"no job of the sweep in {folder} was begun: go on with it by mwgan-train resume={folder}")
    options = {job: dict(_split(option) for option in job_of([*OmegaConf.load(job / OVERRIDES)])) for job in jobs}
    keys = dict.fromkeys(key for given in options.values() for key in given)
    swept = [key for key in keys if key not in ("seed", "model") and len({given.get(key) for given in options.values()}) > 1]
    runs = []
    for job, given in options.items():
        model = OmegaConf.select(OmegaConf.load(job / CHOICES), "hydra.runtime.choices.model")
        label = [given[key] if key == "data" else f"{key.split('.')[-1]}={given[key]}" for key in swept if key in given]
        config = OmegaConf.load(job / CHOICES.with_name("config.yaml"))
        runs.append(SweptRun("_".join([str(model), *label]), job, int(config.seed), is_finished(job)))
    return runs


def _split(option: str) -> tuple[str, str]:
    return key_of(option), option.split("=", 1)[-1].strip("'\"")


class SweepStart(Callback):
    """Told by Hydra that a sweep begins (``hydra.callbacks``): records it for ``resume=`` and sees to an orderly end."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        folder = Path(config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(config, folder / SWEEP)  # Hydra's basic sweeper does so too, a search doesn't
        if "joblib" in config.hydra.launcher._target_:
            signal.signal(signal.SIGTERM, _end_jobs)


def _end_jobs(number: int, frame: object) -> None:
    """Pass on to the processes of a sweep that it is to end: they would train on, and nobody would know of them."""
    for child in multiprocessing.active_children():
        child.terminate()
    sys.exit(TERMINATED)
