from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import ndimage

from mwgan.data import Challenge, DeadLeaves, PhantomFaces, RandomShapes
from mwgan.data.challenge import KINDS
from mwgan.errors import InputError

EVERY = tuple(KINDS)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def both(source: Challenge, index: int) -> tuple[np.ndarray, np.ndarray]:
    return source.image(index, rng()), source.background(index)


def of_kind(kind: str, size: int = 64, images: int = 20) -> list[tuple[np.ndarray, np.ndarray]]:
    source = Challenge(size=size, count=6 * images)
    return [both(source, index) for index in range(len(source)) if source.kind(index) == kind]


def features(image: np.ndarray, background: np.ndarray) -> np.ndarray:
    return np.abs(image - background) > 0.05


def test_an_image_is_decided_by_seed_and_number_alone():
    for index in range(6, 12):
        image, background = both(Challenge(count=100, seed=3), index)
        for same, number in ((Challenge(count=12, seed=3), index), (Challenge(count=12, seed=3, offset=5), index - 5)):
            np.testing.assert_array_equal(image, same.image(number, rng(index)))
            np.testing.assert_array_equal(background, same.background(number))
            assert same.kind(number) == Challenge(count=100, seed=3).kind(index)
        assert not np.array_equal(image, Challenge(count=100, seed=4).image(index, rng()))


def test_no_two_images_are_the_same_and_none_is_one_that_networks_train_on():
    sources = [kind(size=32, count=60) for kind in (Challenge, RandomShapes, PhantomFaces, DeadLeaves)]
    assert len({source.image(index, rng()).tobytes() for source in sources for index in range(60)}) == 240


@pytest.mark.parametrize("offset", [0, 4])
def test_any_multiple_of_six_images_in_a_row_is_balanced(offset):
    source = Challenge(count=18, offset=offset)
    assert Counter(source.kind(index) for index in range(18)) == dict.fromkeys(EVERY, 3)
    assert source.kind(0) == EVERY[offset]


def test_the_results_table_is_told_the_kind_and_each_image_is_a_subject_of_its_own():
    validation, test = Challenge(count=12), Challenge(count=12, offset=12)
    assert test.origin(3) == "crack 15"
    assert len({source.origin(index) for source in (validation, test) for index in range(12)}) == 24
    assert test.describe() == [{"name": "challenge", "images": 12, "licence": "none needed"}]


@pytest.mark.parametrize("size", [8, 33, 64, 128])
def test_intensities_are_float32_in_0_to_1_and_no_image_is_empty(size):
    source = Challenge(size=size, count=60)
    assert len(source) == 60
    for index in range(60):
        for picture in both(source, index):
            assert picture.shape == (size, size)
            assert picture.dtype == np.float32
            assert picture.min() >= 0
            assert picture.max() <= 1
        assert source.image(index, rng()).max() > 0.25


def test_specimens_stay_within_the_circle_that_all_tilts_see():
    source = Challenge(count=300)
    position = np.arange(64) - 31.5
    outside = np.hypot(position[:, None], position[None, :]) > 0.92 * 32 + 1
    assert not any(picture[outside].any() for index in range(300) for picture in both(source, index))


@pytest.mark.parametrize("kind", EVERY)
def test_a_background_is_one_flat_body_and_the_image_less_its_features(kind):
    for image, background in of_kind(kind):
        within = ndimage.binary_erosion(background > 0, iterations=2)
        if within.any():  # the matrix of lamellae may be invisible
            assert np.ptp(background[within]) < 1e-6
            assert ndimage.label(background > 0)[1] == 1
            assert (image != background)[~within].sum() == 0
        else:
            assert kind == "lamellae"
            assert not background.any()
        share = features(image, background).mean()
        assert (share == 0) if kind == "nothing" else (0.005 < share < 0.25)
        # Nothing is so faint that it is neither a feature nor background, but for the rims of edges.
        faint = (image != background) & ~features(image, background)
        assert not (faint & ~ndimage.binary_dilation(features(image, background), np.ones((3, 3)))).any()


def test_features_are_of_the_sign_and_the_number_that_their_kind_says():
    signs = {"lamellae": {1}, "dots": {1}, "holes": {-1}, "crack": {-1}, "text": {-1, 1}, "nothing": set()}
    counts = {"lamellae": (3, 6), "dots": (20, 50), "holes": (3, 12), "crack": (1, 1), "text": (1, 8), "nothing": (0, 0)}
    for kind in EVERY:
        pairs = of_kind(kind)
        found = [set(np.sign((image - background)[features(image, background)]).astype(int)) for image, background in pairs]
        assert all(len(of_one) <= 1 for of_one in found)
        assert set().union(*found) == signs[kind]
        numbers = [ndimage.label(features(*pair), np.ones((3, 3)))[1] for pair in pairs]
        assert counts[kind][0] <= min(numbers) <= max(numbers) <= counts[kind][1]


@pytest.mark.parametrize(("size", "thinnest", "thickest"), [(64, 1, 2), (128, 2, 4)])
def test_lamellae_are_thin_and_extended_across_the_beam(size, thinnest, thickest):
    for image, background in of_kind("lamellae", size):
        labels, count = ndimage.label(features(image, background), np.ones((3, 3)))
        for number in range(1, count + 1):
            z, x = np.nonzero(labels == number)
            slope = np.polyfit(x, z, 1)[0]
            assert abs(np.rad2deg(np.arctan(slope))) < 6
            assert np.ptp(x) > 5 * size / 64
            middle = (image - background)[:, int(np.median(x))] * (labels[:, int(np.median(x))] == number)
            thickness = middle.sum() / (image - background)[labels == number].max()
            assert thinnest - 0.35 < thickness < thickest + 0.35


def test_cracks_run_in_any_direction_and_a_third_of_them_across_the_beam():
    directions = []
    for image, background in of_kind("crack", images=60):
        z, x = np.nonzero(features(image, background))
        _, axes = np.linalg.eigh(np.cov(np.stack([x, z])))
        directions.append(np.rad2deg(np.arctan2(axes[1, -1], axes[0, -1])) % 180)
    across = np.minimum(directions, 180 - np.array(directions)) < 20
    assert 0.3 < across.mean() < 0.7  # 1/3 and 2/9 of the rest, about
    assert {int(direction // 60) for direction in directions} == {0, 1, 2}


def test_holes_are_of_several_sizes():
    areas = []
    for image, background in of_kind("holes"):
        labels, count = ndimage.label(features(image, background))
        areas += list(ndimage.sum(labels > 0, labels, range(1, count + 1)))
    assert np.quantile(areas, 0.9) > 5 * np.quantile(areas, 0.1)


def test_letters_have_counters_and_stand_upright():
    filled = [features(*pair) for pair in of_kind("text", size=128, images=40)]
    holes = [ndimage.label(ndimage.binary_fill_holes(letters) & ~letters)[1] for letters in filled]
    assert max(holes) >= 2  # those of A, B, D, O, P, Q, R
    from mwgan.data.challenge import _filled, _outlines

    letter = _filled([outline / 100 + np.array([-0.3, 0.3]) for outline in _outlines(["L"])], 64)
    rows, columns = np.nonzero(letter > 0.5)
    assert np.median(rows) > (rows.min() + rows.max()) / 2 - 1
    assert (letter[rows.max()] > 0.5).sum() > 2 * (letter[rows.min()] > 0.5).sum()  # the foot of an L is below
    assert (letter[:, columns.min()] > 0.5).sum() > (letter[:, columns.max()] > 0.5).sum()


def test_an_image_looks_the_same_at_any_size():
    for index in range(24):
        small, large = (Challenge(size=size, count=24).image(index, rng()) for size in (64, 256))
        averaged = large.reshape(64, 4, 64, 4).mean(axis=(1, 3))
        assert np.linalg.norm(small - averaged) < 0.15 * np.linalg.norm(averaged)


@pytest.mark.parametrize("wrong", [{"size": 7}, {"count": 0}, {"offset": -1}])
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(InputError, match="challenge images need"):
        Challenge(**wrong)


@pytest.mark.parametrize("index", [-1, 5])
def test_an_image_that_is_not_there_is_an_index_error(index):
    source = Challenge(size=16, count=5)
    for ask in (
        lambda: source.image(index, rng()),
        lambda: source.background(index),
        lambda: source.kind(index),
        lambda: source.origin(index),
    ):
        with pytest.raises(IndexError):
            ask()
