from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from mwgan.data import PhantomFaces
from mwgan.data.datamodules import ImageDataModule
from mwgan.data.source import draw_seed


def make(workers: int = 0, rank: int = 0, ranks: int = 1, batch_size: int = 3, count: int = 12, seed: int = 5) -> ImageDataModule:
    train = PhantomFaces(size=16, count=count, augment=True)
    validation = PhantomFaces(size=16, count=5, offset=count)
    data = ImageDataModule(train, validation, batch_size, workers, seed)
    data.trainer = SimpleNamespace(global_rank=rank, world_size=ranks)
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


def test_two_ranks_share_out_what_one_would_draw():
    whole = {index: (seed, image) for index, seed, image in samples(make().train_dataloader(), 2)}
    dealt = [sample for rank in (0, 1) for sample in samples(make(rank=rank, ranks=2).train_dataloader(), 2)]
    assert sorted(index for index, _, _ in dealt) == sorted(whole)
    for index, seed, image in dealt:
        assert seed == whole[index][0]
        assert torch.equal(image, whole[index][1])


def test_ranks_get_equally_many_samples_where_the_number_does_not_divide():
    dealt = [[index for _, index in make(rank=rank, ranks=2, count=13).train_dataloader().sampler] for rank in (0, 1)]
    assert len(dealt[0]) == len(dealt[1]) == 6
    assert len(set(dealt[0] + dealt[1])) == 12


def test_training_goes_through_every_image_once_an_epoch():
    loader = make().train_dataloader()
    for epoch in (0, 1):
        assert sorted(index for index, _, _ in samples(loader, epoch)) == list(range(12))


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
