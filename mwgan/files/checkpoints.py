"""The checkpoints of a run on disk: writing them, checking their integrity, and choosing the one to resume from.

A checkpoint contains its own SHA-256, as the comment of the zip archive that ``torch.save`` writes. A separate file could get
lost, or mismatch if the machine stopped between the two; and the archive's own checksums don't cover its directory.
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
from mwgan.files.atomic import atomic_write, flush_folder, replace

LAST = Path("checkpoints") / "last.ckpt"
PREVIOUS = Path("checkpoints") / "previous.ckpt"  # the one before the last
MARK = b"sha256:"
SEAL = len(MARK) + 64


def write_checkpoint(file: Path, save: Callable[[BinaryIO], None]) -> None:
    """Write ``file`` by ``save``, append its checksum and flush it to disk, or leave everything as it was.

    An existing ``last.ckpt`` becomes ``previous.ckpt``, unless it is damaged: at any moment one of the two is intact.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    for left_behind in file.parent.glob(f".{file.name}.*.partial"):  # by a process that was killed while writing
        left_behind.unlink(missing_ok=True)
    with atomic_write(file) as partial:
        with partial.open("w+b") as stream:
            save(stream)
            _seal(stream)
            stream.flush()
            os.fsync(stream.fileno())
        if file.name == LAST.name and is_intact(file):
            replace(file, file.with_name(PREVIOUS.name))
    flush_folder(file.parent)


def _seal(stream: BinaryIO) -> None:
    """Append the checksum of the content as the archive's comment; the last two bytes of its end record are the comment's length."""
    stream.seek(-2, os.SEEK_END)
    stream.write(SEAL.to_bytes(2, "little"))
    stream.seek(0)
    digest = _digest(stream, stream.seek(0, os.SEEK_END))
    stream.write(MARK + digest)


def is_intact(file: Path) -> bool:
    """Whether a checkpoint exists and is undamaged. One of an earlier version has only the archive's own checksums."""
    try:
        with file.open("rb") as stream:
            content = max(stream.seek(0, os.SEEK_END) - SEAL, 0)
            stream.seek(content)
            seal = stream.read()
            if seal.startswith(MARK):
                return seal == MARK + _digest(stream, content)
        with zipfile.ZipFile(file) as archive:
            return not archive.comment and archive.testzip() is None
    except Exception:  # a damaged directory can cause any error
        return False


def _digest(stream: BinaryIO, length: int) -> bytes:
    """The SHA-256 of the first ``length`` bytes, in hexadecimal; the stream is then positioned after them."""
    stream.seek(0)
    digest = hashlib.sha256()
    while length > 0 and (block := stream.read(min(length, 1 << 22))):
        digest.update(block)
        length -= len(block)
    return digest.hexdigest().encode()


def has_checkpoint(run: Path) -> bool:
    """Whether a run folder has a checkpoint to resume from, damaged or not."""
    return any((run / name).is_file() for name in (LAST, PREVIOUS))


def checkpoint_of(run: Path) -> Path:
    """The last intact checkpoint of a run folder: ``last.ckpt``, or with a warning the one before it.

    Raises
    ------
    FileNotFoundError
        If there is none.
    InputError
        If all are damaged.
    """
    last, previous = run / LAST, run / PREVIOUS
    if is_intact(last):
        return last
    what = "is damaged" if last.is_file() else "is missing"
    if is_intact(previous):
        warnings.warn(f"{last} {what}: {previous.name}, the checkpoint before it, is used", stacklevel=2)
        return previous
    if not has_checkpoint(run):
        raise FileNotFoundError(last)
    raise InputError(f"{last} {what} and there is no intact one before it: give another by its path, such as best.ckpt, or train again")
