"""The checkpoints of a run on disk: how they are written, whether they are whole, and which one a run continues from.

A checkpoint carries its own SHA-256, as the comment of the zip archive that ``torch.save`` makes. A file beside it could be
lost, or be of another checkpoint where the machine stopped between the two; and the archive's own sums leave out its directory.
"""

from __future__ import annotations

import hashlib
import os
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from mwgan.errors import InputError
from mwgan.files.whole import flush_folder, replace, written_whole

LAST = Path("checkpoints") / "last.ckpt"
PREVIOUS = Path("checkpoints") / "previous.ckpt"  # the last one before that
MARK = b"sha256:"
SEAL = len(MARK) + 64


def write_checkpoint(file: Path, save: Callable[[BinaryIO], None]) -> None:
    """Write ``file`` by ``save``, seal it with its checksum and see it safe on the disk, or leave everything as it was.

    What was ``last.ckpt`` becomes ``previous.ckpt``, unless it is damaged: at any moment one of the two is whole.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    for left_behind in file.parent.glob(f".{file.name}.*.partial"):  # by a process that was killed while it wrote
        left_behind.unlink(missing_ok=True)
    with written_whole(file) as partial:
        with partial.open("w+b") as stream:
            save(stream)
            _seal(stream)
            stream.flush()
            os.fsync(stream.fileno())
        if file.name == LAST.name and is_whole(file):
            replace(file, file.with_name(PREVIOUS.name))
    flush_folder(file.parent)


def _seal(stream: BinaryIO) -> None:
    """Append the checksum of what was written, and tell the archive's end record, whose last two bytes count it, of a comment."""
    stream.seek(-2, os.SEEK_END)
    stream.write(SEAL.to_bytes(2, "little"))
    stream.seek(0)
    digest = _digest(stream, stream.seek(0, os.SEEK_END))
    stream.write(MARK + digest)


def is_whole(file: Path) -> bool:
    """Whether a checkpoint is there and holds what was written. One of an earlier version has the archive's own sums alone."""
    try:
        with file.open("rb") as stream:
            content = max(stream.seek(0, os.SEEK_END) - SEAL, 0)
            stream.seek(content)
            seal = stream.read()
            if seal.startswith(MARK):
                return seal == MARK + _digest(stream, content)
        with zipfile.ZipFile(file) as archive:
            return not archive.comment and archive.testzip() is None
    except Exception:  # a damaged directory can make its reader stumble over anything
        return False


def _digest(stream: BinaryIO, length: int) -> bytes:
    """The SHA-256 of the first ``length`` bytes, in hexadecimal; the stream is left behind them."""
    stream.seek(0)
    digest = hashlib.sha256()
    while length > 0 and (block := stream.read(min(length, 1 << 22))):
        digest.update(block)
        length -= len(block)
    return digest.hexdigest().encode()


def has_checkpoint(run: Path) -> bool:
    """Whether a run folder holds a checkpoint to resume from, whole or not."""
    return any((run / name).is_file() for name in (LAST, PREVIOUS))


def checkpoint_of(run: Path) -> Path:
    """The last whole checkpoint of a run folder: ``last.ckpt``, or with a warning the one before it.

    Raises
    ------
    FileNotFoundError
        If it holds none.
    InputError
        If those it holds are damaged.
    """
    last, previous = run / LAST, run / PREVIOUS
    if is_whole(last):
        return last
    what = "is damaged" if last.is_file() else "is missing"
    if is_whole(previous):
        warnings.warn(f"{last} {what}: {previous.name}, the checkpoint before it, is taken", stacklevel=2)
        return previous
    if not has_checkpoint(run):
        raise FileNotFoundError(last)
    raise InputError(f"{last} {what} and there is no whole one before it: give another by its path, such as best.ckpt, or train anew")
