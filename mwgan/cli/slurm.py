"""A run as the tasks of a SLURM job: one task a device, all in one folder, and queued again when its time is up.

SLURM says by SIGUSR2 (``--signal=USR2@120``) that the time is nearly up or that the job is preempted: the run then ends, and
its job is put back into the queue. SLURM does that itself where it ends a job by SIGTERM (``scontrol requeue``, preemption).
Either way the job finds its folder begun when its turn comes, and goes on from its last checkpoint.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from omegaconf import DictConfig

from mwgan.cli.jobs import QUEUE_AGAIN, is_first_process
from mwgan.errors import InputError

FOLDER_NAME = "MWGAN_FOLDER_NAME"  # read by conf/paths and conf/train.yaml: what names a run's folder instead of the time
LONGEST_WAIT_S = 60


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
    """Inside, SIGUSR2 ends this task of a SLURM job and has the job queued again. Outside of SLURM nothing changes.

    It ends by ``SystemExit``, raised in the signal's handler, or later by who puts the handler off until a checkpoint is written.
    """
    before = signal.getsignal(signal.SIGUSR2)
    if "SLURM_JOB_ID" not in os.environ or before == signal.SIG_IGN:  # ignored: a stage, which is told by the run it belongs to
        yield
        return
    signal.signal(signal.SIGUSR2, _end)
    if callable(before):  # submitit's, which ignores SIGTERM: the job would go on until SLURM kills it
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        yield
    except SystemExit as end:
        if end.code == QUEUE_AGAIN:
            _queue_again(before)
        raise
    finally:
        signal.signal(signal.SIGUSR2, before)


def _end(number: int, frame: object) -> None:
    sys.exit(QUEUE_AGAIN)


def _queue_again(before: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # by which SLURM ends what is left of the job
    if not is_first_process():
        time.sleep(LONGEST_WAIT_S)  # a task that ends early may end the others (--kill-on-bad-exit), the first one too
        return
    if callable(before):  # submitit's own: it counts how often a job ran out of time, queues it again and exits
        before(signal.SIGUSR2, None)
        return
    job = os.environ["SLURM_JOB_ID"]
    try:
        subprocess.run(["scontrol", "requeue", job], check=True, capture_output=True, text=True, timeout=LONGEST_WAIT_S)
    except (OSError, subprocess.SubprocessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        print(f"SLURM did not queue job {job} again ({reason.strip()}): submit it anew with resume=<its folder>", file=sys.stderr)
