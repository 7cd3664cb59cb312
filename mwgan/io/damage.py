"""Turns errors of parsers on damaged files into one sentence."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mwgan.errors import InputError
from mwgan.io.stack import Images

# The errors observed when parsers read damaged files.
DAMAGED = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
    EOFError,
    MemoryError,
    NameError,
    SyntaxError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
LONGEST = 120  # characters of a reason


class Guarded:
    """Images read when they are indexed; damage is then reported as a sentence."""

    def __init__(self, images: Images, path: Path) -> None:
        self._images, self._path, self.shape, self.dtype = images, path, tuple(images.shape), images.dtype

    def __getitem__(self, key: Any) -> Any:
        try:
            return np.asarray(self._images[key])
        except InputError:
            raise
        except DAMAGED as error:
            raise InputError(f"{self._path} can't be read to its end ({reason(error)}): copy it again") from error


@contextmanager
def one_sentence(path: Path, kind: str, remedy: str, *errors: type[Exception]) -> Iterator[None]:
    """Turn a parser's errors, including its own ``errors``, into an :class:`InputError`: ``path`` can't be read as ``kind``."""
    failures: tuple[type[Exception], ...] = (*DAMAGED, *errors)
    try:
        yield
    except InputError:
        raise
    except failures as error:
        raise InputError(f"{path} can't be read as {kind} ({reason(error)}): {remedy}") from error


def reason(error: BaseException) -> str:
    """The first line of an error's text, or its name."""
    lines = str(getattr(error, "strerror", None) or error).splitlines()
    text = lines[0].lower() if lines else type(error).__name__
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
