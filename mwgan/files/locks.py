"""Lock files: exclusive access for one process at a time."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mwgan.errors import InputError

NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL)  # from file systems without locks


@contextmanager
def hold(lock: Path, refusal: str) -> Iterator[None]:
    """Context that holds the lock file ``lock``; a file system without locks locks nothing. The lock of a killed process is released.

    The file is empty and is not removed: removing it while others wait would let two of them in.

    Raises
    ------
    InputError
        With the text ``refusal``, if another process holds it.
    """
    # Anybody who may write in the folder may hold it. A marker file instead of a lock would outlive a killed process.
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
