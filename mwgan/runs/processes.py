"""A training in several processes: which of them writes records and logs, and how all end when one fails."""

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

GRACE = 10.0  # seconds to wait for another process to end, or to report an error that both have
BAD_INPUT = 2  # exit status
FOLDERS = ("paths.run_dir", "hydra.run.dir")


def arguments_of_this_process(arguments: Sequence[str]) -> list[str]:
    """The command-line arguments; for all processes but the first changed to write no records and logs to the run folder.

    Raises
    ------
    InputError
        If torchrun started several processes without a folder: each would name one by its own clock.
    """
    together = "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("WORLD_SIZE", 1)) > 1
    if together and not any(key_of(argument) in FOLDERS for argument in arguments):
        raise InputError("processes started together need a common folder: give it by paths.run_dir=")
    return list(arguments) if is_first_process() else [*arguments, "hydra.output_subdir=null", "hydra/job_logging=stdout"]


def after_the_first(task: Callable[[], Result]) -> Result:
    """Run the task of a process other than the first. Bad input is usually bad for all: the first one reports it and ends this one."""
    try:
        return task()
    except InputError:
        time.sleep(GRACE)
        raise


@contextmanager
def all_or_none(trainer: Any) -> Iterator[None]:
    """Context for training with the processes that the trainer starts: if one fails, none is left waiting for it.

    Lightning would kill this process silently some seconds later. Instead it ends with the status of the failed one.
    """
    atexit.register(leave_group)
    launcher = trainer.strategy.launcher
    if not hasattr(launcher, "procs") or trainer.strategy.cluster_environment.creates_processes_externally:
        yield  # one process, or one of several started from outside
        return
    done = threading.Event()
    threading.Thread(target=_watch, args=(launcher, done), daemon=True).start()
    try:
        yield
    except BaseException as error:
        if isinstance(error, RuntimeError):  # as a broken connection is
            time.sleep(GRACE)  # usually another process has failed, as the watching thread is about to find
        done.set()
        for process in launcher.procs:
            process.kill()
        raise
    done.set()


def leave_group() -> None:
    """Leave the process group, if there is one: torch's threads may abort a program that ends without it.

    Lightning does so for NCCL only.
    """
    distributed = sys.modules.get("torch.distributed")  # too late to import it
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
        done.wait(GRACE)  # this process most likely received the signal too
    if status == 0 or done.is_set():
        return
    for other in processes:
        other.kill()
    how = f"failed for the reason above (status {status})" if status > 0 else f"was ended by signal {-status}"
    if status != BAD_INPUT:  # already reported in a sentence
        print(f"error: process {rank + 1} of {len(processes) + 1} {how}", file=sys.stderr, flush=True)
    sys.stdout.flush()
    os._exit(status if status > 0 else 128 - status)  # the main thread may wait for the others forever
