"""A cache of decoded slices on disk, one file for each file of a data set, keyed by its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mwgan.data.decoding import Decoded
from mwgan.errors import InputError
from mwgan.files.atomic import atomic_write, sha256

VERSION = 3  # of the decoding: a change of its results invalidates older entries


@dataclass(frozen=True)
class Entry:
    """A decoded file."""

    path: Path
    subject: str | None
    count: int
    slices: Path
    """A (count, size, size) float16 array, to be memory-mapped."""
    digest: str
    """SHA-256 of the file."""
    content: str
    """SHA-256 of its slices: the same for copies with other compression or metadata."""
    modality: str | None = None


class SliceCache:
    """Slices of files in ``folder``, decoded on first use and identified by their content.

    After an interruption it resumes after the last decoded file. A cache may be deleted while no training reads it.

    Parameters
    ----------
    folder
        The cache.
    settings
        Settings that affect decoding, as plain values.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder = folder
        self.key = hashlib.sha256(json.dumps([VERSION, settings], sort_keys=True).encode()).hexdigest()[:12]

    def entries(
        self, files: Sequence[Path], decode: Callable[[Path], Decoded], progress: Callable[[str], None] = lambda text: None
    ) -> tuple[list[Entry], list[tuple[Path, str]]]:
        """Every file's entry, and the files that can't be decoded with the reason."""
        found, skipped, new = [], [], 0
        for number, file in enumerate(files):
            try:
                entry, fresh = self._entry(file, decode)
            except InputError:  # wrong settings or a missing package, not this file's fault
                raise
            except Exception as error:  # decoders raise all kinds of errors on broken files
                reason = f"{type(error).__name__}: {error}".replace(str(file), file.name)  # records must not contain folders
                skipped.append((file, reason.split("\n")[0][:200]))
                continue
            found.append(entry)
            new += fresh
            if fresh and new % 500 == 0:
                progress(f"decoded {number + 1} of {len(files)} files")
        return found, skipped

    def _entry(self, file: Path, decode: Callable[[Path], Decoded]) -> tuple[Entry, bool]:
        digest = self._digest(file)
        slices = self.folder / digest[:2] / f"{digest[:32]}-{self.key}.npy"
        record = slices.with_suffix(".json")
        fresh = not (record.is_file() and slices.is_file())
        if fresh:
            decoded = decode(file)
            array = np.ascontiguousarray(decoded.slices, dtype=np.float16)
            described = {"subject": decoded.subject, "count": len(array), "file": file.name, "modality": decoded.modality}
            with self._writing(slices) as partial, partial.open("wb") as stream:
                np.save(stream, array)
            with self._writing(record) as partial:  # last, when the slices exist
                partial.write_text(json.dumps({**described, "content": hashlib.sha256(array.tobytes()).hexdigest()}), encoding="utf-8")
        known = json.loads(record.read_text(encoding="utf-8"))
        return Entry(file, known["subject"], known["count"], slices, digest, known["content"], known["modality"]), fresh

    def _digest(self, file: Path) -> str:
        """The file's SHA-256; cached by its name, size and time."""
        state = file.stat()
        name = hashlib.sha256(f"{file.resolve()}:{state.st_size}:{state.st_mtime_ns}".encode()).hexdigest()
        known = self.folder / "known" / name[:2] / name
        if known.is_file() and len(digest := known.read_text(encoding="utf-8")) == 64:
            return digest
        digest = sha256(file)
        with self._writing(known) as partial:
            partial.write_text(digest, encoding="utf-8")
        return digest

    @contextmanager
    def _writing(self, path: Path) -> Iterator[Path]:
        """:func:`atomic_write`; a disk that is full is the cache's fault, not that of the file being decoded."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as partial:
                yield partial
        except OSError as error:
            raise InputError(f"decoded slices can't be kept in {self.folder} ({error}): name another folder (paths.cache=…)") from error


def mapped(slices: Path) -> npt.NDArray[np.float16]:
    """The slices of an entry, memory-mapped."""
    array: npt.NDArray[np.float16] = np.load(slices, mmap_mode="r")
    return array
