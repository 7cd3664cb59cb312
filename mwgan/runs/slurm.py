"""A run as the tasks of a SLURM job: one task per device, all in one folder, and requeued when its time is up.

SLURM sends SIGUSR2 (``--signal=USR2@120``) when the time limit is near, and SIGTERM when a job is preempted or cancelled. The
run then stops, and its job is requeued unless it was cancelled. The requeued job resumes from the last checkpoint in its folder.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from mwgan.errors import InputError
from mwgan.runs.folder import REQUEUE, TERMINATED, is_first_process
from mwgan.signals import TIME_IS_UP

FOLDER_NAME = "MWGAN_FOLDER_NAME"  # read by conf/paths and conf/train.yaml: names a run's folder instead of the time
TIMEOUT_S = 60


def is_task() -> bool:
    """Whether this process was started by ``srun``, which has also started the other ranks."""
    return "SLURM_STEP_ID" in os.environ


def was_requeued() -> bool:
    """Whether this SLURM job has run before."""
    return int(os.environ.get("SLURM_RESTART_COUNT", 0)) > 0


def name_folder() -> None:
    """Name the folder of this run after the job: all tasks must use the same, and find it again after requeueing."""
    if is_task():
        os.environ[FOLDER_NAME] = f"slurm-{os.environ['SLURM_JOB_ID']}.{os.environ['SLURM_STEP_ID']}"


def is_named_by_job(folder: Path) -> bool:
    """Whether a run's folder is named after the job only, so that two commands of one job would share it."""
    return folder.name == os.environ.get(FOLDER_NAME)


def check_tasks(cfg: DictConfig) -> None:
    """Refuse a run whose number of devices differs from SLURM's tasks: they would wait for each other.

    Raises
    ------
    InputError
        If there are more or fewer, or several for a run of several stages.
    """
    devices, nodes = _count(cfg.trainer.devices), int(cfg.trainer.num_nodes)
    if not is_task():
        if nodes > 1 and "SLURM_JOB_ID" in os.environ:
            raise InputError(f"a run on trainer.num_nodes={nodes} is started by srun, once per device: srun mwgan-train ...")
        return
    tasks = int(os.environ.get("SLURM_NTASKS", 1))
    if cfg.stages is not None:
        if tasks > 1:
            raise InputError("the stages of a run can't share SLURM's tasks: train each stage by its own experiment=")
        return
    if devices is None:
        return
    wanted = f"--nodes={nodes} --ntasks-per-node={devices}"
    if tasks != devices * nodes:
        given = f"trainer.devices={cfg.trainer.devices} and trainer.num_nodes={nodes}"
        raise InputError(f"SLURM has started {tasks} tasks, and {given} need {devices * nodes}: ask for {wanted}, or set these options")
    if tasks > 1 and "SLURM_NTASKS_PER_NODE" not in os.environ:
        raise InputError(f"SLURM doesn't say how its {tasks} tasks are spread over the nodes: ask for {wanted} instead of --ntasks")


def _count(devices: Any) -> int | None:
    """The number of devices in an option; None where the machine decides."""
    if isinstance(devices, str):
        return int(devices) if devices.isdecimal() else None
    if isinstance(devices, int):
        return devices if devices > 0 else None
    return len(devices)


def environments() -> list[Any]:
    """The plugin by which Lightning finds the other ranks: those that ``srun`` has started, or its own.

    Lightning would requeue a job in its own way, with a checkpoint that we don't look for, and would take the only
    process of a batch script for one of several ranks.
    """
    from lightning_fabric.plugins.environments import LightningEnvironment, SLURMEnvironment, TorchElasticEnvironment  # type: ignore[attr-defined]

    if "SLURM_JOB_ID" not in os.environ or TorchElasticEnvironment.detect():
        return []
    return [SLURMEnvironment(auto_requeue=False) if is_task() else LightningEnvironment()]


@contextmanager
def requeued_on_signal() -> Iterator[None]:
    """Context in which SIGUSR2 and SIGTERM end this task of a SLURM job, and the job is requeued unless SLURM does so itself.

    They end it by ``SystemExit``, raised in the signal's handler, or after a checkpoint is written if the handler is deferred until
    then. Outside of SLURM nothing changes.
    """
    before = {number: signal.getsignal(number) for number in (*TIME_IS_UP, signal.SIGTERM)}
    submitit = next((before[number] for number in TIME_IS_UP), None)  # if it launched the job
    # Ignored in a stage, which the run it belongs to stops, and in parallel jobs of a sweep, which the sweep stops.
    # Without srun a requeued run wouldn't know its folder.
    if not is_task() or submitit == signal.SIG_IGN or parent_process() is not None:
        yield
        return
    for number in before:
        signal.signal(number, _end)
    try:
        yield
    except SystemExit as end:
        if end.code in (REQUEUE, TERMINATED):
            _leave(end.code == REQUEUE, submitit)
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, frame: object) -> None:
    sys.exit(128 + number)


def _leave(asked: bool, submitit: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # SLURM ends the rest of the job by it
    if not is_first_process():
        sys.exit()  # without a bad status, at which srun may end the other tasks (--kill-on-bad-exit), including the first
    job = os.environ["SLURM_JOB_ID"]
    try:
        if not asked and not _is_preempted(job):
            return
        if callable(submitit):  # it counts how often a job ran out of time, requeues it and exits
            submitit(*TIME_IS_UP, None)
            return
        _scontrol("requeue", job)
    except (OSError, subprocess.SubprocessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        print(f"SLURM did not requeue job {job} ({reason.strip()}): submit it again with resume=<its folder>", file=sys.stderr)


def _is_preempted(job: str) -> bool:
    """Whether a job is in the grace time of a preemption.

    SLURM requeues it when that time is over, but not if it has ended by then.
    """
    fields = dict(field.partition("=")[::2] for field in _scontrol("--oneliner", "show", "job", job).split())
    return fields.get("JobState") == "RUNNING" and fields.get("PreemptTime", "None") != "None"


def _scontrol(*arguments: str) -> str:
    return subprocess.run(["scontrol", *arguments], check=True, capture_output=True, encoding="utf-8", timeout=TIMEOUT_S).stdout
