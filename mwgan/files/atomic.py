"""Atomic writing of files: complete, or not at all."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType

from mwgan.errors import InputError
from mwgan.files.interruption import uninterrupted
from mwgan.files.outputs import written_to
from mwgan.files.partials import drop, new_partial

TRIES, PAUSE_S = 5, 0.2  # on Windows, where a virus scanner for example locks a new file for a moment


def sha256(file: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


class AtomicFiles:
    """Files that get their names together when all of them are written; on an error everything stays as it was.

    Use as a context manager. Two programs that write the same names at once don't mix: the last to end has written all of them.

    Raises
    ------
    InputError
        If an existing file can't be replaced.
    """

    def __init__(self) -> None:
        self._targets: dict[Path, Path] = {}

    def add(self, path: Path) -> Path:
        """A temporary name to write to, which becomes ``path``; for a link, its target is replaced.

        Raises
        ------
        InputError
            If ``path`` is a folder, a device or a pipe.
        """
        target = written_to(path)
        partial = new_partial(target)
        self._targets[partial] = target
        return partial

    def __enter__(self) -> AtomicFiles:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                with ExitStack() as alone:
                    alone.enter_context(uninterrupted())
                    for folder in sorted({target.parent for target in self._targets.values()}):
                        alone.enter_context(_in_turn(folder))
                    for partial, target in self._targets.items():
                        replace(partial, target)
        finally:
            for partial in self._targets:
                drop(partial)


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A temporary name to write to, which becomes ``path`` on success and is removed on an error."""
    with AtomicFiles() as files:
        yield files.add(path)


@contextmanager
def _in_turn(folder: Path) -> Iterator[None]:
    """Lock a folder, where the system can, while several files get their names."""
    with ExitStack() as held:
        with suppress(ImportError, OSError):  # systems or file systems without locks
            if sys.platform != "win32":
                import fcntl

                descriptor = os.open(folder, os.O_RDONLY)
                held.callback(os.close, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def replace(new: Path, path: Path) -> None:
    """Rename the file ``new`` to ``path``, replacing an existing file. Windows refuses this while another program has the file open.

    Raises
    ------
    InputError
        If it isn't possible.
    """
    for left in reversed(range(TRIES)):
        try:
            new.replace(path)
            return
        except PermissionError as error:
            if not left:
                raise InputError(f"{path} can't be replaced: close it where it is open, or write elsewhere") from error
            time.sleep(PAUSE_S)


def flush_folder(folder: Path) -> None:
    """Flush the names in ``folder`` to disk: otherwise a power failure may undo a renaming."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return  # Windows can't open folders; its file system has a journal of names
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder to write to, which becomes ``folder`` on success and is removed on an error.

    Raises
    ------
    InputError
        If ``folder`` exists and isn't empty.
    """
    check_new_folder(folder)
    partial = new_partial(folder.absolute())
    try:
        partial.mkdir()
        yield partial
        with uninterrupted():
            if folder.exists():
                folder.rmdir()  # it is empty, and Windows doesn't replace folders
            replace(partial, folder)
    finally:
        drop(partial)


def check_new_folder(folder: Path) -> None:
    """Raise an :class:`InputError` if a folder exists and isn't empty, or is something else."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(f"{folder} already exists: give the name of a new folder")
