from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mwgan.acquisition import FILLER
from mwgan.data import Augmentation, PhantomFaces
from mwgan.data.datamodules import ImageDataModule, SourceDataset
from mwgan.data.source import draw_seed
from mwgan.errors import InputError


def make(workers: int = 0, rank: int = 0, ranks: int = 1, batch_size: int = 3, count: int = 12, seed: int = 5) -> ImageDataModule:
    train = PhantomFaces(size=16, count=count, augment=True)
    validation = PhantomFaces(size=16, count=5, offset=count)
    data = ImageDataModule(train, validation, batch_size, workers, seed)
    data.trainer = SimpleNamespace(global_rank=rank, world_size=ranks, max_epochs=4)
    return data


def samples(loader, epoch: int) -> list[tuple[int, int, torch.Tensor]]:
    """(index, seed, image) of every sample of an epoch, in order."""
    loader.sampler.set_epoch(epoch)
    drawn = []
    for batch in loader:
        drawn += [(int(index), int(seed), image) for image, seed, index in zip(*batch[:3], strict=True)]
    return drawn


def assert_same(first, second):
    assert [sample[:2] for sample in first] == [sample[:2] for sample in second]
    assert all(torch.equal(one[2], other[2]) for one, other in zip(first, second, strict=True))


def test_batches_hold_images_seeds_and_indices():
    batch = next(iter(make().train_dataloader()))
    assert batch.image.shape == (3, 1, 16, 16)
    assert batch.image.dtype == torch.float32
    assert batch.seed.shape == batch.image_index.shape == (3,)


def test_samples_do_not_depend_on_the_number_of_workers():
    alone, helped = make(workers=0).train_dataloader(), make(workers=2).train_dataloader()
    for epoch in (0, 1):
        assert_same(samples(alone, epoch), samples(helped, epoch))


def test_workers_stay_and_keep_as_many_batches_ready_as_asked_for():
    faces = PhantomFaces(size=16, count=4)
    loader = ImageDataModule(faces, faces, 2, workers=2, prefetch=5).train_dataloader()
    assert (loader.prefetch_factor, loader.persistent_workers) == (5, True)
    assert loader.pin_memory == torch.cuda.is_available()
    with pytest.raises(InputError, match=r"data\.prefetch must be 1 or more, not 0"):
        ImageDataModule(faces, faces, 2, workers=2, prefetch=0)


def test_two_ranks_share_out_what_one_would_draw():
    whole = {index: (seed, image) for index, seed, image in samples(make().train_dataloader(), 2)}
    dealt = [sample for rank in (0, 1) for sample in samples(make(rank=rank, ranks=2).train_dataloader(), 2)]
    assert sorted(index for index, _, _ in dealt) == sorted(whole)
    for index, seed, image in dealt:
        assert seed == whole[index][0]
        assert torch.equal(image, whole[index][1])


def test_ranks_get_equally_many_samples_where_the_number_does_not_divide():
    dealt = [[request.image_index for request in make(rank=rank, ranks=2, count=13).train_dataloader().sampler] for rank in (0, 1)]
    assert len(dealt[0]) == len(dealt[1]) == 6
    assert len(set(dealt[0] + dealt[1])) == 12


@pytest.mark.parametrize("count", [12, 13, 17])
def test_batches_of_two_ranks_together_are_those_of_one_with_all_their_places(count):
    whole = list(make(batch_size=6, count=count).train_dataloader())
    pairs = list(zip(*(make(rank=rank, ranks=2, count=count).train_dataloader() for rank in (0, 1)), strict=True))
    assert len(pairs) == len(whole) == 2
    for both, batch in zip(pairs, whole, strict=True):
        assert sorted(both[0].seed.tolist() + both[1].seed.tolist()) == sorted(batch.seed.tolist())
        assert {*both[0].leader.tolist(), *both[1].leader.tolist()} == {int(batch.seed[0])}


@pytest.mark.parametrize(("count", "ranks"), [(5, 2), (7, 3), (8, 4), (1, 2)])
def test_ranks_hold_every_held_out_image_once_and_equally_many_batches(count, ranks):
    data = [make(rank=rank, ranks=ranks, batch_size=2) for rank in range(ranks)]
    for one in data:
        one.validation = PhantomFaces(size=16, count=count)
    dealt = [list(one.val_dataloader()) for one in data]
    assert len({tuple(len(batch.image) for batch in batches) for batches in dealt}) == 1
    indices = [int(index) for batches in dealt for batch in batches for index in batch.image_index]
    assert sorted(index for index in indices if index != FILLER) == list(range(count))
    assert len(indices) - count < ranks


def test_more_places_than_training_images_are_refused():
    with pytest.raises(InputError, match=r"12 training images .* of 7 for each of 2 processes"):
        make(batch_size=7, ranks=2).train_dataloader()
    with pytest.raises(InputError, match=r"12 training images .* of 13:"):
        make(batch_size=13).train_dataloader()


def test_training_goes_through_every_image_once_an_epoch():
    loader = make().train_dataloader()
    for epoch in (0, 1):
        assert sorted(index for index, _, _ in samples(loader, epoch)) == list(range(12))


@pytest.mark.parametrize(("workers", "rank", "ranks"), [(0, 0, 1), (2, 0, 1), (0, 1, 2), (1, 0, 2)])
def test_training_goes_on_behind_the_samples_that_were_trained_on(workers, rank, ranks):
    whole = samples(make(workers=0, rank=rank, ranks=ranks).train_dataloader(), 1)
    data = make(workers=workers, rank=rank, ranks=ranks)
    before = SimpleNamespace(ready=1, started=1, processed=1, completed=0)  # of Lightning, as it was within that step
    data.trainer.fit_loop = SimpleNamespace(epoch_loop=SimpleNamespace(batch_progress=SimpleNamespace(current=before)))
    data.load_state_dict({"epoch": 1, "samples": 3 * ranks})
    loader = data.train_dataloader()
    assert len(loader) == 4 // ranks  # of the whole epoch: Lightning counts on from the batch where it was
    assert_same(samples(loader, 1), whole[3:])
    assert_same(samples(loader, 2), samples(make(rank=rank, ranks=ranks).train_dataloader(), 2))


def test_training_does_not_go_on_where_it_cannot():
    with pytest.raises(InputError, match=r"after 4 samples .* batches of 3 on each of 1"):
        make().load_state_dict({"epoch": 1, "samples": 4})
    with pytest.raises(InputError, match=r"5 epochs were trained, more than trainer\.max_epochs=4"):
        make().load_state_dict({"epoch": 5, "samples": 0})


def test_training_differs_between_epochs_in_order_seed_and_augmentation():
    loader = make().train_dataloader()
    first, second = samples(loader, 0), samples(loader, 1)
    assert [index for index, _, _ in first] != [index for index, _, _ in second]
    again = {index: (seed, image) for index, seed, image in second}
    for index, seed, image in first:
        assert seed != again[index][0]
        assert not torch.equal(image, again[index][1])


def test_an_epoch_can_be_drawn_again():
    assert_same(samples(make().train_dataloader(), 3), samples(make().train_dataloader(), 3))
    other = samples(make(seed=6).train_dataloader(), 3)
    assert [seed for _, seed, _ in other] != [seed for _, seed, _ in samples(make().train_dataloader(), 3)]


def test_validation_never_changes():
    loader = make().val_dataloader()
    first = samples(loader, 0)
    assert [index for index, _, _ in first] == [0, 1, 2, 3, 4]
    assert_same(first, samples(loader, 7))
    assert_same(first, samples(make(workers=2).val_dataloader(), 3))


def test_validation_seeds_are_none_of_training():
    validation = {seed for _, seed, _ in samples(make().val_dataloader(), 0)}
    loader = make().train_dataloader()
    assert validation.isdisjoint(seed for epoch in range(5) for _, seed, _ in samples(loader, epoch))


def test_training_drops_a_last_short_batch_and_validation_keeps_it():
    data = make(batch_size=5)
    assert [len(batch.image) for batch in data.train_dataloader()] == [5, 5]
    assert [len(batch.image) for batch in make(batch_size=3).val_dataloader()] == [3, 2]


@pytest.mark.parametrize("other", [(1, 0, 0), (0, 1, 0), (0, 0, 1)])
def test_a_draw_is_seeded_by_seed_epoch_and_index(other):
    assert draw_seed(0, 0, 0) == draw_seed(0, 0, 0)
    assert draw_seed(*other) != draw_seed(0, 0, 0)
    assert 0 <= draw_seed(*other) < 2**63


@dataclass(frozen=True)
class Augmented:
    """Images of noise, every third of them left in its pose."""

    count: int = 12
    size: int = 16
    name: str = "augmented"

    def __len__(self) -> int:
        return self.count

    def image(self, index: int, rng: np.random.Generator) -> np.ndarray:
        return np.random.default_rng(index).uniform(0, 1, (self.size, self.size)).astype(np.float32)

    def augmentation(self, index: int) -> Augmentation:
        return Augmentation() if index % 3 == 0 else Augmentation(0.8, True, True, 0.15, 5.0)


def finished(epoch: int, workers: int = 0, rank: int = 0, ranks: int = 1, batch_size: int = 3) -> dict[int, torch.Tensor]:
    """Every image of an epoch as the network's side gets it, by its index."""
    data = ImageDataModule(Augmented(), Augmented(), batch_size, workers, seed=5)
    data.trainer = SimpleNamespace(global_rank=rank, world_size=ranks)
    loader = data.train_dataloader()
    loader.sampler.set_epoch(epoch)
    batches = [data.on_after_batch_transfer(batch, 0) for batch in loader]
    return {int(index): image for batch in batches for index, image in zip(batch.image_index, batch.image, strict=True)}


@pytest.mark.parametrize(
    "other", [{"batch_size": 4}, {"batch_size": 1}, {"workers": 2}, {"rank": 0, "ranks": 2}, {"rank": 1, "ranks": 2, "workers": 1}]
)
def test_the_pose_of_a_sample_is_the_same_whoever_draws_it(other):
    for epoch in (0, 3):
        whole, found = finished(epoch), finished(epoch, **other)
        assert len(found) == 12 // other.get("ranks", 1)
        assert all(torch.equal(image, whole[index]) for index, image in found.items())


def test_poses_differ_between_epochs_and_an_image_without_any_stays():
    first, second = finished(0), finished(1)
    for index in range(12):
        assert torch.equal(first[index], second[index]) == (index % 3 == 0)
    assert torch.equal(first[3][0], torch.from_numpy(Augmented().image(3, np.random.default_rng(0))))


def test_a_sample_asked_for_by_itself_is_the_one_that_training_sees():
    dataset = SourceDataset(Augmented(), seed=5)
    for index, image in finished(2).items():
        sample = dataset.sample(2, index)
        assert torch.equal(sample.image, image)
        assert (sample.seed, sample.image_index) == (draw_seed(5, 2, index), index)


def test_images_on_their_way_are_in_no_pose_yet():
    batch = next(iter(make().train_dataloader()))
    assert batch.pose.matrix.shape == (3, 2, 3)
    assert batch.pose.noise.shape == (3,)


def sized(sizes, training=True, batch_size=3) -> list[torch.Tensor]:
    data = ImageDataModule(Augmented(count=120), Augmented(), batch_size, seed=5, sizes=sizes)
    data.trainer = SimpleNamespace(global_rank=0, world_size=1, training=training)
    return [data.on_after_batch_transfer(batch, 0).image for batch in data.train_dataloader()]


def test_training_batches_are_averaged_down_to_sizes_drawn_by_their_first_seed():
    found = sized([16, 8, 12])
    assert {image.shape[-1] for image in found} == {8, 12, 16}
    assert all(image.shape[-2] == image.shape[-1] for image in found)
    assert all(torch.equal(one, other) for one, other in zip(found, sized([16, 8, 12]), strict=True))
    whole = sized([16])
    for image, full in zip(found, whole, strict=True):
        torch.testing.assert_close(image.mean(dim=(1, 2, 3)), full.mean(dim=(1, 2, 3)), atol=0.03, rtol=0)


def test_held_out_images_keep_the_first_size():
    assert {image.shape[-1] for image in sized([12, 8, 16], training=False)} == {12}


@pytest.mark.parametrize("sizes", [[32], [4], [16, 17]])
def test_training_sizes_beyond_the_images_are_refused(sizes):
    with pytest.raises(InputError, match="training sizes"):
        ImageDataModule(Augmented(), Augmented(), 3, sizes=sizes)
