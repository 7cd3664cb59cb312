"""What one process holds at a time, by a lock file that stands for it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mwgan.errors import InputError

NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL)  # of a file system that knows none


@contextmanager
def hold(lock: Path, refusal: str) -> Iterator[None]:
    """Hold the file ``lock`` inside. A process that is killed lets go of it; a file system that knows no locks holds nobody up.

    The file holds nothing and stays: one that is removed while others wait for it would let two of them in.

    Raises
    ------
    InputError
        With the words of ``refusal``, if another process holds it.
    """
    # Anybody who may write in the folder may hold it. A marker instead of a lock would outlive a process that is killed.
    held = FileLock(lock, timeout=0, mode=0o666, fallback_to_soft=False)
    try:
        held.acquire()
    except Timeout:
        raise InputError(refusal) from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    try:
        yield
    finally:
        held.release()
