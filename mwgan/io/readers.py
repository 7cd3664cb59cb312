"""The available readers, and the choice of one for a file: by its content if possible, else by its suffix.

Your own format is a :class:`Reader`, registered by :func:`register_reader`, or by an installed package that declares it in its
metadata::

    [project.entry-points."mwgan.readers"]
    mine = "mypackage.reading:reader"
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np

from mwgan.errors import InputError
from mwgan.io import emd, hdf5, mrc, numpy_files, rosetta, tiff
from mwgan.io.compressed import COMPRESSED
from mwgan.io.damage import Guarded, one_sentence
from mwgan.io.number_format import corrected
from mwgan.io.stack import Stack, check_stack

GROUP = "mwgan.readers"
HEAD_BYTES = 4096
NAME_SEPARATOR = "::"


@dataclass(frozen=True)
class Reader:
    """A file format.

    Parameters
    ----------
    name
        Name in messages.
    suffixes
        Lower case, with their dots: ``.mrc``, ``.mrc.gz``.
    read
        Returns the :class:`mwgan.io.Stack` of a path and of the name of an array inside it (None: the only one); raises an
        :class:`mwgan.errors.InputError` of one sentence if it can't. Other errors of a parser are reported as damage to the file.
    recognizes
        Whether the first 4096 bytes of a file are of this format; None if only the suffix decides.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[Path, str | None], Stack]
    recognizes: Callable[[bytes], bool] | None = None

    def takes(self, path: Path) -> bool:
        """Whether the path has one of the suffixes."""
        return path.name.lower().endswith(self.suffixes)


# The first reader that recognises the content is used, so the most specific come first; an MRC header without its mark comes last.
OURS = (
    Reader("TIFF", tiff.SUFFIXES, tiff.read_tiff, tiff.is_tiff),
    Reader("EMD", emd.SUFFIXES, emd.read_emd),
    Reader("HDF5", hdf5.SUFFIXES, hdf5.read_hdf5, hdf5.is_hdf5),
    Reader("NPY", (".npy",), numpy_files.read_npy, lambda head: head.startswith(numpy_files.NPY_MAGIC)),
    Reader("NPZ", (".npz",), numpy_files.read_npz, lambda head: head.startswith(numpy_files.NPZ_MAGIC)),
    Reader("MATLAB", (".mat",), numpy_files.read_mat, lambda head: head.startswith(numpy_files.MAT_MAGIC)),
    *(Reader(suffix[1:].upper(), (suffix,), rosetta.read_rosetta) for suffix in rosetta.MODULES),
    Reader("MRC", mrc.SUFFIXES, mrc.read_mrc, mrc.is_mrc),
)
_registered: list[Reader] = []


def register_reader(reader: Reader) -> None:
    """Add a format while the program runs; its suffixes take precedence over ours and over those registered earlier."""
    _registered.insert(0, reader)


def open_stack(path: str | Path, dataset: str | None = None) -> Stack:
    """The images of a file or a folder with their metadata, and corrected number format; only headers are read yet.

    Parameters
    ----------
    path
        The file, or ``FILE::NAME`` for an array inside it.
    dataset
        The array's name as a separate argument.

    Raises
    ------
    InputError
        If it is missing, of unknown format, damaged, or not three axes of real numbers.
    """
    path, dataset = _split(path, dataset)
    if os.path.isdir(path):  # unlike Path.is_dir, also takes impossible names
        stack = tiff.read_folder(path, dataset)
    else:
        head = _head(path)
        reader, note = _reader(path, head)
        with one_sentence(path, reader.name, "copy or save it again"):
            stack = reader.read(path, dataset)
        if not isinstance(stack, Stack):
            raise InputError(f"the reader of {reader.name} gave {type(stack).__name__} for {path}: it has to give a mwgan.io.Stack")
        stack = replace(stack, notes=(*note, *stack.notes))
    check_stack(stack, path)
    at_once = isinstance(stack.images, np.ndarray)
    images, correction = corrected(stack.images if at_once else Guarded(stack.images, path))
    return replace(stack, images=images, notes=(*stack.notes, *([correction] if correction else [])))


def file_of(path: str | Path) -> Path:
    """The file of ``FILE::NAME``."""
    return _split(path, None)[0]


def _split(path: str | Path, dataset: str | None) -> tuple[Path, str | None]:
    file, separator, name = str(path).partition(NAME_SEPARATOR)
    if not separator or os.path.exists(path):
        return Path(path), dataset
    if dataset is not None and dataset != name:
        raise InputError(f"{path} names the array {name!r} and the option {dataset!r}: give one of them")
    if not name:
        raise InputError(f"{path} names no array after {NAME_SEPARATOR}: give {file}{NAME_SEPARATOR}NAME, or {file} alone")
    return Path(file), name


def _head(path: Path) -> bytes:
    if os.path.exists(path) and not os.path.isfile(path):
        raise InputError(f"{path} is neither a file nor a folder: give a tilt series")
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise InputError(f"{path} can't be read ({(error.strerror or str(error)).lower()}): give a tilt series") from error


def _reader(path: Path, head: bytes) -> tuple[Reader, list[str]]:
    """The reader of a file, and a sentence if its suffix and content disagree."""
    if not head:
        raise InputError(f"{path} is empty: copy it again")
    named = [reader for reader in (*_registered, *OURS) if reader.takes(path)]
    for reader in named:
        if reader.recognizes is None or reader.recognizes(head):
            return reader, []
    by_content = next((reader for reader in (*_registered, *OURS) if reader.recognizes and reader.recognizes(head)), None)
    if by_content is not None and not (named and by_content.name == "MRC" and head[208:211] != b"MAP"):
        return by_content, [f"the file is {by_content.name}, despite its suffix"] if named else []
    if named:
        return named[0], []  # its error message is the most specific
    for reader in _installed():
        if reader.takes(path) or (reader.recognizes and reader.recognizes(head)):
            return reader, []
    every = dict.fromkeys(suffix for reader in (*_registered, *OURS) for suffix in reader.suffixes)
    suffixes = " ".join(suffix for suffix in every if not suffix.endswith(tuple(COMPRESSED)))
    raise InputError(f"{path} has an unknown format: give one of {suffixes}, or a folder of TIFF images")


@lru_cache(maxsize=1)
def _installed() -> tuple[Reader, ...]:
    """The readers of installed packages; used only for files that no other reader takes, as their packages must be imported."""
    return tuple(_loaded(entry) for entry in entry_points(group=GROUP))


def _loaded(entry: Any) -> Reader:
    try:
        reader = entry.load()
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"the reader {entry.name} of an installed package can't be loaded ({error}): repair or remove {entry.value}"
        ) from error
    if not isinstance(reader, Reader):
        raise InputError(f"the reader {entry.name} of an installed package is no mwgan.io.Reader: repair or remove {entry.value}")
    return reader
