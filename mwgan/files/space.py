"""Room on a disk: whether it is full, and taking what a file will need before the work begins."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import BinaryIO

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NOT_HERE = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)  # file systems that know no reserving
BLOCK = 1 << 22


def disk_full(error: BaseException) -> bool:
    """Whether an error is, or comes of, a disk or a quota that is full; torch has an error of its own for it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in FULL:
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def no_space_in(path: Path, needed: int = 0) -> str:
    """What is full and what to do about it, as the beginning of a sentence; of a file that would need so many bytes, how many."""
    there = next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(there).free
    wanted = f"which needs {_size(needed)} " if needed else ""
    return f"no space is left for {path} {wanted}({_size(free)} free on its disk, or a quota is used up): free some there"


def reserve(stream: BinaryIO, size: int) -> None:
    """Give a new file its ``size`` in bytes, zeros that are on the disk and not only promised; an :class:`OSError` if they don't fit."""
    if _allocated(stream, size):
        return
    _check_free(stream, size)
    zeros = bytes(BLOCK)
    stream.seek(0)
    for start in range(0, size, BLOCK):
        stream.write(zeros[: size - start])
    stream.flush()


def fill_holes(stream: BinaryIO) -> None:
    """See that all of a file that is there has its place on the disk; an :class:`OSError` if it doesn't fit. Its content stays."""
    size = os.fstat(stream.fileno()).st_size
    if not _allocated(stream, size):
        _check_free(stream, size)


def _allocated(stream: BinaryIO, size: int) -> bool:
    """Whether the system has given a file its size; an :class:`OSError` if there is no room, False where it knows no such thing."""
    allocate = getattr(os, "posix_fallocate", None)  # not on macOS and Windows
    if allocate is None:
        return False
    try:
        allocate(stream.fileno(), 0, size)
    except OSError as error:
        if error.errno not in NOT_HERE:
            raise
        return False
    return True


def _check_free(stream: BinaryIO, size: int) -> None:
    if shutil.disk_usage(Path(stream.name).absolute().parent).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), stream.name)


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GB" if count >= 2**30 else f"{count / 2**20:.1f} MB"
