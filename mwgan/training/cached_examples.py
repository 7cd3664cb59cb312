"""Training pairs computed once and cached on disk: faster epochs, but fewer distinct pairs.

A cache is a folder of shards (safetensors: images, generator inputs and, where they aren't the images, targets, in half
precision) and an ``index.json`` with each shard's SHA-256 and a description of what it was made from.
Shards are written atomically, so an interrupted run resumes with the first missing one; a damaged one is made again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor, nn

from mwgan.acquisition import Acquisition, Sample
from mwgan.errors import InputError
from mwgan.files.atomic import atomic_write, sha256
from mwgan.files.json_files import read_object
from mwgan.files.shards import write_tensors
from mwgan.training.examples import Examples

BATCH = 16
DRAW_EPOCH = 0  # the cache holds the samples of the first epoch


class CachedExamples(Examples):
    """Examples read from a cache: image source and examples in one object.

    As a source it gives the images; called like :class:`mwgan.training.Examples` it gives their inputs and targets.

    Parameters
    ----------
    folder
        Written by :func:`fill_cache`.

    Raises
    ------
    InputError
        If the folder holds no complete cache.
    """

    def __init__(self, folder: Path) -> None:
        index = _read_index(folder)
        self.folder = folder
        self.count, self.per_shard, self.name = index["count"], index["per_shard"], index["name"]
        names = [_shard(number) for number in range(_shards(self.count, self.per_shard))]
        for name in names:
            if not _whole(folder / name, index["sha256"].get(name)):
                raise InputError(f"{folder / name} is missing or damaged: fill the cache again (the same command does)")
        self._files: list[Any] = [safe_open(folder / name, framework="pt") for name in names]
        self.size = int(self._files[0].get_slice("image").get_shape()[-1])
        self._target = "target" if "target" in self._files[0].keys() else None  # noqa: SIM118

    def __len__(self) -> int:
        return int(self.count)

    def image(self, index: int, rng: np.random.Generator) -> Any:
        """Image ``index`` (size, size)."""
        return self._read("image", index)[0].float().numpy()

    def __call__(self, sample: Sample, acquisition: Acquisition, generator: nn.Module) -> tuple[Tensor, Tensor]:
        """The cached generator inputs (B, C, H, W) and targets (B, 1, H, W) of the images of a batch."""
        indices, image = torch.as_tensor(sample.image_index).tolist(), sample.image

        def kept(key: str) -> Tensor:
            read = torch.stack([self._read(key, int(index)) for index in indices])
            return read.to(image.device, image.dtype, non_blocking=image.device.type == "cuda")

        return kept("seen"), image if self._target is None else kept(self._target)

    def __reduce__(self) -> tuple[type[CachedExamples], tuple[Path]]:
        return CachedExamples, (self.folder,)  # open files can't go to a worker process: it opens its own

    def _read(self, key: str, index: int) -> Tensor:
        row: Tensor = self._files[index // self.per_shard].get_slice(key)[index % self.per_shard]
        return row


def fill_cache(
    folder: Path,
    sample: Callable[[int], Sample],
    count: int,
    shown: Callable[[Sample], tuple[Any, Tensor]],
    device: torch.device | str,
    description: dict[str, Any],
    name: str,
    per_shard: int = 512,
    progress: Callable[[str], None] = lambda text: None,
) -> None:
    """Make the missing shards of the cache in ``folder``.

    Parameters
    ----------
    folder
        The cache; created if missing.
    sample, count
        Returns sample k; number of samples.
    shown
        Returns the generator's input (B, C, H, W) and target (B, 1, H, W) for a batch.
    device
        Where batches are computed.
    description
        Plain values that determine the content; a folder with another description is refused.
    name
        Name of the source.
    per_shard
        Samples per shard.
    progress
        Called with a message for every shard.

    Raises
    ------
    InputError
        If the folder holds a cache of something else, or the inputs are not images of one size.
    """
    stated = {"count": count, "per_shard": per_shard, "name": name, "made_from": json.loads(json.dumps(description))}
    folder.mkdir(parents=True, exist_ok=True)
    index = _read_index(folder) if (folder / "index.json").exists() else {**stated, "sha256": {}}
    other = [key for key, value in stated.items() if index.get(key) != value]
    if other:
        raise InputError(f"{folder} holds a cache of something else (its {', '.join(other)} differ): give cache= another folder")
    for number in range(_shards(count, per_shard)):
        shard = folder / _shard(number)
        if _whole(shard, index["sha256"].get(shard.name)):
            continue
        progress(f"cache: shard {number + 1} of {_shards(count, per_shard)}")
        kept: dict[str, list[Tensor]] = {"seen": [], "image": []}
        indices = list(range(number * per_shard, min((number + 1) * per_shard, count)))
        for start in range(0, len(indices), BATCH):
            batch = [sample(index_) for index_ in indices[start : start + BATCH]]
            stacked = Sample(
                torch.stack([torch.as_tensor(one.image) for one in batch]).to(device),
                torch.tensor([int(one.seed) for one in batch]),
                torch.tensor([int(one.image_index) for one in batch]),
            )
            seen, target = shown(stacked)
            if not isinstance(seen, Tensor):
                raise InputError("cache= stores images, and this model's network takes the measurement itself: leave cache= out")
            if kept["seen"] and seen.shape[1:] != kept["seen"][0].shape[1:]:
                raise InputError("cache= stores images of one size, and this model's have several: give one acquisition.step_deg")
            made = {"seen": seen, "image": stacked.image, **({} if target is stacked.image else {"target": target})}
            for key, value in made.items():
                kept.setdefault(key, []).append(value.half().cpu())
        with atomic_write(shard) as partial:
            write_tensors(partial, {key: torch.cat(values).contiguous() for key, values in kept.items()})
        index["sha256"][shard.name] = sha256(shard)
        with atomic_write(folder / "index.json") as partial:
            partial.write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")


def _shard(number: int) -> str:
    return f"shard_{number:05d}.safetensors"


def _shards(count: int, per_shard: int) -> int:
    return -(-count // per_shard)


def _read_index(folder: Path) -> dict[str, Any]:
    try:
        index = read_object(folder / "index.json")
        if not {"count", "per_shard", "name", "sha256"} <= set(index):
            raise ValueError("not an index")
    except (OSError, ValueError) as error:
        raise InputError(f"{folder} holds no readable index.json of a cache: give cache= another folder") from error
    return index


def _whole(shard: Path, recorded: str | None) -> bool:
    return recorded is not None and shard.is_file() and sha256(shard) == recorded
