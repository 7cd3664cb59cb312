"""Weights files of trained networks.

A weights file is safetensors: the generator's tensors in half precision, and a JSON record with their network and
task, the geometry and wedges of the training, and its commit and configuration.
Nothing is ever unpickled: training checkpoints are read with torch's ``weights_only``.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from mwgan.errors import InputError
from mwgan.files.atomic import atomic_write
from mwgan.files.checkpoints import checkpoint_of, has_checkpoint, is_intact
from mwgan.files.hub import HUB_WEIGHTS, fetch, is_on_hub
from mwgan.files.json_files import parsed
from mwgan.files.record import TrainingRecord
from mwgan.files.shards import INDEX, read_shards, save_shards, write_tensors
from mwgan.paths import shipped_weights

Record = Mapping[str, Any]  # a TrainingRecord, or its plain values
RECORD_KEY = "mwgan"
SUM_KEY = "sha256"  # of the content; files of earlier versions have none
RUN_WEIGHTS = "weights.safetensors"  # of a run of several stages
GENERATOR_PREFIX = "generator."


def find_weights(name_or_path: str | Path) -> Path:
    """The file behind a shipped name, ``hf://ORG/NAME`` or a path.

    For a run folder it is its last intact checkpoint, for weights in shards their index; weights on a hub are downloaded.
    """
    if is_on_hub(name_or_path):
        return fetch(str(name_or_path))
    path = Path(name_or_path)
    shipped = shipped_weights()
    if str(name_or_path) in shipped:
        return shipped[str(name_or_path)]
    if os.path.isfile(path / INDEX):  # unlike Path.is_file, also takes impossible names
        return path / INDEX
    if os.path.isfile(path / HUB_WEIGHTS):  # as mwgan weights push writes a folder
        return path / HUB_WEIGHTS
    if os.path.isdir(path):
        path = path / RUN_WEIGHTS if (path / RUN_WEIGHTS).is_file() or not has_checkpoint(path) else checkpoint_of(path)
    if not os.path.isfile(path):
        names = ", ".join(shipped) or "none"
        raise InputError(f"there are no weights {str(name_or_path)!r}: give a checkpoint, a run folder or a shipped name ({names})")
    return path


def files_behind(name_or_path: str | Path) -> list[Path]:
    """The files that :func:`find_weights` and :func:`read_weights` read for a name or a path; none if it names no weights."""
    try:
        file = find_weights(name_or_path)
    except (InputError, OSError):
        return []
    return list(file.parent.iterdir()) if file.name == INDEX else [file]


def read_weights(path: Path) -> tuple[TrainingRecord, dict[str, Tensor]]:
    """The record and the generator's float32 tensors from a weights file, weights in shards or a training checkpoint.

    Raises
    ------
    InputError
        If it is none of these, or damaged, or its record lacks what is needed to use the network.
    """
    try:
        if path.name == INDEX:
            record, state = read_shards(path)
        elif path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            if metadata.get(SUM_KEY, checksum(metadata[RECORD_KEY], state)) != checksum(metadata[RECORD_KEY], state):
                raise InputError(f"{path} was damaged or changed, its checksum doesn't match: copy or download it again")
            record = parsed(metadata[RECORD_KEY])
        else:
            if not is_intact(path):
                raise ValueError("its checksum doesn't match")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)
                checkpoint = torch.load(path, map_location="cpu", weights_only=True)
            record = parsed(json.dumps(checkpoint[RECORD_KEY]))  # plain values, as in every other file
            prefix = GENERATOR_PREFIX
            state = {key.removeprefix(prefix): value for key, value in checkpoint["state_dict"].items() if key.startswith(prefix)}
            if not all(isinstance(value, Tensor) for value in state.values()):
                raise ValueError("its state contains something other than tensors")
    except InputError:
        raise
    except Exception as error:  # a damaged pickle can cause any error
        raise InputError(
            f"{path} is not a checkpoint of mwgan, or it is damaged: give one written by mwgan-train or mwgan weights export"
        ) from error
    return TrainingRecord.from_plain(record, path), {
        key: value.float() if value.is_floating_point() else value for key, value in state.items()
    }


def save_weights(path: Path, generator_state: dict[str, Tensor], record: Record) -> None:
    """Write a weights file: half-precision safetensors with its record, complete or not at all."""
    with atomic_write(path) as partial:
        state, text = _halved(generator_state), json.dumps(_plain(record))
        write_tensors(partial, state, {RECORD_KEY: text, SUM_KEY: checksum(text, state)})


def checksum(record: str, state: Mapping[str, Tensor]) -> str:
    """The SHA-256 of a record and of tensors with names, types and shapes: of a file's content, regardless of its layout."""
    digest = hashlib.sha256(record.encode())
    for name in sorted(state):
        value = state[name].contiguous()
        digest.update(f"{name} {value.dtype} {list(value.shape)}".encode())
        digest.update(value.flatten().view(torch.uint8).numpy().tobytes() if value.numel() else b"")
    return digest.hexdigest()


def save_sharded_weights(folder: Path, generator_state: dict[str, Tensor], record: Record, shard_bytes: int) -> int:
    """Write weights as shards of at most ``shard_bytes``; return their number. See :func:`mwgan.files.shards.save_shards`."""
    return save_shards(folder, _halved(generator_state), _plain(record), shard_bytes)


def _plain(record: Record) -> Any:
    return record.to_plain() if isinstance(record, TrainingRecord) else record


def _halved(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: (value.half() if value.is_floating_point() else value).contiguous().cpu() for key, value in state.items()}
