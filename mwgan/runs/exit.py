"""How a program ends: bad input is one sentence and exit code 2; of anything else the traceback goes into a file, exit code 1."""

from __future__ import annotations

import errno
import functools
import io
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from mwgan.errors import InputError
from mwgan.files.interruption import ended_by_signals
from mwgan.files.space import disk_full, no_space_in
from mwgan.paths import PACKAGE
from mwgan.runs.folder import is_first_process
from mwgan.runs.unforeseen import end_unforeseen

Result = TypeVar("Result")
LIBRARIES_WARNING = warnings.formatwarning
NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)
IN_THE_WAY = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP)


def run(program: Callable[[], object]) -> None:
    """Run a Hydra application so that a user's mistake reads as one sentence."""
    # Hydra would print its own summary and exit with 1; with this it raises, and the message is ours.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    print_anywhere()
    logging.getLogger("numexpr").setLevel(logging.WARNING)  # pandas' helper would tell its number of threads
    warnings.formatwarning = _warning
    kept = "what was finished is kept" if is_first_process() else ""
    try:
        with ended_by_signals(kept):
            _explained(program)
    except KeyboardInterrupt:  # a training's, which hears signals itself
        if kept:
            print(f"interrupted: {kept}", file=sys.stderr)
        sys.exit(130)


def print_anywhere() -> None:
    """Have a character that the terminal or the file behind it lacks, as ± may be on Windows, printed as a question mark.

    And ignore a closed pipe: ``| head`` ends no training.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
            setattr(sys, name, Outliving(stream))


class Outliving:
    """A stream that continues into nothing once nobody reads it any more."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, or seem to."""
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._let_go()
            return len(text)

    def flush(self) -> None:
        """See that what was written is on its way."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._let_go()

    def _let_go(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


def _warning(message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None) -> str:
    """A warning of ours as a sentence; whose it is, and where it comes from, is said of the others alone."""
    if Path(filename).is_relative_to(PACKAGE):
        return f"warning: {message}\n"
    return LIBRARIES_WARNING(message, category, filename, lineno, line)


def in_one_sentence(task: Callable[[Any], Result]) -> Callable[[Any], Result]:
    """Decorate a Hydra task: a user's mistake ends it here, before Hydra writes lines of its own about a failed job."""

    @functools.wraps(task)
    def guarded(cfg: Any) -> Result:
        return _explained(lambda: task(cfg))

    return guarded


def _explained(program: Callable[[], Result]) -> Result:
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from mwgan.configuration import explained

    with mistakes_in_one_sentence():
        try:
            return program()
        except (HydraException, OmegaConfBaseException) as error:
            fail(explained(error))


@contextmanager
def mistakes_in_one_sentence() -> Iterator[None]:
    """A user's mistake, or a disk that is full or can't be written to, ends the program inside with exit code 2."""
    try:
        yield
    except InputError as error:
        fail(str(error))
    except OSError as error:
        if disk_full(error):
            fail(f"{no_space_in(Path(str(error.filename or '.')))}, then give the command again")
        if error.errno in NOT_ALLOWED and error.filename is not None:
            fail(f"{error.filename} can't be used ({str(error.strerror).lower()}): choose another place, or change who may use it")
        if error.errno in IN_THE_WAY and error.filename is not None:
            reason = str(error.strerror).lower()
            fail(f"{error.filename} can't be used ({reason}): give another name, or move what stands in its way")
        end_unforeseen(error)
    except MemoryError:
        fail("there is not enough memory for that: lower the sizes, or close other programs")
    except Exception as error:
        end_unforeseen(error)


def fail(sentence: str) -> NoReturn:
    """Print one sentence to stderr and exit with code 2."""
    print(f"error: {' '.join(sentence.split())}", file=sys.stderr)
    sys.exit(2)
