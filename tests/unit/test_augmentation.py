"""Augmentation: poses mean what they say, belong to the sample alone, and leave everything else as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from mwgan.data import Augmentation, ImageSource
from mwgan.data.augmentation import Pose, augment, stack_poses
from mwgan.data.canvas import inscribed_disc
from mwgan.data.source import augmented_images
from mwgan.errors import InputError

N = 16
EVERYTHING = Augmentation(pad_resize=0.8, rotation=True, flip=True, affine=0.15, noise_percent=5.0)


def pose(linear: object = ((1.0, 0.0), (0.0, 1.0)), shift: tuple[float, float] = (0.0, 0.0), noise: float = 0.0) -> Pose:
    """Where in the image (x, row) the result's points come from: ``linear`` times the point plus ``shift``."""
    matrix = np.concatenate([np.asarray(linear, dtype=np.float64), np.asarray(shift)[:, None]], axis=1)
    return Pose(torch.from_numpy(matrix.astype(np.float32)), torch.tensor(noise))


def put(image: Tensor | np.ndarray, *poses: Pose, seed: int = 0) -> np.ndarray:
    """One image in each of the poses."""
    images = torch.as_tensor(np.ascontiguousarray(image))[None, None].repeat(len(poses), 1, 1, 1)
    return augment(images, stack_poses(poses), torch.arange(len(poses)) + seed)[:, 0].numpy()


def pixel(row: int, column: int, size: int = N) -> np.ndarray:
    image = np.zeros((size, size), dtype=np.float32)
    image[row, column] = 1
    return image


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 1, (N, N)).astype(np.float32)


def poses(augmentation: Augmentation, count: int = 300) -> np.ndarray:
    """(count, 2, 2) linear parts."""
    rng = np.random.default_rng(0)
    return np.stack([augmentation.draw(rng).matrix[:, :2].numpy() for _ in range(count)])


def test_an_image_whose_pose_changes_nothing_stays_as_it_is_to_the_bit(image):
    found = put(image, pose(), pose(((0, -1), (1, 0))), pose())
    np.testing.assert_array_equal(found[0], image)
    np.testing.assert_array_equal(found[2], image)


@pytest.mark.parametrize(
    ("linear", "by_numpy"),
    [
        (((-1, 0), (0, 1)), np.fliplr),
        (((1, 0), (0, -1)), np.flipud),
        (((0, -1), (1, 0)), np.rot90),
        (((-1, 0), (0, -1)), lambda image: np.rot90(image, 2)),
        (((0, 1), (-1, 0)), lambda image: np.rot90(image, 3)),
        (((0, 1), (1, 0)), np.transpose),
    ],
)
@pytest.mark.parametrize("size", [16, 17])
def test_flips_and_quarter_turns_are_numpys(linear, by_numpy, size):
    image = np.random.default_rng(0).uniform(0, 1, (size, size)).astype(np.float32)
    np.testing.assert_allclose(put(image, pose(linear))[0], by_numpy(image) * inscribed_disc(size), atol=1e-4)


def test_nothing_is_carried_out_of_the_disc_that_every_projection_holds():
    sheared = put(np.ones((N, N), dtype=np.float32), pose(((1, 0.3), (0, 1))), pose(((0.8, 0), (0, 1.2)), noise=0.5))
    assert not sheared[:, inscribed_disc(N) == 0].any()


def test_a_known_pixel_goes_where_the_pose_says():
    found = put(pixel(3, 12), pose(((-1, 0), (0, 1))), pose(((0, -1), (1, 0))), pose(shift=(0.25, 0)), pose(shift=(0, -0.5)))
    assert [tuple(int(place) for place in np.unravel_index(one.argmax(), one.shape)) for one in found] == [(3, 3), (3, 3), (3, 10), (7, 12)]
    assert found.max(axis=(1, 2)) == pytest.approx(1, abs=1e-4)


def test_shrinking_leaves_the_middle_in_the_middle_and_an_empty_ground():
    found = put(np.ones((N, N), dtype=np.float32), pose(((2, 0), (0, 2))))[0]
    np.testing.assert_allclose(found, np.pad(np.ones((N // 2, N // 2)), N // 4), atol=1e-4)


def test_a_turn_and_a_turn_back_are_none():
    smooth = np.exp(-(np.hypot(*(np.mgrid[:64, :64] - 31.5) + np.array([6.0, -9.0])[:, None, None]) ** 2) / 50).astype(np.float32)
    turn = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    turned = put(smooth, pose(turn))[0]
    assert np.abs(turned - smooth).max() > 0.2
    np.testing.assert_allclose(put(turned, pose(turn.T))[0], smooth, atol=0.02)


def test_values_stay_in_the_unit_range(image):
    found = put(np.round(image), *(pose(matrix, noise=0.3) for matrix in poses(EVERYTHING, 40)))
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1


def test_the_images_given_are_left_alone(image):
    images = torch.from_numpy(image)[None, None].repeat(2, 1, 1, 1)
    before = images.clone()
    augment(images, stack_poses([pose(((0, 1), (1, 0)), noise=0.1), pose(noise=0.1)]), torch.tensor([1, 2]))
    assert torch.equal(images, before)


def test_shrunk_turned_and_mirrored_the_content_stays_in_the_disc():
    size = 48
    away = np.hypot(*(np.mgrid[:size, :size] - (size - 1) / 2))
    disc = np.clip(size / 2 - away, 0, 1).astype(np.float32)
    found = put(disc, *(pose(matrix) for matrix in poses(Augmentation(pad_resize=0.8, rotation=True, flip=True), 60)))
    assert found[:, away > size / 2 + 1].max() == 0
    assert found[:, away < 0.8 * size / 2 - 2].min() > 0.99


# Noise


def test_noise_is_that_of_the_sample_and_of_the_size_asked_for():
    grey = np.full((64, 64), 0.5, dtype=np.float32)
    inside = inscribed_disc(64) == 1
    first, second = put(grey, pose(noise=0.05), pose(noise=0.02), seed=7)[:, inside] - 0.5
    assert first.std() == pytest.approx(0.05, rel=0.05)
    assert second.std() == pytest.approx(0.02, rel=0.05)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.05
    again = put(grey, pose(noise=0.02), pose(), seed=8)[:, inside] - 0.5
    np.testing.assert_array_equal(again[0], second)
    assert not again[1].any()


def test_noise_is_not_drawn_from_the_numbers_that_the_acquisition_draws_from():
    noise = put(np.full((64, 64), 0.5, dtype=np.float32), pose(noise=0.05), seed=12)[0] - 0.5
    acquisitions = torch.randn((64, 64), generator=torch.Generator().manual_seed(12)).numpy()
    assert abs(np.corrcoef(noise.ravel(), acquisitions.ravel())[0, 1]) < 0.05


# What is drawn


def test_nothing_is_drawn_where_nothing_may_happen():
    drawn = Augmentation().draw(np.random.default_rng(0))
    assert torch.equal(drawn.matrix, torch.eye(2, 3))
    assert drawn.noise == 0


def test_shrinking_is_by_up_to_the_share_asked_for():
    matrices = poses(Augmentation(pad_resize=0.8))
    assert np.abs(matrices[:, [0, 1], [1, 0]]).max() == 0
    scale = 1 / matrices[:, 0, 0]
    np.testing.assert_array_equal(matrices[:, 0, 0], matrices[:, 1, 1])
    assert 0.8 <= scale.min() < 0.82
    assert 0.98 < scale.max() <= 1


def test_a_turn_may_be_any_and_changes_no_size():
    matrices = poses(Augmentation(rotation=True))
    np.testing.assert_allclose(matrices @ matrices.transpose(0, 2, 1), np.eye(2)[None].repeat(300, 0), atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(matrices), 1, atol=1e-6)
    angles = np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0])
    assert np.histogram(angles, bins=4, range=(-np.pi, np.pi))[0].min() > 50


def test_half_of_the_draws_are_mirrored():
    determinants = np.linalg.det(poses(Augmentation(flip=True)))
    assert set(np.round(determinants, 5)) == {-1.0, 1.0}
    assert 0.4 < (determinants < 0).mean() < 0.6


def test_shear_and_stretch_stay_below_what_is_asked_for_and_keep_the_area():
    matrices = poses(Augmentation(affine=0.15))
    np.testing.assert_allclose(np.linalg.det(matrices), 1, atol=1e-6)
    stretch = matrices[:, 0, 0] / matrices[:, 1, 1]
    assert np.exp(-0.15) <= stretch.min() < np.exp(-0.13)
    assert np.exp(0.13) < stretch.max() <= np.exp(0.15) + 1e-6
    assert 0.13 < np.abs(matrices[:, 0, 1]).max() <= 0.15


def test_noise_is_up_to_what_is_asked_for():
    rng = np.random.default_rng(0)
    drawn = np.array([float(Augmentation(noise_percent=5.0).draw(rng).noise) for _ in range(300)])
    assert 0 <= drawn.min() < 0.003
    assert 0.047 < drawn.max() <= 0.05


def test_a_pose_is_decided_by_its_generator():
    first, again, other = (EVERYTHING.draw(np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert torch.equal(first.matrix, again.matrix)
    assert torch.equal(first.noise, again.noise)
    assert not torch.equal(first.matrix, other.matrix)


def test_a_sample_looks_the_same_in_any_batch(image):
    rng = np.random.default_rng(5)
    drawn = [EVERYTHING.draw(rng) for _ in range(6)]
    images = torch.from_numpy(image)[None, None].repeat(6, 1, 1, 1)
    together = augment(images, stack_poses(drawn), torch.arange(6))
    for row in range(6):
        assert torch.equal(augment(images[row : row + 1], stack_poses(drawn[row : row + 1]), torch.tensor([row]))[0], together[row])


def test_images_are_drawn_in_the_poses_of_their_generators():
    class Source(ImageSource):
        name, size = "pixels", N

        def __len__(self) -> int:
            return N

        def image(self, index: int, rng: np.random.Generator) -> np.ndarray:
            return pixel(index, 2)

        def augmentation(self, index: int) -> Augmentation:
            return Augmentation(flip=True) if index else Augmentation()

    drawn = augmented_images(Source(), [0, 5, 5, 5, 5, 5], list(range(6)), [np.random.default_rng(seed) for seed in range(6)])[:, 0]
    assert torch.equal(drawn[0], torch.from_numpy(pixel(0, 2)))
    assert {int(one[5].argmax()) for one in drawn[1:]} == {2, N - 3}


@pytest.mark.parametrize(
    "options", [{"pad_resize": 0}, {"pad_resize": 1.2}, {"affine": 1}, {"affine": -0.1}, {"noise_percent": 101}, {"noise_percent": -1}]
)
def test_augmentations_that_cannot_be_are_refused(options):
    with pytest.raises(InputError, match="pad_resize in"):
        Augmentation(**options)
