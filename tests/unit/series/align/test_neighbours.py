"""The first guess of a specimen that leaves the field."""

import sys

import numpy as np
import pytest

from mwgan.errors import MissingExtraError
from mwgan.series.align.neighbours import comparison, shifts_from_neighbours
from mwgan.series.align.pose import free_motion

TILTS = np.arange(-40.0, 41.0, 4.0)


def flat_specimen(shifts: np.ndarray, size: int = 64) -> np.ndarray:
    """Dots in one plane, far beyond the field: images (A, size, size)."""
    rng = np.random.default_rng(0)
    y, x = (rng.uniform(-2 * size, 2 * size, 1500) for _ in range(2))
    place = np.arange(size) - (size - 1) / 2
    images = np.zeros((len(TILTS), size, size), np.float32)
    for number, tilt in enumerate(np.radians(TILTS)):
        down = np.exp(-0.5 * ((place[:, None] - y - shifts[number, 0]) / 1.5) ** 2)
        across = np.exp(-0.5 * ((place[:, None] - x * np.cos(tilt) - shifts[number, 1]) / 1.5) ** 2)
        images[number] = down @ across.T
    return images


def wrong_by(found: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Root mean square along and across the axis, but for what the specimen's place decides."""
    wrong = found - shifts
    wrong = wrong - free_motion(wrong, TILTS) - [0.0, (wrong - free_motion(wrong, TILTS))[:, 1].mean()]
    return np.sqrt((wrong**2).mean(axis=0))


def test_shifts_of_a_third_of_the_field_are_found():
    shifts = np.random.default_rng(2).uniform(-10, 10, (len(TILTS), 2))
    assert wrong_by(shifts_from_neighbours(flat_specimen(shifts), TILTS), shifts).max() < 0.5


def test_tiltxcorr_finds_them_too_where_it_is_installed():
    pytest.importorskip("torch_tiltxcorr", reason="this comparison needs torch-tiltxcorr")
    shifts = np.random.default_rng(2).uniform(-5, 5, (len(TILTS), 2))
    assert wrong_by(comparison("tiltxcorr")(flat_specimen(shifts), TILTS), shifts).max() < 1.0


def test_where_it_is_not_installed_its_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_tiltxcorr", None)
    assert comparison("own") is shifts_from_neighbours
    with pytest.raises(MissingExtraError, match=r"--neighbours tiltxcorr needs the package torch-tiltxcorr.*mwgan\[xcorr\]"):
        comparison("tiltxcorr")
