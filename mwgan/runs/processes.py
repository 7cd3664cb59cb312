"""A training in several processes: which of them keeps the books, and how all end when one fails."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from mwgan.errors import InputError
from mwgan.runs.folder import INTERRUPTED, TERMINATED, is_first_process
from mwgan.runs.options import key_of

Result = TypeVar("Result")

GRACE = 10.0  # seconds that a process gives another to end by itself, or to say first what both have to say
BAD_INPUT = 2  # exit status
FOLDERS = ("paths.run_dir", "hydra.run.dir")


def arguments_of_this_process(arguments: Sequence[str]) -> list[str]:
    """The command line's arguments, for any process but the first with no record and log of its own in the run folder.

    Raises
    ------
    InputError
        If torchrun started several processes and none of them is told the folder: each would name one by its own clock.
    """
    together = "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("WORLD_SIZE", 1)) > 1
    if together and not any(key_of(argument) in FOLDERS for argument in arguments):
        raise InputError("processes that are started together need one folder: give it by paths.run_dir=")
    return list(arguments) if is_first_process() else [*arguments, "hydra.output_subdir=null", "hydra/job_logging=stdout"]


def after_the_first(task: Callable[[], Result]) -> Result:
    """What a process beside the first does. Of bad input, which most often is bad for all, the first one tells, and ends this one."""
    try:
        return task()
    except InputError:
        time.sleep(GRACE)
        raise


@contextmanager
def all_or_none(trainer: Any) -> Iterator[None]:
    """Train inside with the processes that the trainer starts: if one fails, none is left waiting for it.

    Lightning would kill this process some seconds later, without a word. Instead it ends with the status of the one that failed.
    """
    atexit.register(leave_group)
    launcher = trainer.strategy.launcher
    if not hasattr(launcher, "procs") or trainer.strategy.cluster_environment.creates_processes_externally:
        yield  # one process, or one of several that somebody else watches
        return
    done = threading.Event()
    threading.Thread(target=_watch, args=(launcher, done), daemon=True).start()
    try:
        yield
    except BaseException as error:
        if isinstance(error, RuntimeError):  # as a broken connection is
            time.sleep(GRACE)  # most often another process has failed, whose end the watch is about to hear of
        done.set()
        for process in launcher.procs:
            process.kill()
        raise
    done.set()


def leave_group() -> None:
    """Part from the other processes, if there are any: torch's threads for them may abort a program that ends without it.

    Lightning does so for NCCL alone.
    """
    distributed = sys.modules.get("torch.distributed")  # too late to load it
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def _watch(launcher: Any, done: threading.Event) -> None:
    while not launcher.procs and not done.is_set():
        time.sleep(0.1)
    for rank, process in enumerate(launcher.procs, start=1):
        threading.Thread(target=_await, args=(rank, process, launcher.procs, done), daemon=True).start()


def _await(rank: int, process: subprocess.Popen[bytes], processes: list[subprocess.Popen[bytes]], done: threading.Event) -> None:
    """Wait for a process. If it fails, end them all."""
    status = process.wait()
    if status in (TERMINATED, INTERRUPTED, -signal.SIGTERM, -signal.SIGINT):
        done.wait(GRACE)  # this process was most likely told so too
    if status == 0 or done.is_set():
        return
    for other in processes:
        other.kill()
    how = f"failed for the reason above (status {status})" if status > 0 else f"was ended by signal {-status}"
    if status != BAD_INPUT:  # which it has told in a sentence
        print(f"error: process {rank + 1} of {len(processes) + 1} {how}", file=sys.stderr, flush=True)
    sys.stdout.flush()
    os._exit(status if status > 0 else 128 - status)  # the main thread may wait for the others for ever
