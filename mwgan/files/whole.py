"""How any file of ours is written: whole, or not at all."""

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

TRIES, PAUSE_S = 5, 0.2  # on Windows, where whoever looks at a new file, a virus scanner say, holds it for a moment


def sha256(file: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


class WrittenTogether:
    """Files that take their names together when all of them are written, or leave everything as it was.

    Use as a context manager. Two programs that write the same names at once don't mix: the last to end has written all of them.

    Raises
    ------
    InputError
        If a file that is there can't be replaced.
    """

    def __init__(self) -> None:
        self._targets: dict[Path, Path] = {}

    def add(self, path: Path) -> Path:
        """A temporary name to write to, which becomes ``path``; a link stays, and the file that it leads to is replaced.

        Raises
        ------
        InputError
            If ``path`` is a folder, a device or a pipe.
        """
        target = written_to(path)
        partial = new_partial(target)
        self._targets[partial] = target
        return partial

    def __enter__(self) -> WrittenTogether:
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
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary name to write to, which becomes ``path`` if all goes well and nothing if it doesn't."""
    with WrittenTogether() as files:
        yield files.add(path)


@contextmanager
def _in_turn(folder: Path) -> Iterator[None]:
    """One process after another, where the system can lock a folder: for the moment in which several files get their names."""
    with ExitStack() as held:
        with suppress(ImportError, OSError):  # systems that can't; file systems that know no locks
            if sys.platform != "win32":
                import fcntl

                descriptor = os.open(folder, os.O_RDONLY)
                held.callback(os.close, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def replace(new: Path, path: Path) -> None:
    """Give the file ``new`` the name ``path``, in place of what has it. Windows refuses that while another program has the file open.

    Raises
    ------
    InputError
        If it can't be done.
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
    """See the names in ``folder`` safe on the disk: without it a machine that loses power may forget what a file was renamed to."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return  # Windows opens no folders; its file system keeps a journal of names
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def folder_written_whole(folder: Path) -> Iterator[Path]:
    """A temporary folder to write to, which becomes ``folder`` if all goes well and nothing if it doesn't.

    Raises
    ------
    InputError
        If ``folder`` is there and not empty.
    """
    check_new_folder(folder)
    partial = new_partial(folder.absolute())
    try:
        partial.mkdir()
        yield partial
        with uninterrupted():
            if folder.exists():
                folder.rmdir()  # it is empty, and Windows would not put another in its place
            replace(partial, folder)
    finally:
        drop(partial)


def check_new_folder(folder: Path) -> None:
    """Raise an :class:`InputError` if a folder is there and not empty, or something else is."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(f"{folder} is there already: give the name of a new folder")
