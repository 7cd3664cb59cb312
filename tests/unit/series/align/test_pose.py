"""What a pose says of images, and which of its moves no measurement can tell."""

import numpy as np
import pytest
from moved_bodies import projected

from mwgan.series.align.pose import Pose, free_motion, turn
from mwgan.series.align.warp import RawImages

TILTS = np.arange(-60.0, 61.0, 15.0)


def test_an_image_placed_by_the_pose_it_was_made_with_is_the_unmoved_one():
    shifts = np.random.default_rng(0).uniform(-5, 5, (len(TILTS), 2))
    moved, still = projected(64, TILTS, shifts, 3.0), projected(64, TILTS, np.zeros_like(shifts))
    placed, known = RawImages(moved).placed(Pose(shifts, 3.0), (64, 64))
    away = np.abs(placed - still)[known]
    assert np.quantile(away, 0.99) < 0.03 * still.max()
    assert np.abs(moved - still)[known].mean() > 10 * away.mean()


def test_turning_a_pose_leaves_the_middle_where_it_is():
    pose = Pose(np.array([[3.0, -4.0], [0.5, 2.0]]), 1.0)
    turned = pose.turned(7.0)
    assert turned.axis_angle_deg == 8.0
    for before, after in zip(pose.shifts_px, turned.shifts_px, strict=True):
        assert turn(8.0) @ after == pytest.approx(turn(1.0) @ before)


def test_a_move_of_the_specimen_is_free_and_one_of_the_tilt_axis_is_not():
    tilts = np.radians(TILTS)
    moved = np.stack([np.full(len(tilts), 2.0), 3 * np.cos(tilts) - 5 * np.sin(tilts)], axis=1)
    assert free_motion(moved, TILTS) == pytest.approx(moved)
    axis = np.stack([np.zeros(len(tilts)), np.ones(len(tilts))], axis=1)
    assert np.abs(axis - free_motion(axis, TILTS)).max() > 0.1


def test_samples_further_apart_show_the_same_places():
    images = projected(64, TILTS[:2], np.zeros((2, 2)))
    fine, _ = RawImages(images, step=2.0).placed(Pose(np.zeros((2, 2))), (32, 32))
    pairs = images.reshape(2, 32, 2, 32, 2).mean(axis=(2, 4))
    assert np.abs(fine - pairs).mean() < 0.02 * images.max()
    place = np.arange(32) - 15.5
    centre = [(image.sum(axis=0) * place).sum() / image.sum() for image in (fine[0], pairs[0])]
    assert centre[0] == pytest.approx(centre[1], abs=0.02)
