"""What is found of images whose moves are known."""

import numpy as np
import pytest
from moved_bodies import errors, noisy, projected

from mwgan.series.align.estimate import estimate, unlike_the_rest

TILTS = np.arange(-72.0, 73.0, 6.0)
SIZE = 56


@pytest.fixture(scope="module")
def moved():
    """Images, their shifts and the angle of their tilt axis."""
    rng = np.random.default_rng(3)
    shifts = rng.uniform(-4, 4, (len(TILTS), 2)) + np.array([0.0, 2.0])
    return noisy(projected(SIZE, TILTS, shifts, 1.5), 2.0), shifts, 1.5


def test_shifts_and_angle_are_found(moved):
    images, shifts, angle = moved
    said = []
    found = estimate(images, TILTS, noise=0.02 * float(images.max()), say=said.append)
    along, across, turned = errors(found.pose.shifts_px, found.pose.axis_angle_deg, shifts, angle, TILTS)
    assert along < 0.1
    assert across < 0.1
    assert abs(turned) < 0.5
    assert found.used.all()
    assert len(said) > 1


def test_an_image_of_something_else_is_left_out(moved):
    images, shifts, angle = moved
    spoilt = images.copy()
    spoilt[7] = spoilt[7].T[::-1] * 0.3
    found = estimate(spoilt, TILTS, noise=0.02 * float(images.max()), angle_deg=angle, finds_angle=False)
    assert np.flatnonzero(~found.used).tolist() == [7]
    along, across, _ = errors(found.pose.shifts_px, found.pose.axis_angle_deg, shifts[found.used], angle, TILTS[found.used])
    assert max(along, across) < 0.15
    assert found.pose.axis_angle_deg == angle


def test_brightness_is_told_apart_from_moves(moved):
    images, shifts, angle = moved
    brighter = images * np.where(np.arange(len(TILTS)) % 2, 1.1, 1.0)[:, None, None].astype(np.float32)
    found = estimate(brighter, TILTS, noise=0.02 * float(images.max()), angle_deg=angle, finds_angle=False)
    along, across, _ = errors(found.pose.shifts_px, angle, shifts, angle, TILTS)
    assert max(along, across) < 0.15
    assert found.gain[1::2].mean() - found.gain[::2].mean() > 0.05


def test_few_images_are_outlying_and_many_are_not():
    misfit = np.full(20, 0.05) + np.linspace(0, 0.01, 20)
    assert not unlike_the_rest(misfit).any()
    misfit[4] = 0.4
    assert np.flatnonzero(unlike_the_rest(misfit)).tolist() == [4]
    misfit[:6] = 0.4
    assert not unlike_the_rest(misfit).any()
