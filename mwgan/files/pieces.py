"""Splits a file into pieces, for machines from which only small files can be copied, and joins them again byte for byte.

``pieces.json`` lists the pieces in their order, with the SHA-256 of each and of the complete file.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mwgan.errors import InputError
from mwgan.files.atomic import atomic_folder, atomic_write, sha256
from mwgan.files.json_files import read_object

PIECES = "pieces.json"
MIB = 2**20
BLOCK = 4 * MIB


def split(file: Path, folder: Path, piece_bytes: int) -> int:
    """Write ``file`` to a new ``folder`` in pieces of at most ``piece_bytes``, all of them or none; return their number.

    Raises
    ------
    InputError
        If ``folder`` isn't empty.
    """
    count = max(1, -(-file.stat().st_size // piece_bytes))
    with atomic_folder(folder) as partial:
        sums, whole = {}, hashlib.sha256()
        with file.open("rb") as stream:
            for number in range(1, count + 1):
                piece, left = partial / f"{file.name}.{number:05d}-of-{count:05d}", piece_bytes
                with piece.open("wb") as written:
                    while block := stream.read(min(left, BLOCK)):
                        written.write(block)
                        whole.update(block)
                        left -= len(block)
                sums[piece.name] = sha256(piece)
        index = {"file": file.name, "bytes": file.stat().st_size, "sha256": whole.hexdigest(), "pieces": sums}
        (partial / PIECES).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    return count


def join(folder: Path, output: Path) -> None:
    """Write the file whose pieces are in ``folder``, or leave ``output`` as it was.

    Raises
    ------
    InputError
        If a piece is missing, damaged or of another file.
    """
    index = read_index(folder / PIECES, {"sha256": str, "pieces": dict})
    check_pieces(folder, index["pieces"])
    with atomic_write(output) as partial:
        with partial.open("wb") as written:
            for name in index["pieces"]:
                with (folder / name).open("rb") as piece:
                    while block := piece.read(BLOCK):
                        written.write(block)
        if sha256(partial) != index["sha256"]:
            raise InputError(f"the pieces in {folder} are intact but don't make up their file: {PIECES} was changed, copy it again")


def read_index(file: Path, parts: Mapping[str, type]) -> dict[str, Any]:
    """Read an index of pieces, which must have ``parts``.

    Raises
    ------
    InputError
        If it can't be read or has another content.
    """
    try:
        index = read_object(file)
        if all(isinstance(index.get(part), kind) for part, kind in parts.items()):
            return index
    except (OSError, ValueError):
        pass
    raise InputError(f"{file} is damaged, or not written by mwgan weights: copy it again")


def check_pieces(folder: Path, sums: Mapping[str, str]) -> None:
    """Check pieces against their SHA-256 in ``sums``.

    Raises
    ------
    InputError
        If some are missing, damaged or of another file; the message names them.
    """
    outside = [name for name in sums if Path(name).name != name]
    if outside or not sums:
        raise InputError(f"{folder} has an index that names no files of this folder: copy it again")
    missing = [name for name in sums if not os.path.isfile(folder / name)]  # also takes impossible names
    if missing:
        raise InputError(f"{folder} lacks {len(missing)} of {len(sums)} pieces ({_some(missing)}): copy them there")
    wrong = [name for name in sums if sha256(folder / name) != sums[name]]
    if wrong:
        raise InputError(f"{len(wrong)} of {len(sums)} pieces in {folder} are damaged or of another file ({_some(wrong)}): copy them again")


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
