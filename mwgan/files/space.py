"""Disk space: detecting a full disk, and allocating a file's space before the work starts."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import BinaryIO

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NOT_HERE = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)  # from file systems without allocation
BLOCK = 1 << 22


def disk_full(error: BaseException) -> bool:
    """Whether an error is, or was caused by, a full disk or quota; torch has its own error for it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in FULL:
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def no_space_in(path: Path, needed: int = 0) -> str:
    """The start of an error message on a full disk with the remedy, optionally with the bytes that the file needs."""
    there = next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(there).free
    wanted = f"which needs {_size(needed)} " if needed else ""
    return f"no space is left for {path} {wanted}({_size(free)} free on its disk, or a quota is used up): free some there"


def reserve(stream: BinaryIO, size: int) -> None:
    """Allocate ``size`` bytes of zeros on disk for a new file; an :class:`OSError` if they don't fit."""
    if _allocated(stream, size):
        return
    _check_free(stream, size)
    zeros = bytes(BLOCK)
    stream.seek(0)
    for start in range(0, size, BLOCK):
        stream.write(zeros[: size - start])
    stream.flush()


def fill_holes(stream: BinaryIO) -> None:
    """Allocate the holes of an existing file, keeping its content; an :class:`OSError` if it doesn't fit."""
    size = os.fstat(stream.fileno()).st_size
    if not _allocated(stream, size):
        _check_free(stream, size)


def _allocated(stream: BinaryIO, size: int) -> bool:
    """Allocate a file's size through the system; False if it can't, an :class:`OSError` if there is no space."""
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
