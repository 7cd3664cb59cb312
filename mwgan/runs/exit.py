"""How a program ends: bad input gives one sentence and exit code 2; any other error a traceback in a file and exit code 1."""

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
from mwgan.runs.unexpected import end_unexpected

Result = TypeVar("Result")
LIBRARIES_WARNING = warnings.formatwarning
NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)
IN_THE_WAY = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP)


def run(program: Callable[[], object]) -> None:
    """Run a Hydra application; a user's mistake is printed as one sentence."""
    # Hydra would print its own summary and exit with 1; with this it raises, and we print the message.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    print_anywhere()
    logging.getLogger("numexpr").setLevel(logging.WARNING)  # used by pandas; it would print its number of threads
    warnings.formatwarning = _warning
    kept = "finished results are kept" if is_first_process() else ""
    try:
        with ended_by_signals(kept):
            _report_mistakes(program)
    except KeyboardInterrupt:  # from a training, which handles signals itself
        if kept:
            print(f"interrupted: {kept}", file=sys.stderr)
        sys.exit(130)


def print_anywhere() -> None:
    """Print characters that the output's encoding lacks, as ± may be on Windows, as question marks.

    And ignore a closed pipe: ``| head`` must not end a training.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
            setattr(sys, name, UnlessClosed(stream))


class UnlessClosed:
    """A stream that discards its output once the pipe is closed."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, or discard."""
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._let_go()
            return len(text)

    def flush(self) -> None:
        """Flush, or do nothing."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._let_go()

    def _let_go(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


def _warning(message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None) -> str:
    """Format a warning of ours as one sentence; others also with their category and origin."""
    if Path(filename).is_relative_to(PACKAGE):
        return f"warning: {message}\n"
    return LIBRARIES_WARNING(message, category, filename, lineno, line)


def in_one_sentence(task: Callable[[Any], Result]) -> Callable[[Any], Result]:
    """Decorate a Hydra task: a user's mistake ends it here, before Hydra prints its own lines about a failed job."""

    @functools.wraps(task)
    def guarded(cfg: Any) -> Result:
        return _report_mistakes(lambda: task(cfg))

    return guarded


def _report_mistakes(program: Callable[[], Result]) -> Result:
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from mwgan.configuration import describe_error

    with mistakes_in_one_sentence():
        try:
            return program()
        except (HydraException, OmegaConfBaseException) as error:
            fail(describe_error(error))


@contextmanager
def mistakes_in_one_sentence() -> Iterator[None]:
    """Context in which a user's mistake, or a disk that is full or can't be written to, ends the program with exit code 2."""
    try:
        yield
    except InputError as error:
        fail(str(error))
    except OSError as error:
        if disk_full(error):
            fail(f"{no_space_in(Path(str(error.filename or '.')))}, then give the command again")
        if error.errno in NOT_ALLOWED and error.filename is not None:
            fail(f"{error.filename} can't be used ({str(error.strerror).lower()}): choose another place, or change its permissions")
        if error.errno in IN_THE_WAY and error.filename is not None:
            reason = str(error.strerror).lower()
            fail(f"{error.filename} can't be used ({reason}): give another name, or move what is in the way")
        end_unexpected(error)
    except MemoryError:
        fail("there is not enough memory for that: lower the sizes, or close other programs")
    except Exception as error:
        end_unexpected(error)


def fail(sentence: str) -> NoReturn:
    """Print one sentence to stderr and exit with code 2."""
    print(f"error: {' '.join(sentence.split())}", file=sys.stderr)
    sys.exit(2)
