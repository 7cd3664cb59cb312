"""Sweeps: checks and records at the start and end, and running each job."""

from __future__ import annotations

import functools
import multiprocessing
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from mwgan.errors import InputError
from mwgan.files.atomic import atomic_write
from mwgan.runs import exit
from mwgan.runs.folder import FAILED, INTERRUPTED, REQUEUE, TERMINATED, by_number, is_claimed, jobs_in
from mwgan.runs.hydra_records import SWEEP, read_sweep
from mwgan.runs.one_run import Metrics, Train, answer, check_missing
from mwgan.runs.options import job_of, key_of, quoted
from mwgan.runs.sweeps import swept_keys

# Hydra's own options that distinguish one sweep from another.
SWEEPS = ("hydra.sweeper", "hydra/sweeper", "hydra.sweep.subdir")
PATIENCE_S = 60.0  # for a stopped job to finish: a training step and a checkpoint
LONGER = "hydra.sweeper.n_trials"  # may grow: a search then continues with more trials


class SweepStart(Callback):
    """Hydra callback at the start and end of a sweep (``hydra.callbacks``): records it for ``resume=`` and ends it cleanly.

    Hydra turns exceptions in callbacks into warnings, so a refusal ends the program here.
    """

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        exit.in_one_sentence(_record)(config)
        if "joblib" in config.hydra.launcher._target_:
            signal.signal(signal.SIGTERM, functools.partial(_end_jobs, Path(config.hydra.sweep.dir)))

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        folder = Path(config.hydra.sweep.dir)
        failed = sorted((file.parent for file in folder.glob(f"*/{FAILED}")), key=by_number)
        if failed and not _is_search(config.hydra):
            names, jobs = ", ".join(job.name for job in failed), {*jobs_in(folder), *failed}
            exit.fail(f"{len(failed)} of {len(jobs)} jobs failed: {names}; mwgan-train resume={quoted(folder)} tries them again")


def job_of_sweep(cfg: DictConfig, train: Train) -> Metrics | float | None:
    """Run one job of a sweep. A failure is reported at once, also to a search, and counted when the other jobs have run."""
    hydra = HydraConfig.get()
    failed = Path(cfg.paths.output_dir) / FAILED
    failed.unlink(missing_ok=True)
    cfg.sweep, cfg.label = Path(hydra.sweep.dir).name, f"{cfg.name} {hydra.job.num}"
    try:
        return answer(cfg, train)
    except SystemExit as end:
        if end.code in (TERMINATED, INTERRUPTED, REQUEUE):
            raise
        reason = "one of its stages failed"  # and has printed the reason
    except InputError as error:
        reason = str(error)
    except Exception as error:
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}"
    sentence = f"job {hydra.job.num} of the sweep ({', '.join(hydra.overrides.task)}) failed: {reason}"
    print(sentence, file=sys.stderr, flush=True)
    failed.write_text(sentence + "\n", encoding="utf-8")
    if _is_search(hydra):  # a new exception, since not every one can be pickled
        raise InputError(sentence)
    return None  # if raised, Hydra would report it twice more, and only the first


def _record(config: DictConfig) -> None:
    folder = Path(config.hydra.sweep.dir)
    check_missing(config)
    _check_same_sweep(config, folder)
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(folder / SWEEP) as partial:
        OmegaConf.save(config, partial)  # Hydra's basic sweeper does so too, a search doesn't


def _is_search(hydra: Any) -> bool:
    return not hydra.sweeper._target_.endswith(".BasicSweeper")


def _check_same_sweep(config: DictConfig, folder: Path) -> None:
    """Refuse a folder with jobs of another sweep before anything is written: its records would be mistaken for this one's."""
    if not (folder / SWEEP).is_file() or not jobs_in(folder):
        return
    earlier = OmegaConf.create(read_sweep(folder / SWEEP))
    if _swept_options(earlier) != _swept_options(config):
        theirs = " ".join(OmegaConf.select(earlier, "hydra.overrides.task", default=[]))
        raise InputError(
            f"{folder} holds another sweep ({theirs}): resume that one by mwgan-train resume={quoted(folder)} alone, "
            "or give this one its own folder (hydra.sweep.dir=)"
        )


def _swept_options(config: Any) -> tuple[list[str], ...]:
    """What distinguishes one sweep from another. The order of the keys is the order of its jobs."""
    task, hydra = (OmegaConf.select(config, f"hydra.overrides.{name}", default=[]) for name in ("task", "hydra"))
    return job_of(task), swept_keys(config), sorted(o for o in hydra if key_of(o).startswith(SWEEPS) and key_of(o) != LONGER)


def _end_jobs(folder: Path, number: int, frame: object) -> None:
    """Pass a stop signal on to the processes of a sweep: they would go on training unnoticed."""
    for child in multiprocessing.active_children():
        child.terminate()
    given_up_at = time.monotonic() + PATIENCE_S
    while time.monotonic() < given_up_at and any(is_claimed(job) for job in jobs_in(folder)):
        time.sleep(0.1)  # else joblib would kill jobs that are writing their checkpoint
    sys.exit(TERMINATED)
