"""How any file of ours is written: whole, or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mwgan.errors import InputError

TRIES, PAUSE_S = 5, 0.2  # on Windows, where whoever looks at a new file, a virus scanner say, holds it for a moment


def sha256(file: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary name to write to, which becomes ``path`` if all goes well and nothing if it doesn't.

    Raises
    ------
    InputError
        If there is a file ``path`` that can't be replaced.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")  # two processes may write the same file
    try:
        yield partial
        replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


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
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(f"{folder} is there already: give the name of a new folder")
    partial = folder.absolute().with_name(f".{folder.absolute().name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # of a process of that number that was killed
    partial.mkdir()
    try:
        yield partial
        if folder.exists():
            folder.rmdir()  # it is empty, and Windows would not put another in its place
        replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
