from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import pytest

from mwgan.data import PhantomFaces, RandomShapes, synthetic_images
from mwgan.data.canvas import Canvas
from mwgan.errors import InputError


class Drawn:
    """Stands in for a random generator: ``uniform`` gives the numbers it was made with."""

    def __init__(self, *values: float) -> None:
        self.values: Iterator[float] = iter(values)

    def uniform(self, low: float, high: float) -> float:
        value = next(self.values)
        assert low <= value <= high
        return value


class Counted(Canvas):
    """A canvas that notes what is painted on it."""

    painted: ClassVar[list[list[str]]] = []

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.painted.append([])

    def oval(self, *arguments) -> None:
        self.painted[-1].append("oval")
        super().oval(*arguments)

    def polygon(self, *arguments) -> None:
        self.painted[-1].append("polygon")
        super().polygon(*arguments)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_an_image_is_decided_by_seed_and_number_alone():
    first = RandomShapes(size=64, count=10, seed=3).image(7, rng(1))
    np.testing.assert_array_equal(first, RandomShapes(size=64, count=100, seed=3).image(7, rng(2)))
    np.testing.assert_array_equal(first, RandomShapes(size=64, count=10, seed=3, offset=5).image(2, rng(3)))
    assert not np.array_equal(first, RandomShapes(size=64, count=10, seed=4).image(7, rng(1)))


def test_images_differ_from_each_other_and_from_faces_of_the_same_seed():
    shapes, faces = RandomShapes(size=32, count=40), PhantomFaces(size=32, count=40)
    images = {source.image(index, rng()).tobytes() for source in (shapes, faces) for index in range(40)}
    assert len(images) == 80


def test_ranges_of_one_seed_that_do_not_meet_share_no_image():
    train, held_out = RandomShapes(size=32, count=30), RandomShapes(size=32, count=30, offset=30)
    seen = {train.image(index, rng()).tobytes() for index in range(30)}
    assert seen.isdisjoint(held_out.image(index, rng()).tobytes() for index in range(30))


@pytest.mark.parametrize("augment", [False, True])
@pytest.mark.parametrize("size", [8, 33, 64])
def test_intensities_are_float32_in_0_to_1_and_no_image_is_nearly_empty(augment, size):
    source = RandomShapes(size=size, count=40, augment=augment)
    assert len(source) == 40
    for index in range(40):
        image = source.image(index, rng(index))
        assert image.shape == (size, size)
        assert image.dtype == np.float32
        assert image.min() >= 0
        assert image.max() <= 1
        assert image.max() > 0.1
        assert (image > 0.03).mean() > 0.01
        assert image[0, 0] == image[0, -1] == image[-1, 0] == image[-1, -1] == 0


@pytest.mark.parametrize("augment", [False, True])
def test_objects_stay_within_the_circle_that_all_tilts_see(augment):
    position = np.arange(64) - 31.5
    outside = np.hypot(position[:, None], position[None, :]) > 0.92 * 32 + 1
    source = RandomShapes(size=64, count=100, augment=augment)
    assert all(not source.image(index, rng(index))[outside].any() for index in range(100))


def test_an_image_holds_2_to_11_objects_about_half_of_them_round(monkeypatch):
    monkeypatch.setattr(synthetic_images, "Canvas", Counted)
    Counted.painted.clear()
    source = RandomShapes(size=16, count=200)
    for index in range(200):
        source.image(index, rng())
    counts = [len(objects) for objects in Counted.painted]
    assert set(counts) == set(range(2, 12))
    round_share = sum(objects.count("oval") for objects in Counted.painted) / sum(counts)
    assert 0.45 < round_share < 0.55


def test_augmentation_is_drawn_anew_but_from_the_generator_alone():
    source = RandomShapes(size=64, count=5, augment=True)
    np.testing.assert_array_equal(source.image(3, rng(1)), source.image(3, rng(1)))
    assert not np.array_equal(source.image(3, rng(1)), source.image(3, rng(2)))


@pytest.mark.parametrize("index", range(5))
@pytest.mark.parametrize(("angle", "turns"), [(0.0, 0), (np.pi / 2, -1), (np.pi, 2), (3 * np.pi / 2, 1)])
def test_augmentation_turns_the_image(angle, turns, index):
    plain = RandomShapes(size=64, count=5).image(index, rng())
    turned = RandomShapes(size=64, count=5, augment=True).image(index, Drawn(angle, 1.0))
    np.testing.assert_allclose(turned, np.rot90(plain, turns), atol=2e-3)


def test_augmentation_shrinks_the_image_by_up_to_a_fifth():
    for index in range(5):
        plain = RandomShapes(size=64, count=5).image(index, rng())
        small = RandomShapes(size=64, count=5, augment=True).image(index, Drawn(0.0, 0.8))
        assert small.sum() == pytest.approx(0.8**2 * plain.sum(), rel=0.02)


def test_edges_are_as_a_pixel_would_see_them():
    # A quarter of the size shows what averaging 4 x 4 pixels shows; edges drawn hard would differ by several times this.
    for index in range(10):
        small = RandomShapes(size=64, count=10).image(index, rng())
        averaged = RandomShapes(size=256, count=10).image(index, rng()).reshape(64, 4, 64, 4).mean(axis=(1, 3))
        assert np.linalg.norm(small - averaged) < 0.03 * np.linalg.norm(averaged)


@pytest.mark.parametrize("wrong", [{"size": 7}, {"size": 0}, {"count": 0}, {"offset": -1}])
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(InputError, match="random shapes need"):
        RandomShapes(**wrong)


@pytest.mark.parametrize("index", [-1, 5])
def test_an_image_that_is_not_there_is_an_index_error(index):
    with pytest.raises(IndexError):
        RandomShapes(size=16, count=5).image(index, rng())
