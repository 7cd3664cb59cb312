"""Intervals: quantiles of scores, and how spreads make them wide."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mwgan.quantify.intervals import NETWORKS, Reach, chance_of_voxels, fitted, interval, kind_of_method, reach
from mwgan.quantify.particle import Numbers
from mwgan.quantify.spread import QUANTITIES, subset_spread


def numbers(volume: float) -> Numbers:
    return Numbers(volume, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)


@pytest.mark.parametrize("shift", [0.0, 1.0, 5.0, -5.0])
def test_nine_of_ten_new_scores_lie_within(shift):
    rng = np.random.default_rng(0)
    held = []
    for _ in range(300):
        found = fitted(rng.normal(shift, 1, 99))
        new = rng.normal(shift, 1, 50)
        held.append(np.mean((found.low <= new) & (new <= found.high)))
        assert found.low <= 0 <= found.high
    assert 0.885 < np.mean(held) < 0.93


def test_an_interval_is_the_number_times_its_spread():
    found = interval(100.0, 0.1, Reach(-2.0, 1.0))
    assert found == pytest.approx((100, 100 * math.exp(-0.2), 100 * math.exp(0.1)))
    wider = interval(100.0, 0.1, Reach(-2.0, 1.0), chance=0.1)
    assert wider.low == pytest.approx(100 * math.exp(-math.hypot(0.2, 0.1645)))
    assert wider.high == pytest.approx(100 * math.exp(math.hypot(0.1, 0.1645)))


def test_the_table_has_every_number_of_every_method_between_wedges():
    for name in (*QUANTITIES, "porosity", "contact"):
        for kind in ("sirt", "tvm", "network", "any"):
            low, high = reach(name, kind, 50)
            assert low <= 0 <= high
            at = [reach(name, kind, wedge) for wedge in (40, 60)]
            assert min(one.low for one in at) <= low <= max(one.low for one in at)
        widest = reach(name, "any", 60)
        assert all(widest.low <= reach(name, kind, 60).low for kind in ("sirt", "tvm", "network"))


def test_methods_have_the_calibration_of_their_kind():
    assert kind_of_method("sirt") == "sirt"
    assert kind_of_method("tvm_auto") == "tvm"
    assert {kind_of_method(one) for one in NETWORKS} == {"network"}
    assert {kind_of_method(one) for one in ("wbp", None, "/runs/mine")} == {"any"}


def test_the_jackknife_finds_the_standard_error_of_a_mean():
    rng = np.random.default_rng(0)
    drawn = 1 + rng.normal(0, 0.05, 40)
    groups = drawn.reshape(4, 10)
    left = [numbers(float(np.delete(groups, one, axis=0).mean())) for one in range(4)]
    means = groups.mean(axis=1)
    assert subset_spread(numbers(float(drawn.mean())), left)["volume"] == pytest.approx(means.std(ddof=1) / 2, rel=0.05)


def test_a_particle_that_is_gone_without_a_part_of_the_tilts_is_uncertain():
    assert subset_spread(numbers(1.0), [numbers(1.0), None, numbers(1.0), numbers(1.0)])["volume"] > 0.5


def test_errors_of_voxels_cancel_over_a_large_surface():
    together = dict.fromkeys(QUANTITIES, 0.3)
    small, large = (chance_of_voxels(together, surface, (1.0, 1.0, 1.0))["volume"] for surface in (9.0, 900.0))
    assert small == pytest.approx(0.3)
    assert large == pytest.approx(0.03)
