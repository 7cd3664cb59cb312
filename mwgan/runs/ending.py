"""How a training ends: normally, by a signal or on a full disk; and what must be closed in each case."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytorch_lightning as pl
from pytorch_lightning.utilities.exceptions import SIGTERMException

from mwgan.callbacks import LastCheckpoint, Stopped
from mwgan.errors import InputError
from mwgan.files.space import disk_full, no_space_in
from mwgan.runs.folder import TERMINATED, is_first_process
from mwgan.runs.options import quoted


@contextmanager
def ending(folder: Path, trainer: pl.Trainer) -> Iterator[None]:
    """Context in which to train: turns whatever stops the training into the program's own exit.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C.
    SystemExit
        With the status of a process stopped by a signal, or without one where the run's first process ended the others.
    InputError
        If the disk of ``folder`` is full.
    """
    status = 1
    try:
        yield
        status = 0
    except Stopped as stop:
        if not is_first_process():
            sys.exit()  # quietly: Lightning kills the first process when another one fails
        if stop.number == signal.SIGINT:
            raise KeyboardInterrupt from None
        sys.exit(TERMINATED)
    except SIGTERMException:  # an exit without status would look like success; this one came before there was anything to save
        sys.exit(TERMINATED)
    except (OSError, RuntimeError) as error:
        if not disk_full(error):
            raise
        raise InputError(f"{no_space_in(folder)}; then mwgan-train resume={quoted(folder)} resumes from the last checkpoint") from error
    except SystemExit as end:
        if isinstance(end.__context__, KeyboardInterrupt):  # Lightning exits silently on Ctrl-C
            raise KeyboardInterrupt from None
        raise
    finally:
        if "wandb" in sys.modules:  # or the next job of a sweep would log into this one's run
            sys.modules["wandb"].finish(exit_code=status)
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, LastCheckpoint) and callback.signals.received:  # it arrived as the last epoch ended: pass it on
            signal.raise_signal(callback.signals.received)
