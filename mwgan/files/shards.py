"""Exported weights in shards: a folder of safetensors files with an index from tensors to files.

The layout is the common one, ``model.safetensors.index.json`` with its ``weight_map``. Its metadata also contain the
record of the training and the SHA-256 of each shard.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mwgan.errors import InputError
from mwgan.files.atomic import atomic_folder, sha256
from mwgan.files.pieces import MIB, check_pieces, read_index

INDEX = "model.safetensors.index.json"
HEADER = 256  # upper bound in bytes for a tensor's entry in a shard's header, without name and shape; also for the header itself


def save_shards(folder: Path, state: dict[str, Tensor], record: dict[str, Any], shard_bytes: int) -> int:
    """Write tensors unchanged to a new ``folder`` of files of at most ``shard_bytes``, all or none; return their number.

    Raises
    ------
    InputError
        If ``folder`` isn't empty, or a tensor is too large for a shard.
    """
    shards = _dealt(state, shard_bytes)
    with atomic_folder(folder) as partial:
        sums: dict[str, str] = {}
        weight_map: dict[str, str] = {}
        for number, names in enumerate(shards, start=1):
            file = partial / f"model-{number:05d}-of-{len(shards):05d}.safetensors"
            write_tensors(file, {name: state[name] for name in names}, {"format": "pt"})
            sums[file.name] = sha256(file)
            weight_map |= dict.fromkeys(names, file.name)
        total = sum(value.nbytes for value in state.values())
        index = {"metadata": {"total_size": total, "mwgan": record, "sha256": sums}, "weight_map": weight_map}
        (partial / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    return len(shards)


def write_tensors(file: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file (not atomically). Errors are of type :class:`OSError`.

    The library's own function uses a temporary file, which a killed process leaves behind, and converts system errors to text;
    and it varies the order of metadata, so that equal content would give different bytes.
    """
    content = save(tensors, metadata)
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    if metadata is not None:
        header["__metadata__"] = metadata
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # tensors start at a multiple of 8 bytes
    with file.open("wb") as stream:
        for part in (len(text).to_bytes(8, "little"), text, memoryview(content)[end:]):
            stream.write(part)


def read_shards(index_file: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The record and the unconverted tensors of a folder of shards.

    Raises
    ------
    InputError
        If a shard is missing, damaged or of other weights.
    """
    index, folder = read_index(index_file, {"metadata": dict, "weight_map": dict}), index_file.parent
    record, sums = index["metadata"].get("mwgan"), index["metadata"].get("sha256")
    shards = index["weight_map"].values()
    if not (
        isinstance(record, dict) and isinstance(sums, dict) and all(isinstance(name, str) for name in shards) and set(sums) == set(shards)
    ):
        raise InputError(f"{index_file} is not an index of mwgan, or it was changed: give one written by mwgan weights export")
    check_pieces(folder, sums)
    state: dict[str, Tensor] = {}
    for name in sums:
        try:
            with safe_open(folder / name, framework="pt") as file:
                state |= {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise InputError(f"{folder / name} holds no tensors: give weights written by mwgan weights export") from error
    if state.keys() != index["weight_map"].keys():
        raise InputError(f"{index_file} doesn't match the tensors in its shards: copy it again")
    return record, state


def _dealt(state: dict[str, Tensor], shard_bytes: int) -> list[list[str]]:
    """The names of the tensors of each shard, in their order."""
    shards: list[list[str]] = []
    room = 0
    for name, value in state.items():
        size = value.nbytes + HEADER + len(json.dumps(name)) + 24 * value.ndim
        if size + HEADER > shard_bytes:
            what = f"{name} alone takes {size / MIB:.1f} MiB, more than a shard of {shard_bytes / MIB:g} MiB"
            raise InputError(f"{what}: give larger ones, or cut the exported file anywhere by mwgan weights split")
        if size > room:
            shards.append([])
            room = shard_bytes - HEADER
        shards[-1].append(name)
        room -= size
    return shards
