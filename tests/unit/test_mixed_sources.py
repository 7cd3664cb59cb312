from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from mwgan.data import Augmentation, MixedSources, PhantomFaces, Photographs, RandomShapes
from mwgan.errors import InputError


@dataclass(frozen=True)
class Numbered:
    """Images that are all one number: ``first`` plus their place."""

    name: str
    first: int
    count: int
    size: int = 4

    def __len__(self) -> int:
        return self.count

    def image(self, index: int, rng: np.random.Generator) -> np.ndarray:
        assert 0 <= index < self.count
        return np.full((self.size, self.size), self.first + index, dtype=np.float32)


SOURCES = {"shapes": Numbered("random", 0, 30), "one": Numbered("single", 100, 1), "faces": Numbered("phantom", 200, 69)}
EVERYTHING = [*range(30), 100, *range(200, 269)]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def numbers(source: MixedSources) -> list[int]:
    return [int(source.image(index, rng())[0, 0]) for index in range(len(source))]


def test_nothing_held_out_is_every_image_once():
    assert sorted(numbers(MixedSources(SOURCES))) == EVERYTHING


@pytest.mark.parametrize("held_out", [1, 20, 99])
def test_both_parts_are_disjoint_and_together_everything(held_out):
    train = numbers(MixedSources(SOURCES, held_out, "train"))
    validation = numbers(MixedSources(SOURCES, held_out, "validation"))
    assert (len(train), len(validation)) == (100 - held_out, held_out)
    assert sorted(train + validation) == EVERYTHING


def test_the_split_is_decided_by_its_seed():
    split = [numbers(MixedSources(SOURCES, 20, "validation", seed)) for seed in (0, 0, 1)]
    assert split[0] == split[1]
    assert set(split[0]) != set(split[2])


def test_the_split_is_random_and_takes_from_each_source_in_proportion():
    sources = {"shapes": Numbered("random", 0, 1500), "faces": Numbered("phantom", 10_000, 4000)}
    held_out = numbers(MixedSources(sources, 500, "validation"))
    shapes = [number for number in held_out if number < 10_000]
    assert len(shapes) == pytest.approx(500 * 1500 / 5500, abs=30)
    assert held_out != sorted(held_out)
    assert np.mean(shapes) == pytest.approx(750, abs=120)


@pytest.mark.parametrize("part", ["train", "validation"])
def test_a_count_takes_the_first_of_the_part(part):
    whole = numbers(MixedSources(SOURCES, 20, part))
    assert numbers(MixedSources(SOURCES, 20, part, count=7)) == whole[:7]
    assert numbers(MixedSources(SOURCES, 20, part, count=1000)) == whole


def test_name_and_size_are_those_of_the_sources():
    mixed = MixedSources(SOURCES)
    assert mixed.name == "random+single+phantom"
    assert mixed.size == 4


def test_augmentation_is_left_to_the_source_and_its_generator():
    mixed = MixedSources({"shapes": RandomShapes(16, 3, augment=True), "faces": PhantomFaces(16, 3, augment=True)}, seed=2)
    for index in range(6):
        np.testing.assert_array_equal(mixed.image(index, rng(1)), mixed.image(index, rng(1)))
        assert not np.array_equal(mixed.image(index, rng(1)), mixed.image(index, rng(2)))


def test_images_come_from_the_sources_as_they_are():
    shapes, faces = RandomShapes(16, 3), PhantomFaces(16, 3)
    expected = {source.image(index, rng()).tobytes() for source in (shapes, faces) for index in range(3)}
    mixed = MixedSources({"shapes": shapes, "faces": faces}, seed=1)
    assert {mixed.image(index, rng()).tobytes() for index in range(6)} == expected


def test_sources_of_several_sizes_are_refused():
    with pytest.raises(InputError, match=r"one size, not \[4, 8\]"):
        MixedSources({"small": Numbered("small", 0, 3), "large": Numbered("large", 0, 3, size=8)})


def test_no_source_at_all_is_refused():
    with pytest.raises(InputError, match="no source at all"):
        MixedSources({})


@pytest.mark.parametrize("part", ["test", "Train", ""])
def test_an_unknown_part_is_refused(part):
    with pytest.raises(InputError, match="train or validation"):
        MixedSources(SOURCES, 20, part)


@pytest.mark.parametrize(
    ("held_out", "part", "count"),
    [(0, "validation", None), (100, "train", None), (101, "validation", None), (-1, "train", None), (5, "train", 0)],
)
def test_splits_that_leave_nothing_are_refused(held_out, part, count):
    with pytest.raises(InputError, match="leave none"):
        MixedSources(SOURCES, held_out, part, count=count)


def test_a_negative_count_is_refused():
    with pytest.raises(InputError, match="count"):
        MixedSources(SOURCES, 20, "train", count=-3)


@pytest.mark.parametrize("index", [-1, 80])
def test_an_image_that_is_not_there_is_an_index_error(index):
    with pytest.raises(IndexError):
        MixedSources(SOURCES, 20).image(index, rng())


@dataclass(frozen=True)
class Told(Numbered):
    """A source that tells of itself."""

    shrinks: float = 1.0
    substituted: tuple[str, ...] = ()

    def augmentation(self, index: int) -> Augmentation:
        assert 0 <= index < self.count
        return Augmentation(pad_resize=self.shrinks)

    def describe(self) -> list[dict]:
        return [{"name": self.name, "images": self.count, "licence": "mine"}]


TELLING = {
    "brain": Told("brain", 0, 20, shrinks=0.5, substituted=("brain",)),
    "silent": Numbered("silent", 100, 20),
    "ct": Told("ct", 200, 20, shrinks=0.7),
}


def test_an_image_is_augmented_as_its_own_source_says():
    mixed = MixedSources(TELLING, seed=1)
    shrinks = {0: 0.5, 1: 1.0, 2: 0.7}
    for index, number in enumerate(numbers(mixed)):
        assert mixed.augmentation(index) == Augmentation(pad_resize=shrinks[number // 100])


def test_every_source_is_told_of_those_that_say_little_too():
    assert MixedSources(TELLING).describe() == [
        {"name": "brain", "images": 20, "licence": "mine"},
        {"name": "silent", "images": 20},
        {"name": "ct", "images": 20, "licence": "mine"},
    ]


def test_what_phantoms_stand_in_for_is_handed_on():
    assert MixedSources(TELLING).substituted == ("brain",)
    assert MixedSources(SOURCES).substituted == ()
    assert MixedSources({"inner": MixedSources(TELLING), "other": Told("ct", 0, 3, substituted=("ct",))}).substituted == ("brain", "ct")


def test_whose_an_image_is_and_which_sources_are_measured_is_asked_of_each_source(tmp_path, write_photograph):
    for number in range(3):
        write_photograph(tmp_path / "dogs" / f"{number}.png")
    dogs = Photographs(str(tmp_path / "dogs"), 4, "dogs", validation=0, test=0, cache=str(tmp_path / "cache"))
    mixed = MixedSources({"shapes": Numbered("random", 0, 3), "dogs": dogs}, seed=1)
    assert mixed.real_sources() == [dogs]
    assert sorted(mixed.origin(index) or "" for index in range(6)) == ["", "", "", "0.png", "1.png", "2.png"]
    assert MixedSources(SOURCES).real_sources() == []
