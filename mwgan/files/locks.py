"""Files that one process holds at a time."""

from __future__ import annotations

import fcntl
from typing import IO

from mwgan.errors import InputError


def hold(file: IO[str], refusal: str) -> None:
    """Hold an open file until it is closed. A process that is killed lets go of it.

    Raises
    ------
    InputError
        With the words of ``refusal``, if another process holds it.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(refusal) from None
    except OSError:
        pass  # a file system that knows no locks
