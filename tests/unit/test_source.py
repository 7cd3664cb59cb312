"""The face of an image source: what has a default, and classes that know nothing of it."""

from __future__ import annotations

import pickle
from collections import Counter

import numpy as np
import pytest

from mwgan.acquisition import NoNoise
from mwgan.data import Augmentation, ImageSource, MixedSources, PhantomFaces, as_source
from mwgan.data.datamodules import ImageDataModule, SourceDataset
from mwgan.data.measured_series import measured_rows
from mwgan.errors import InputError
from mwgan.evaluation.features import backgrounds
from mwgan.evaluation.unseen import check_unseen
from mwgan.geometry import TiltGeometry

SIZE = 16


class Plain:
    """A class of somebody else's, with the least that a source has."""

    name, size = "ramps", SIZE

    def __len__(self) -> int:
        return 6

    def image(self, index: int, rng: np.random.Generator) -> np.ndarray:
        return np.full((SIZE, SIZE), index / 10, np.float32)


class Able(Plain):
    """The same with all the rest."""

    subjects = ("anna", "berta")
    substituted = ("ct",)

    def augmentation(self, index):
        return Augmentation(flip=True)

    def describe(self):
        return [{"name": "ramps", "images": 6, "licence": "mine"}]

    def origin(self, index):
        return self.subjects[index % 2]

    def real_sources(self):
        return [self]

    def background(self, index):
        return np.full((SIZE, SIZE), -1.0, np.float32)

    def sinogram(self, index, geometry):
        return np.full((geometry.tilts, SIZE), float(index), np.float32)

    def modalities(self):
        return Counter({"CT": 2})


class Derived(ImageSource):
    name, size = "derived", SIZE

    def __len__(self) -> int:
        return 2

    def image(self, index: int, rng: np.random.Generator) -> np.ndarray:
        return np.zeros((SIZE, SIZE), np.float32)


@pytest.mark.parametrize("source", [as_source(Plain()), Derived()])
def test_what_a_source_does_not_say_has_a_default(source):
    assert source.augmentation(0) == Augmentation()
    assert source.describe() == [{"name": source.name, "images": len(source)}]
    assert source.origin(1) is source.background(1) is source.sinogram(1, TiltGeometry.full(SIZE, 30.0)) is None
    assert (list(source.real_sources()), list(source.subjects), list(source.substituted)) == ([], [], [])
    assert source.modalities() == Counter()


def test_what_a_class_of_its_own_can_do_is_kept():
    source, geometry = as_source(Able()), TiltGeometry.full(SIZE, 30.0)
    assert source.augmentation(0) == Augmentation(flip=True)
    assert source.describe()[0]["licence"] == "mine"
    assert [source.origin(index) for index in range(3)] == ["anna", "berta", "anna"]
    assert (source.subjects, source.substituted, source.modalities()["CT"]) == (("anna", "berta"), ("ct",), 2)
    assert source.background(0)[0, 0] == -1
    assert source.sinogram(3, geometry).shape == (6, SIZE)
    assert [one.name for one in source.real_sources()] == ["ramps"]
    assert np.array_equal(source.image(2, np.random.default_rng(0)), Able().image(2, np.random.default_rng(0)))
    assert as_source(source) is source


def test_plain_classes_are_trained_on_mixed_and_sent_to_workers():
    batch = next(iter(ImageDataModule(Plain(), Plain(), batch_size=3).train_dataloader()))
    assert batch.image.shape == (3, 1, SIZE, SIZE)
    mixed = MixedSources({"ramps": Able(), "faces": PhantomFaces(SIZE, count=2)})
    assert len(mixed) == 8
    assert [message["name"] for message in mixed.describe()] == ["ramps", "phantom_faces"]
    assert {mixed.origin(index) for index in range(8)} == {"anna", "berta", None}
    assert mixed.substituted == ("ct",)
    there = pickle.loads(pickle.dumps(SourceDataset(Able(), seed=1)))
    assert there.sample(0, 4).image.shape == (1, SIZE, SIZE)
    assert there.source.origin(1) == "berta"


def test_rows_and_backgrounds_come_from_sources_that_know_them():
    geometry = TiltGeometry.full(SIZE, 30.0)
    rows = measured_rows(as_source(Able()), [2, 5], geometry, NoNoise(), [0, 1])
    assert rows[:, 0, 0, 0].tolist() == [2.0, 5.0]
    assert measured_rows(as_source(Plain()), [2, 5], geometry, NoNoise(), [0, 1]) is None
    assert backgrounds(as_source(Able()), [0, 1]).shape == (2, 1, SIZE, SIZE)
    assert backgrounds(as_source(Plain()), [0, 1]) is None


def test_no_network_is_judged_by_a_plain_class_either():
    check_unseen("net", [{"name": "ramps"}], [Plain(), Able()])


def test_the_former_name_of_real_sources_is_refused():
    class Former(Plain):
        def measured(self):
            return [self]

    with pytest.raises(InputError, match="rename it there"):
        as_source(Former())
