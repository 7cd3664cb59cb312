from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from mwgan.acquisition import Acquisition, Sample
from mwgan.data import PhantomFaces
from mwgan.data.datamodules import ImageDataModule, SourceDataset
from mwgan.errors import InputError
from mwgan.training.cached_examples import CachedExamples, fill_cache

SIZE, COUNT, PER_SHARD = 16, 11, 4
DESCRIPTION = {"data": {"size": SIZE, "shares": (1, 2)}, "seed": 5}
GENERATOR, ACQUISITION = nn.Conv2d(1, 1, 1), Acquisition(SIZE, 10.0, (45.0, 45.0))


class Counted:
    """Examples of two channels that tell image and seed, and a note of those made; stops for good at ``stop_at``."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.made: list[int] = []
        self.stop_at = stop_at

    def __call__(self, sample: Sample, acquisition: Acquisition, generator: nn.Module) -> tuple[Tensor, Tensor]:
        indices = sample.image_index.tolist()
        if self.stop_at in indices:
            raise KeyboardInterrupt
        self.made += indices
        seed = (sample.seed % 1000).reshape(-1, 1, 1, 1).expand_as(sample.image) / 7
        return torch.cat([sample.image / 3, seed], dim=1), sample.image


def samples(count: int = COUNT) -> SourceDataset:
    return SourceDataset(PhantomFaces(size=SIZE, count=count, augment=True), seed=5)


def fill(folder: Path, stop_at: int | None = None, count: int = COUNT, **options) -> list[int]:
    """Fill a cache; the samples that were made for it."""
    examples, source = Counted(stop_at), samples(count)
    stated = {"description": DESCRIPTION, "name": "phantom_faces", "per_shard": PER_SHARD, **options}
    try:
        fill_cache(
            folder, lambda index: source.sample(0, index), count, lambda batch: examples(batch, ACQUISITION, GENERATOR), "cpu", **stated
        )
    except KeyboardInterrupt:
        assert stop_at is not None
    return examples.made


def damage(shard: Path) -> None:
    content = bytearray(shard.read_bytes())
    content[-20] ^= 1
    shard.write_bytes(content)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(("count", "per_shard"), [(COUNT, PER_SHARD), (37, 20)])
def test_images_and_examples_come_back_in_half_precision(count, per_shard, tmp_path):
    assert fill(tmp_path, count=count, per_shard=per_shard) == list(range(count))
    cache, source = CachedExamples(tmp_path), samples(count)
    assert (len(cache), cache.size, cache.name) == (count, SIZE, "phantom_faces")
    for index in range(count):
        made = source.sample(0, index)
        image = cache.image(index, np.random.default_rng(0))
        assert image.dtype == np.float32
        np.testing.assert_array_equal(image, made.image[0].half().float().numpy())
        one = Sample(made.image[None], torch.tensor([made.seed]), torch.tensor([index]))
        expected, _ = Counted()(one, None, GENERATOR)
        seen, target = cache(one, None, GENERATOR)
        assert seen.dtype == torch.float32
        assert torch.equal(seen, expected.half().float())
        assert torch.equal(target, one.image)


def test_a_batch_gets_what_belongs_to_its_images_in_any_order(tmp_path):
    fill(tmp_path)
    cache = CachedExamples(tmp_path)
    data = ImageDataModule(cache, cache, batch_size=5, seed=3)
    seen_indices = []
    for batch in data.train_dataloader():
        seen, target = cache(batch, None, GENERATOR)
        assert seen.shape == (5, 2, SIZE, SIZE)
        assert torch.equal(target, batch.image)
        torch.testing.assert_close(seen[:, :1], batch.image / 3, rtol=2e-3, atol=1e-6)
        seen_indices += batch.image_index.tolist()
    assert seen_indices != sorted(seen_indices)


def test_worker_processes_read_the_same(tmp_path):
    fill(tmp_path)
    cache = CachedExamples(tmp_path)
    for alone, helped in zip(*(ImageDataModule(cache, cache, 4, workers).val_dataloader() for workers in (0, 1)), strict=True):
        assert torch.equal(alone.image, helped.image)


def test_a_cache_can_be_sent_to_a_process_that_was_not_forked(tmp_path):
    fill(tmp_path)
    cache = CachedExamples(tmp_path)
    sent = pickle.loads(pickle.dumps(cache))
    np.testing.assert_array_equal(sent.image(7, np.random.default_rng(0)), cache.image(7, np.random.default_rng(0)))


def test_the_last_shard_is_as_short_as_it_must_be(tmp_path):
    fill(tmp_path)
    shards = sorted(tmp_path.glob("*.safetensors"))
    assert [len(load_file(shard)["image"]) for shard in shards] == [4, 4, 3]
    assert {tensor.dtype for shard in shards for tensor in load_file(shard).values()} == {torch.float16}
    assert [path.name for path in tmp_path.iterdir() if path not in shards] == ["index.json"]


@pytest.mark.parametrize(("count", "per_shard", "shards"), [(4, 4, 1), (8, 4, 2), (3, 4, 1), (40, 40, 1)])
def test_the_number_of_shards_is_rounded_up(count, per_shard, shards, tmp_path):
    assert fill(tmp_path, count=count, per_shard=per_shard) == list(range(count))
    assert len(list(tmp_path.glob("*.safetensors"))) == shards
    assert len(CachedExamples(tmp_path)) == count


def test_what_is_there_is_not_made_again(tmp_path):
    fill(tmp_path)
    before = content(tmp_path)
    assert fill(tmp_path) == []
    assert content(tmp_path) == before


def test_an_interrupted_filling_goes_on_with_the_shard_that_is_missing(tmp_path):
    fill(tmp_path / "straight")
    folder = tmp_path / "interrupted"
    assert fill(folder, stop_at=6) == [0, 1, 2, 3]
    with pytest.raises(InputError, match=r"shard_00001\.safetensors is missing or damaged"):
        CachedExamples(folder)
    assert fill(folder, stop_at=9) == [4, 5, 6, 7]
    assert fill(folder) == [8, 9, 10]
    assert content(folder) == content(tmp_path / "straight")


def test_a_filling_that_never_finished_a_shard_begins_anew(tmp_path):
    assert fill(tmp_path, stop_at=0) == []
    with pytest.raises(InputError, match=r"no readable index\.json"):
        CachedExamples(tmp_path)
    assert fill(tmp_path) == list(range(COUNT))


def test_a_shard_that_the_index_does_not_know_is_made_again(tmp_path):
    fill(tmp_path)
    index = json.loads((tmp_path / "index.json").read_text())
    del index["sha256"]["shard_00001.safetensors"]
    (tmp_path / "index.json").write_text(json.dumps(index))
    assert fill(tmp_path) == [4, 5, 6, 7]


@pytest.mark.parametrize(
    "harm", [damage, Path.unlink, lambda shard: shard.write_bytes(shard.read_bytes()[:100])], ids=["bit", "gone", "cut"]
)
def test_a_damaged_shard_is_noticed_by_the_reader_and_made_again(harm, tmp_path):
    fill(tmp_path)
    whole = content(tmp_path)
    harm(tmp_path / "shard_00001.safetensors")
    with pytest.raises(InputError, match=r"shard_00001\.safetensors is missing or damaged"):
        CachedExamples(tmp_path)
    assert fill(tmp_path) == [4, 5, 6, 7]
    assert content(tmp_path) == whole
    assert len(CachedExamples(tmp_path)) == COUNT


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"description": {**DESCRIPTION, "seed": 6}}, "made_from"),
        ({"count": COUNT + 1}, "count"),
        ({"per_shard": 5}, "per_shard"),
        ({"name": "shapes"}, "name"),
    ],
)
def test_a_cache_of_something_else_is_refused_and_left_alone(other, named, tmp_path):
    fill(tmp_path)
    before = content(tmp_path)
    with pytest.raises(InputError, match=f"something else .its {named} differ"):
        fill(tmp_path, **other)
    assert content(tmp_path) == before


@pytest.mark.parametrize("index", ["not json", "{}", "[]"])
def test_a_folder_with_no_index_of_ours_is_refused(index, tmp_path):
    (tmp_path / "index.json").write_text(index)
    with pytest.raises(InputError, match="cache"):
        CachedExamples(tmp_path)
    with pytest.raises(InputError, match="cache"):
        fill(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no readable index\.json"):
        CachedExamples(tmp_path / "nowhere")


def test_progress_is_told_of_the_shards_that_are_made(tmp_path):
    message: list[str] = []
    fill(tmp_path, stop_at=6)
    fill(tmp_path, progress=message.append)
    assert message == ["cache: shard 2 of 3", "cache: shard 3 of 3"]
