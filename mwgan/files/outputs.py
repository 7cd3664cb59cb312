"""Checks output paths at the start: they must be writable, and must not overwrite inputs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

from mwgan.errors import InputError


def check_outputs(outputs: Iterable[Path], inputs: Iterable[Path] = (), new_folder: bool = False) -> None:
    """Raise an :class:`InputError` unless every one of ``outputs`` can be written, and none is read or written twice.

    Parameters
    ----------
    outputs
        All files that will be written.
    inputs
        All files that are read. Links of either kind to one of them are that file too.
    new_folder
        Whether the outputs are folders that will be made.
    """
    outputs, inputs = list(outputs), list(inputs)
    for output in outputs:
        try:
            if any(path.exists() and output.exists() and output.samefile(path) for path in inputs):
                raise InputError(f"{output} is an input: give the output another name")
            target = Path(os.path.realpath(output)) if new_folder else written_to(output)
            if not target.parent.is_dir():
                raise InputError(f"the folder of {output} does not exist: make it first")
            with tempfile.TemporaryFile(dir=target.parent):  # permissions don't show that a disk is mounted read-only
                pass
        except OSError as error:
            raise InputError(f"{output} can't be written ({_reason(error)}): choose another place") from error
    for one, other in combinations(outputs, 2):
        if os.path.normcase(os.path.realpath(one)) == os.path.normcase(os.path.realpath(other)):
            raise InputError(f"{one} and {other} are the same file: give the output another name")


def written_to(path: Path) -> Path:
    """The file behind ``path``, with links followed: only a regular file, or a new one, is written.

    Raises
    ------
    InputError
        If it is a folder, a device or a pipe.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise InputError(f"{path} is a folder: give a file name")
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is a device or a pipe, not a file: give the output another name")
    return target


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
