"""The first guess of a specimen that stays in the field."""

import numpy as np
import pytest
from moved_bodies import errors, noisy, projected

from mwgan.series.align.profiles import centres_across, shifts_along, spread_along, without_air

TILTS = np.arange(-70.0, 71.0, 10.0)


def test_profiles_and_centres_of_mass_tell_shifts_to_a_fraction_of_a_pixel():
    shifts = np.random.default_rng(1).uniform(-6, 6, (len(TILTS), 2))
    images = noisy(projected(64, TILTS, shifts), 2.0)
    body = without_air(images, 0.02 * images.max())
    known = np.ones(images.shape, bool)
    found = np.stack([shifts_along(body, known, TILTS, 20), centres_across(body)], axis=1)
    along, across, _ = errors(found, 0.0, shifts, 0.0, TILTS)
    assert along < 0.2
    assert across < 0.3


def test_a_pedestal_would_draw_centres_towards_the_middle():
    images = projected(64, TILTS, np.tile([0.0, 8.0], (len(TILTS), 1)))
    true, air = centres_across(images), 0.02 * float(images.max())
    spoilt, cut = centres_across(images + air), centres_across(without_air(images + air, air / 3))
    assert np.abs(cut - true).max() < 0.2 * np.abs(spoilt - true).max()


def test_rows_that_some_image_has_not_measured_do_not_count():
    shifts = np.zeros((len(TILTS), 2))
    shifts[::2, 0] = 5.0
    images = projected(64, TILTS, shifts)
    known = np.ones(images.shape, bool)
    known[3, :20] = False
    images[3, :20] = 7.0
    found = shifts_along(images, known, TILTS, 20)
    assert found - found.mean() == pytest.approx(shifts[:, 0] - shifts[:, 0].mean(), abs=0.2)


def test_profiles_along_the_tilt_axis_differ_less_than_those_across():
    images = projected(64, TILTS, np.zeros((len(TILTS), 2)))
    known, still = np.ones(images.shape, bool), np.zeros(len(TILTS))
    assert 3 * spread_along(images, known, still) < spread_along(images.swapaxes(1, 2), known, still)
