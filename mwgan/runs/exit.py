"""How a program ends: bad input is one sentence and exit code 2; anything else that fails keeps its traceback."""

from __future__ import annotations

import errno
import functools
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from mwgan.errors import InputError
from mwgan.paths import PACKAGE
from mwgan.runs.folder import is_first_process

Result = TypeVar("Result")
LIBRARIES_WARNING = warnings.formatwarning
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def run(program: Callable[[], object]) -> None:
    """Run a Hydra application so that a user's mistake reads as one sentence."""
    # Hydra would print its own summary and exit with 1; with this it raises, and the message is ours.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    logging.getLogger("numexpr").setLevel(logging.WARNING)  # pandas' helper would tell its number of threads
    warnings.formatwarning = _warning
    try:
        _explained(program)
    except KeyboardInterrupt:
        if is_first_process():
            print("interrupted: what was finished is kept", file=sys.stderr)
        sys.exit(130)


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

    try:
        return program()
    except InputError as error:
        fail(str(error))
    except (HydraException, OmegaConfBaseException) as error:
        fail(explained(error))
    except OSError as error:
        if not disk_full(error):
            raise
        fail(f"{no_space_in(Path(str(error.filename or '.')))}, then give the command again")


def disk_full(error: BaseException) -> bool:
    """Whether an error is, or comes of, a disk or a quota that is full; torch has an error of its own for it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in FULL:
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def no_space_in(path: Path) -> str:
    """What is full and what to do about it, as the beginning of a sentence."""
    there = next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(there).free / 2**20
    return f"no space is left for {path} ({free:.0f} MB free on its disk, or a quota is used up): free some there"


def fail(sentence: str) -> NoReturn:
    """Print one sentence to stderr and exit with code 2."""
    print(f"error: {' '.join(sentence.split())}", file=sys.stderr)
    sys.exit(2)
