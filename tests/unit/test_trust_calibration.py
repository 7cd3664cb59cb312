"""Calibration: true on errors drawn as stated, restored where it was not, and orders judged between best and worst."""

from __future__ import annotations

import pytest
import torch

from mwgan.errors import InputError
from mwgan.trust import ause, calibrated_scale, coverage, rank_correlation, sparsification


@pytest.fixture
def drawn(generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Errors (4, 1, 64, 64) drawn with the deviations that are stated."""
    deviation = 0.05 + torch.rand(4, 1, 64, 64, generator=generator)
    return deviation * torch.randn(4, 1, 64, 64, generator=generator), deviation


@pytest.mark.parametrize("band", [0.5, 0.9, 0.95])
def test_errors_drawn_as_stated_are_covered_as_stated(drawn, band):
    assert torch.allclose(coverage(*drawn, band), torch.full((4,), band, dtype=torch.float64), atol=0.02)
    assert calibrated_scale(*drawn, band) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("factor", [0.2, 3.0])
def test_a_calibrated_scale_restores_the_coverage(drawn, factor):
    error, deviation = drawn
    assert abs(float(coverage(error, factor * deviation).mean()) - 0.9) > 0.05
    scale = calibrated_scale(error[:2], factor * deviation[:2])
    assert float(coverage(error[2:], scale * factor * deviation[2:]).mean()) == pytest.approx(0.9, abs=0.02)
    heavy = error.abs() ** 3  # of another distribution altogether
    assert float(coverage(heavy, calibrated_scale(heavy, deviation) * deviation).mean()) == pytest.approx(0.9, abs=0.002)


def test_pixels_that_are_right_need_no_deviation_and_others_do(drawn):
    error, deviation = drawn
    empty = torch.zeros_like(deviation)
    assert calibrated_scale(empty, empty) == 0
    with pytest.raises(InputError, match="floor"):
        calibrated_scale(error, empty)


def test_an_order_that_is_right_has_rank_one_and_no_area(drawn):
    error, deviation = drawn
    assert torch.allclose(rank_correlation(error, error.abs().square()), torch.ones(4, dtype=torch.float64))
    assert torch.allclose(ause(error, error.abs()), torch.zeros(4, dtype=torch.float64))
    assert bool((rank_correlation(error, 1 / error.abs()) < -0.99).all())
    stated, chance, wrong = ause(error, deviation), ause(error, deviation.flip(-1)), ause(error, -deviation)
    assert bool((stated < chance).all())
    assert bool((chance < wrong).all())
    assert bool((rank_correlation(error, deviation) > 0.3).all())
    assert bool(rank_correlation(error, torch.ones_like(error)).isnan().all())


def test_curves_begin_at_all_pixels_and_the_oracle_falls_fastest(drawn):
    curve, oracle = sparsification(*drawn, steps=10)
    assert curve.shape == oracle.shape == (4, 10)
    assert torch.allclose(curve[:, 0], torch.ones(4, dtype=torch.float64))
    assert bool((oracle.diff(dim=1) <= 0).all())
    assert bool((oracle <= curve + 1e-12).all())
    ladder = torch.arange(1.0, 5.0).reshape(1, 1, 2, 2)
    expected = [(30 / 4) ** 0.5, (14 / 3) ** 0.5, (5 / 2) ** 0.5, 1.0]
    assert sparsification(ladder, ladder, steps=4).curve[0].tolist() == pytest.approx([value / expected[0] for value in expected])


@pytest.mark.parametrize("band", [0.0, 1.0, 90.0])
def test_a_band_is_a_probability(drawn, band):
    with pytest.raises(InputError, match="probability"):
        coverage(*drawn, band)
