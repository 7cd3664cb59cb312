"""Compressed files, unpacked to a temporary file that the system removes: memory-mapped like any other."""

from __future__ import annotations

import bz2
import gzip
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

from mwgan.errors import InputError

COMPRESSED = {".gz": b"\x1f\x8b", ".bz2": b"BZh"}
"""Suffixes, and the first bytes of such files."""
CHUNK_BYTES = 1 << 22


def decompressed(path: Path, length: Callable[[bytes], int], head_bytes: int) -> tuple[IO[bytes], bytes, str]:
    """The file's content, its first ``head_bytes``, and a sentence on where it was unpacked.

    Parameters
    ----------
    path
        The compressed file.
    length
        Computes the content's length from its first ``head_bytes``; at most a chunk more is unpacked.
    head_bytes
        Number of bytes for ``length``.
    """
    with path.open("rb") as file:
        open_packed = gzip.open if file.read(2) == COMPRESSED[".gz"] else bz2.open
    content = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the images mapped from it
    try:
        with open_packed(path, "rb") as packed:
            head = packed.read(head_bytes)
            wanted = length(head)
            content.write(head)
            while content.tell() <= wanted and (chunk := packed.read(CHUNK_BYTES)):
                content.write(chunk)
    except (EOFError, gzip.BadGzipFile, zlib.error, OSError) as error:
        content.close()
        if isinstance(error, OSError) and error.errno is not None:  # such as a full disk, not damage to the file
            raise
        raise InputError(f"{path} can't be unpacked ({str(error).lower()}): copy it again") from error
    except InputError:
        content.close()
        raise
    content.flush()
    return content, head, f"unpacked to a temporary file of {content.tell() / 2**20:.0f} MB in {tempfile.gettempdir()}"
