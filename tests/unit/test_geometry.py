from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
import torch

from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry


def test_full_grid_of_one_degree_is_minus_90_to_89():
    geometry = TiltGeometry.full(16)
    assert geometry.tilt_deg == tuple(float(tilt) for tilt in range(-90, 90))
    assert geometry.tilts == 180


@pytest.mark.parametrize(
    ("step_deg", "tilts", "last"), [(2.0, 90, 88.0), (0.5, 360, 89.5), (0.1, 1800, 89.9), (7.0, 26, 85.0), (90.0, 2, 0.0)]
)
def test_full_grid_stops_short_of_plus_90(step_deg, tilts, last):
    geometry = TiltGeometry.full(16, step_deg)
    assert geometry.tilts == tilts
    assert geometry.tilt_deg[-1] == pytest.approx(last)
    assert geometry.tilt_deg[-1] < 90


@pytest.mark.parametrize("step_deg", [0.0, -1.0, 91.0, float("nan"), float("inf")])
def test_impossible_tilt_steps_are_refused(step_deg):
    with pytest.raises(InputError, match="tilt step"):
        TiltGeometry.full(16, step_deg)


@pytest.mark.parametrize("wedge_deg", [1.0, 30.0, 45.0, 45.5, 60.0, 120.0, 178.5])
def test_measured_where_tilt_is_within_90_minus_half_the_wedge(wedge_deg):
    geometry = TiltGeometry.full(16)
    assert geometry.measured(wedge_deg).tolist() == [abs(tilt) < 90 - wedge_deg / 2 for tilt in geometry.tilt_deg]


def test_edges_of_the_wedge_are_missing():
    geometry = TiltGeometry([-60.0, -59.9, 59.9, 60.0], 16)
    assert geometry.measured(60.0).tolist() == [False, True, True, False]


def test_no_wedge_measures_everything_the_tilt_of_minus_90_included():
    assert TiltGeometry.full(16).measured(0.0).all()
    assert TiltGeometry.full(16).measured().all()


def test_opposite_views_are_measured_alike():
    geometry = TiltGeometry([-170.0, -100.0, 10.0, 80.0, 135.0, 180.0], 16)
    assert geometry.measured(60.0).tolist() == [True, False, True, False, True, True]


def test_a_wedge_per_sample_gives_each_sample_its_own_mask():
    geometry = TiltGeometry.full(16)
    wedges = [0.0, 40.0, 100.5]
    batch = geometry.measured(torch.tensor(wedges))
    assert batch.shape == (3, 1, 180, 1)
    assert batch.dtype == torch.bool
    for sample, wedge_deg in zip(batch, wedges, strict=True):
        assert torch.equal(sample.flatten(), geometry.measured(wedge_deg))


def test_asymmetric_limits_are_included():
    geometry = TiltGeometry.full(16)
    assert geometry.measured(limits_deg=(-60.0, 45.0)).tolist() == [-60 <= tilt <= 45 for tilt in geometry.tilt_deg]


@pytest.mark.parametrize("limits_deg", [(45.0, -60.0), (10.0, 10.0), (float("nan"), 10.0)])
def test_limits_that_do_not_increase_are_refused(limits_deg):
    with pytest.raises(InputError, match="must increase"):
        TiltGeometry.full(16).measured(limits_deg=limits_deg)


@pytest.mark.parametrize(
    "wedge_deg", [-1.0, 180.0, 360.0, float("nan"), float("inf"), torch.tensor([30.0, 180.0]), torch.tensor([float("nan"), 30.0])]
)
def test_wedges_outside_0_to_180_are_refused(wedge_deg):
    with pytest.raises(InputError, match=r"\[0, 180\)"):
        TiltGeometry.full(16).measured(wedge_deg)


def test_a_table_of_wedges_is_refused():
    with pytest.raises(InputError, match="one per sample"):
        TiltGeometry.full(16).measured(torch.full((2, 2), 30.0))


@pytest.mark.parametrize("arguments", [{"wedge_deg": 60.0}, {"wedge_deg": torch.tensor([0.0, 60.0])}, {"limits_deg": (-5.0, 5.0)}])
def test_a_range_that_holds_no_tilt_is_refused(arguments):
    with pytest.raises(InputError, match="no tilt"):
        TiltGeometry([-80.0, 80.0], 16).measured(**arguments)


@pytest.mark.parametrize(
    ("tilt_deg", "message"),
    [
        ([], "empty"),
        ([-10.0, float("nan"), 10.0], "position 2"),
        ([0.0, float("inf")], "finite"),
        ([10.0, 0.0, -10.0], "must increase"),
        ([0.0, 20.0, 10.0], "must increase"),
    ],
)
def test_tilt_lists_that_make_no_sense_are_refused_with_the_reason(tilt_deg, message):
    with pytest.raises(InputError, match=message):
        TiltGeometry(tilt_deg, 16)


def test_a_tilt_may_be_there_twice():
    geometry = TiltGeometry([-10.0, 5.0, 5.0, 10.0], 16)
    assert geometry.tilts == 4
    assert geometry.gap_deg == 160.0
    assert geometry.take([1, 2]).tilt_deg == (5.0, 5.0)


@pytest.mark.parametrize("detector_size", [1, 0, -4])
def test_a_detector_needs_two_pixels(detector_size):
    with pytest.raises(InputError, match="at least 2 pixels"):
        TiltGeometry([0.0], detector_size)


def test_an_axis_offset_must_be_finite():
    with pytest.raises(InputError, match="axis offset"):
        TiltGeometry([0.0], 16, axis_offset_px=float("nan"))


def test_geometry_is_frozen_and_can_be_a_key():
    geometry = TiltGeometry([-10, 0, 10], 16)
    with pytest.raises(FrozenInstanceError):
        geometry.detector_size = 32
    assert {geometry: "found"}[TiltGeometry((-10.0, 0.0, 10.0), 16)] == "found"


def test_take_keeps_detector_and_axis_and_sorts_the_tilts():
    geometry = TiltGeometry([-20.0, -10.0, 0.0, 10.0], 16, axis_offset_px=1.5)
    assert geometry.take([3, 0]) == TiltGeometry([-20.0, 10.0], 16, axis_offset_px=1.5)


def test_each_tilt_may_have_an_offset_of_its_own_that_goes_with_it():
    geometry = TiltGeometry([-20.0, -10.0, 0.0, 10.0], 16, 1.5, tilt_offset_px=[0.25, 0.0, -0.5, 1])
    assert geometry.offsets_px == (1.75, 1.5, 1.0, 2.5)
    assert geometry.take([3, 0]) == TiltGeometry([-20.0, 10.0], 16, 1.5, (0.25, 1.0))
    assert not TiltGeometry([0.0, 1.0], 16, tilt_offset_px=(0.5, -0.5)).on_axis
    assert TiltGeometry([0.0, 1.0], 16, tilt_offset_px=(0.0, 0.0)) == TiltGeometry([0.0, 1.0], 16)


@pytest.mark.parametrize(("offsets", "printed"), [((1.0,), "2 tilts have an offset each, not 1"), ((0.0, float("inf")), "finite")])
def test_offsets_of_tilts_are_one_each_and_finite(offsets, printed):
    with pytest.raises(InputError, match=printed):
        TiltGeometry([0.0, 1.0], 16, tilt_offset_px=offsets)


def test_rows_that_were_not_measured_are_zero_whatever_was_passed_in(geometry):
    sinogram = torch.ones(2, 1, 36, 32)
    sinogram[:, :, 0] = float("nan")
    measured = geometry.measured(60.0)
    measurement = Measurement(sinogram, measured, geometry)
    assert torch.equal(measurement.sinogram, measured.reshape(1, 1, -1, 1).expand(2, 1, 36, 32).float())
    assert sinogram[0, 0, 0].isnan().all(), "the caller's data are left alone"


def test_each_sample_of_a_measurement_may_have_its_own_wedge(geometry):
    measured = geometry.measured(torch.tensor([30.0, 90.0]))
    measurement = Measurement(torch.ones(2, 1, 36, 32), measured, geometry)
    assert torch.equal(measurement.sinogram, measured.expand(2, 1, 36, 32).float())
    assert torch.equal(measurement.mask, measured)


@pytest.mark.parametrize("shape", [(36, 32), (1, 36, 32), (1, 2, 36, 32), (1, 1, 35, 32), (1, 1, 36, 31)])
def test_sinograms_of_another_shape_are_refused(geometry, shape):
    with pytest.raises(InputError, match=r"\(B, 1, 36, 32\)"):
        Measurement(torch.zeros(shape), geometry.measured(), geometry)


@pytest.mark.parametrize("shape", [(35,), (2, 36), (1, 1, 36, 1), (3, 1, 36, 32), (2, 1, 36, 31)])
def test_masks_of_another_shape_are_refused(geometry, shape):
    with pytest.raises(InputError, match=r"\(2, 1, 36, 1\)"):
        Measurement(torch.zeros(2, 1, 36, 32), torch.ones(shape, dtype=torch.bool), geometry)


def test_masks_must_be_boolean(geometry):
    with pytest.raises(InputError, match="True = measured"):
        Measurement(torch.zeros(2, 1, 36, 32), torch.ones(36), geometry)


def test_a_measurement_is_frozen(geometry):
    measurement = Measurement(torch.zeros(1, 1, 36, 32), geometry.measured(), geometry)
    with pytest.raises(FrozenInstanceError):
        measurement.sinogram = torch.ones(1, 1, 36, 32)


def test_only_measured_drops_the_rows_nobody_measured(geometry, generator):
    sinogram = torch.rand(2, 1, 36, 32, generator=generator)
    measured = geometry.measured(60.0)
    kept = Measurement(sinogram, measured, geometry).only_measured()
    assert kept.geometry.tilt_deg == tuple(tilt for tilt in geometry.tilt_deg if abs(tilt) < 60)
    assert torch.equal(kept.sinogram, sinogram[:, :, measured])
    assert kept.measured.tolist() == [True] * 23


def test_only_measured_keeps_a_row_that_any_sample_measured(geometry):
    measured = geometry.measured(torch.tensor([60.0, 90.0]))
    kept = Measurement(torch.ones(2, 1, 36, 32), measured, geometry).only_measured()
    assert kept.geometry.tilts == 23
    assert kept.measured[0].all()
    assert kept.measured[1].flatten().tolist() == [abs(tilt) < 45 for tilt in kept.geometry.tilt_deg]


def test_only_measured_of_a_complete_measurement_is_itself(geometry):
    measurement = Measurement(torch.ones(1, 1, 36, 32), geometry.measured(), geometry)
    assert measurement.only_measured() is measurement
