from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import rotate

from mwgan.data import DeadLeaves, PhantomFaces, RandomShapes
from mwgan.data.canvas import inscribed_disc


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def images(size: int, count: int = 24) -> np.ndarray:
    source = DeadLeaves(size=size, count=count)
    return np.stack([source.image(index, rng()) for index in range(count)])


def test_an_image_is_decided_by_seed_and_number_alone():
    first = DeadLeaves(size=64, count=10, seed=3).image(7, rng(1))
    np.testing.assert_array_equal(first, DeadLeaves(size=64, count=10, seed=3, offset=5).image(2, rng(3)))
    assert not np.array_equal(first, DeadLeaves(size=64, count=10, seed=4).image(7, rng(1)))
    others = (RandomShapes(size=64, count=10, seed=3), PhantomFaces(size=64, count=10, seed=3))
    assert not any(np.array_equal(first, other.image(7, rng(1))) for other in others)


def test_images_are_float32_in_range_and_every_projection_holds_the_specimen():
    found = images(64)
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1
    assert np.all(found.max(axis=(1, 2)) >= 0.4 - 1e-6)
    assert np.abs(found * (1 - inscribed_disc(64))).max() < 1e-3


def test_the_same_specimen_comes_at_every_size():
    fine, coarse = images(128), images(64)
    averaged = fine.reshape(len(fine), 64, 2, 64, 2).mean(axis=(2, 4))
    for one, other in zip(averaged, coarse, strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.97


def test_an_augmented_image_is_the_image_turned_texture_and_all():
    class Pose:
        def __init__(self) -> None:
            self.drawn = iter([np.pi / 2, 1.0])

        def uniform(self, low: float, high: float) -> float:
            return next(self.drawn)

    for index in range(6):
        turned = DeadLeaves(size=128, count=6, augment=True).image(index, Pose())  # type: ignore[arg-type]
        plain = DeadLeaves(size=128, count=6).image(index, rng())
        quarter_turns = [np.corrcoef(rotate(plain, angle, reshape=False, order=1).ravel(), turned.ravel())[0, 1] for angle in (90, -90)]
        assert max(quarter_turns) > 0.99


def test_power_falls_with_frequency_more_as_in_nature_than_for_white_noise():
    spectrum = (np.abs(np.fft.fftshift(np.fft.fft2(images(64, 64)))) ** 2).mean(axis=0)
    radius = np.hypot(*np.meshgrid(np.arange(-32, 32), np.arange(-32, 32)))
    rings = [spectrum[(radius >= low) & (radius < low * 1.5)].mean() for low in (3, 6, 12)]
    slopes = [np.log(after / before) / np.log(2) for before, after in pairwise(rings)]
    assert all(-4 < slope < -1.5 for slope in slopes)


@pytest.mark.parametrize("wrong", [{"size": 4}, {"count": 0}])
def test_bad_sizes_are_refused(wrong):
    with pytest.raises(ValueError, match="dead leaves"):
        DeadLeaves(**wrong)
