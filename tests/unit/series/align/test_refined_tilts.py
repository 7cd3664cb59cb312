"""Tilts that were wrong in the list are found from the images."""

import numpy as np
import pytest
from moved_bodies import noisy, projected

from mwgan.series.align.estimate import estimate
from mwgan.series.align.volume_fit import VolumeFit

TILTS = np.arange(-69.0, 70.0, 3.0)
SIZE = 56


def off(tilt_deg: np.ndarray, true_deg: np.ndarray) -> float:
    """Root mean square of what is wrong, but for what no image tells."""
    wrong = tilt_deg - true_deg
    return float(np.std(wrong - np.polyval(np.polyfit(TILTS, wrong, 1), TILTS)))


def test_wrong_tilts_are_mended_and_stay_in_order():
    rng = np.random.default_rng(4)
    true = TILTS + rng.normal(0, 0.7, len(TILTS))
    images = noisy(projected(SIZE, true, rng.uniform(-2, 2, (len(TILTS), 2)), 0.0), 1.0)
    said = []
    found = estimate(images, TILTS, noise=0.01 * float(images.max()), finds_angle=False, finds_tilts=True, say=said.append)
    assert off(found.tilt_deg, true) < 0.6 * off(TILTS, true)
    assert (np.diff(found.tilt_deg) > 0).all()
    assert any("tilts changed" in sentence for sentence in said)
    as_given = estimate(images, TILTS, noise=0.01 * float(images.max()), finds_angle=False)
    assert (as_given.tilt_deg == TILTS).all()


def test_nothing_is_projected_before_there_is_a_volume():
    with pytest.raises(RuntimeError, match="hasn't been fitted"):
        VolumeFit(TILTS, SIZE).projected(TILTS)
