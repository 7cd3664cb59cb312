"""How any file of ours is written: whole, or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mwgan.errors import InputError


def sha256(file: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary name to write to, which becomes ``path`` if all goes well and nothing if it doesn't."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")  # two processes may write the same file
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    """See the names in ``folder`` safe on the disk: without it a machine that loses power may forget what a file was renamed to."""
    descriptor = os.open(folder, os.O_RDONLY)
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
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
