from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from mwgan.data import PhantomFaces
from mwgan.errors import InputError


class Drawn:
    """Stands in for a random generator: ``uniform`` gives the numbers it was made with."""

    def __init__(self, *values: float) -> None:
        self.values: Iterator[float] = iter(values)

    def uniform(self, low: float, high: float) -> float:
        value = next(self.values)
        assert low <= value <= high
        return value


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_face_is_decided_by_seed_and_number_alone():
    first = PhantomFaces(size=64, count=10, seed=3).image(7, rng(1))
    np.testing.assert_array_equal(first, PhantomFaces(size=64, count=100, seed=3).image(7, rng(2)))
    np.testing.assert_array_equal(first, PhantomFaces(size=64, count=10, seed=3, offset=5).image(2, rng(3)))
    assert not np.array_equal(first, PhantomFaces(size=64, count=10, seed=4).image(7, rng(1)))


def test_faces_differ_from_each_other():
    faces = [PhantomFaces(size=32, count=40).image(index, rng()).tobytes() for index in range(40)]
    assert len(set(faces)) == 40


def test_ranges_of_one_seed_that_do_not_meet_share_no_face():
    train, held_out = PhantomFaces(size=32, count=30), PhantomFaces(size=32, count=30, offset=30)
    seen = {train.image(index, rng()).tobytes() for index in range(30)}
    assert seen.isdisjoint(held_out.image(index, rng()).tobytes() for index in range(30))


@pytest.mark.parametrize("augment", [False, True])
@pytest.mark.parametrize("size", [8, 33, 64])
def test_intensities_are_float32_in_0_to_1_and_the_corners_are_empty(augment, size):
    source = PhantomFaces(size=size, count=20, augment=augment)
    assert len(source) == 20
    for index in range(20):
        image = source.image(index, rng(index))
        assert image.shape == (size, size)
        assert image.dtype == np.float32
        assert image.min() >= 0
        assert image.max() <= 1
        assert image.max() > 0.1
        assert image[0, 0] == image[0, -1] == image[-1, 0] == image[-1, -1] == 0


def test_every_face_stays_within_the_circle_that_all_tilts_see():
    position = np.arange(64) - 31.5
    outside = np.hypot(position[:, None], position[None, :]) > 32
    source = PhantomFaces(size=64, count=50)
    assert all(not source.image(index, rng())[outside].any() for index in range(50))


def test_augmentation_is_drawn_anew_but_from_the_generator_alone():
    source = PhantomFaces(size=64, count=5, augment=True)
    np.testing.assert_array_equal(source.image(3, rng(1)), source.image(3, rng(1)))
    assert not np.array_equal(source.image(3, rng(1)), source.image(3, rng(2)))


@pytest.mark.parametrize(("angle", "turns"), [(0.0, 0), (np.pi / 2, -1), (np.pi, 2), (3 * np.pi / 2, 1)])
def test_augmentation_turns_the_face(angle, turns):
    plain = PhantomFaces(size=64, count=5).image(3, rng())
    turned = PhantomFaces(size=64, count=5, augment=True).image(3, Drawn(angle, 1.0))
    np.testing.assert_allclose(turned, np.rot90(plain, turns), atol=1e-3)


def test_augmentation_shrinks_the_face_by_up_to_a_fifth():
    plain = PhantomFaces(size=64, count=5).image(3, rng())
    small = PhantomFaces(size=64, count=5, augment=True).image(3, Drawn(0.0, 0.8))
    assert small.sum() == pytest.approx(0.8**2 * plain.sum(), rel=0.01)


def test_edges_are_as_a_pixel_would_see_them():
    # A quarter of the size shows what averaging 4 x 4 pixels shows; edges drawn hard would differ by several times this.
    for index in range(10):
        small = PhantomFaces(size=64, count=10).image(index, rng())
        averaged = PhantomFaces(size=256, count=10).image(index, rng()).reshape(64, 4, 64, 4).mean(axis=(1, 3))
        assert np.linalg.norm(small - averaged) < 0.03 * np.linalg.norm(averaged)


def test_an_edge_has_values_between_its_two_sides():
    image = PhantomFaces(size=128, count=1).image(0, rng())
    outline = np.abs(np.diff((image > 0).astype(int), axis=1)).astype(bool)
    along = image[:, 1:][outline]
    assert len(np.unique(along)) > 20


@pytest.mark.parametrize("wrong", [{"size": 7}, {"size": 0}, {"count": 0}, {"offset": -1}])
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(InputError, match="phantom faces need"):
        PhantomFaces(**wrong)


@pytest.mark.parametrize("index", [-1, 5])
def test_a_face_that_is_not_there_is_an_index_error(index):
    with pytest.raises(IndexError):
        PhantomFaces(size=16, count=5).image(index, rng())
