"""A run as the tasks of a SLURM job: one task a device, all in one folder, and queued again when its time is up.

SLURM says by SIGUSR2 (``--signal=USR2@120``) that the time is nearly up, and by SIGTERM that a job has to make room for another
or was cancelled. The run then ends, and its job is put back into the queue, but for one that was cancelled. The job finds its
folder begun when its turn comes again, and continues from its last checkpoint.
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
from mwgan.runs.folder import QUEUE_AGAIN, TERMINATED, is_first_process
from mwgan.signals import TIME_IS_UP

FOLDER_NAME = "MWGAN_FOLDER_NAME"  # read by conf/paths and conf/train.yaml: what names a run's folder instead of the time
TIMEOUT_S = 60


def is_task() -> bool:
    """Whether this process was started by ``srun``, which has started the other ranks as well."""
    return "SLURM_STEP_ID" in os.environ


def was_queued_again() -> bool:
    """Whether this SLURM job has run before."""
    return int(os.environ.get("SLURM_RESTART_COUNT", 0)) > 0


def name_folder() -> None:
    """Have the folder of this run named by the job: its tasks must agree, and find it again when the job was queued again."""
    if is_task():
        os.environ[FOLDER_NAME] = f"slurm-{os.environ['SLURM_JOB_ID']}.{os.environ['SLURM_STEP_ID']}"


def is_named_by_job(folder: Path) -> bool:
    """Whether a run's folder has its name from the job, and so from nothing that tells one command of the job from the next."""
    return folder.name == os.environ.get(FOLDER_NAME)


def check_tasks(cfg: DictConfig) -> None:
    """Refuse a run whose devices are not the tasks that SLURM has started: they would wait for each other.

    Raises
    ------
    InputError
        If there are more or fewer, or several for a run of several stages.
    """
    devices, nodes = _count(cfg.trainer.devices), int(cfg.trainer.num_nodes)
    if not is_task():
        if nodes > 1 and "SLURM_JOB_ID" in os.environ:
            raise InputError(f"a run on trainer.num_nodes={nodes} is started by srun, once a device: srun mwgan-train ...")
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
        raise InputError(f"SLURM doesn't say how its {tasks} tasks lie on the nodes: ask for {wanted} instead of --ntasks")


def _count(devices: Any) -> int | None:
    """How many devices an option names; None where the machine decides."""
    if isinstance(devices, str):
        return int(devices) if devices.isdecimal() else None
    if isinstance(devices, int):
        return devices if devices > 0 else None
    return len(devices)


def environments() -> list[Any]:
    """The plugin by which Lightning finds the other ranks: those that ``srun`` has started, or its own.

    Lightning would queue a job again in its own way, with a checkpoint that nobody here looks for, and would take the one
    process of a batch script for a rank among others.
    """
    from lightning_fabric.plugins.environments import LightningEnvironment, SLURMEnvironment, TorchElasticEnvironment  # type: ignore[attr-defined]

    if "SLURM_JOB_ID" not in os.environ or TorchElasticEnvironment.detect():
        return []
    return [SLURMEnvironment(auto_requeue=False) if is_task() else LightningEnvironment()]


@contextmanager
def queued_again_when_told() -> Iterator[None]:
    """Inside, SIGUSR2 and SIGTERM end this task of a SLURM job, and the job is queued again where SLURM doesn't do it itself.

    They end it by ``SystemExit``, raised in the signal's handler, or later by who puts the handler off until a checkpoint is
    written. Outside of SLURM nothing changes.
    """
    before = {number: signal.getsignal(number) for number in (*TIME_IS_UP, signal.SIGTERM)}
    submitit = next((before[number] for number in TIME_IS_UP), None)  # of a job that it launched
    # Ignored: a stage, which is told by the run it belongs to. Jobs side by side in processes are told by the sweep.
    # Without srun nothing would tell the run of its folder when its turn comes again.
    if not is_task() or submitit == signal.SIG_IGN or parent_process() is not None:
        yield
        return
    for number in before:
        signal.signal(number, _end)
    try:
        yield
    except SystemExit as end:
        if end.code in (QUEUE_AGAIN, TERMINATED):
            _leave(end.code == QUEUE_AGAIN, submitit)
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, frame: object) -> None:
    sys.exit(128 + number)


def _leave(asked: bool, submitit: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # by which SLURM ends what is left of the job
    if not is_first_process():
        sys.exit()  # without a bad status, at which srun may end the other tasks (--kill-on-bad-exit), the first one too
    job = os.environ["SLURM_JOB_ID"]
    try:
        if not asked and not _is_preempted(job):
            return
        if callable(submitit):  # it counts how often a job ran out of time, queues it again and exits
            submitit(*TIME_IS_UP, None)
            return
        _scontrol("requeue", job)
    except (OSError, subprocess.SubprocessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        print(f"SLURM did not queue job {job} again ({reason.strip()}): submit it anew with resume=<its folder>", file=sys.stderr)


def _is_preempted(job: str) -> bool:
    """Whether a job that was told to end has the time to do so because another one needs its place.

    SLURM queues it again when that time is over, but not if it has ended by then.
    """
    fields = dict(field.partition("=")[::2] for field in _scontrol("--oneliner", "show", "job", job).split())
    return fields.get("JobState") == "RUNNING" and fields.get("PreemptTime", "None") != "None"


def _scontrol(*arguments: str) -> str:
    return subprocess.run(["scontrol", *arguments], check=True, capture_output=True, encoding="utf-8", timeout=TIMEOUT_S).stdout
