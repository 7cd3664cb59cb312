"""Runs many series in parallel: on this machine, or as SLURM jobs."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from mwgan.errors import InputError
from mwgan.recipes.recipe import Recipe
from mwgan.recipes.running import LOG, MWGAN, Outcome, Processes, run_series
from mwgan.recipes.steps import steps_of

SLURM = {"cpus_per_task": 8, "mem_gb": 32, "timeout_min": 1440}
SHARED = (
    "name",
    "nodes",
    "tasks_per_node",
    "cpus_per_task",
    "gpus_per_node",
    "mem_gb",
    "timeout_min",
)  # all clusters


def run_here(recipe: Recipe, names: Sequence[str], jobs: int, say: Callable[[str], None]) -> dict[str, Outcome]:
    """Run the steps of these series, ``jobs`` of them at a time; a failed one doesn't stop the others."""
    threads = None if jobs == 1 else max(1, (os.cpu_count() or 1) // jobs)
    outcomes: dict[str, Outcome] = {}
    pool, processes = ThreadPoolExecutor(jobs), Processes()
    try:
        waiting = {
            pool.submit(run_series, name, steps_of(recipe, name), recipe.output / name, say, processes, threads): name for name in names
        }
        for future in as_completed(waiting):
            outcomes[waiting[future]] = future.result()
    except BaseException:  # stopped, or an error: leave no process running in the background
        processes.stop()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return outcomes


def run_by_slurm(recipe: Recipe, names: Sequence[str], jobs: int, say: Callable[[str], None]) -> dict[str, Outcome]:
    """Submit each of these series to SLURM as a job, ``jobs`` of them at a time, and wait for all.

    Raises
    ------
    InputError
        If submitit is not installed, there is no SLURM, or it knows no such parameter.
    """
    try:
        import submitit
    except ImportError as error:
        raise InputError("SLURM jobs need submitit: pip install 'mwgan[slurm]'") from error
    executor = submitit.AutoExecutor(folder=recipe.output / ".slurm", cluster="slurm")
    asked = {**SLURM, "array_parallelism": jobs, **recipe.slurm}
    try:
        executor.update_parameters(**{key if key in SHARED else f"slurm_{key}": value for key, value in asked.items()})
    except (NameError, AssertionError) as error:
        raise InputError(f"slurm: {error}") from error
    commands = [submitit.helpers.CommandFunction([*MWGAN, "run", str(recipe.file), "--only", name]) for name in names]
    try:
        with executor.batch():
            submitted = [executor.submit(command) for command in commands]
    except (FileNotFoundError, submitit.core.utils.FailedJobError) as error:
        raise InputError(f"SLURM refused the job ({' '.join(str(error).split())[:200]}): run this where sbatch works") from error
    outcomes = {}
    for name, job in zip(names, submitted, strict=True):  # report all first, as the next loop waits
        say(f"{name}: job {job.job_id}")
    for name, job in zip(names, submitted, strict=True):
        failure = job.exception()
        outcomes[name] = Outcome() if failure is None else Outcome(f"job {job.job_id}", _reason(failure, recipe.output / name / LOG))
    return outcomes


def _reason(failure: BaseException, log: Path) -> str:
    """The last line of the series' own log, or else submitit's error for the job."""
    printed = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    lines = [line.strip() for text in (str(failure), printed) for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("error: ") if lines else type(failure).__name__
