from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.operators import ParallelBeam
from mwgan.recon import WBP
from mwgan.recon.wbp import FILTERS, filter_response, tilt_weights

SIZE = 64
EVEN = tuple(np.arange(-90.0, 90.0))
COARSE_THEN_FINE = (*np.arange(-90.0, 0.0, 1.5), *np.arange(0.0, 90.0))
JITTERED = tuple(np.linspace(-90, 89, 180) + np.random.default_rng(0).uniform(-0.3, 0.3, 180))


def everything_measured(geometry: TiltGeometry) -> torch.Tensor:
    return torch.ones(geometry.tilts, dtype=torch.bool)


def weights(tilt_deg, measured=None) -> np.ndarray:
    """Weights in degrees."""
    geometry = TiltGeometry(tilt_deg, SIZE)
    measured = everything_measured(geometry) if measured is None else measured
    return np.rad2deg(tilt_weights(geometry, measured.reshape(1, 1, -1, 1)).flatten().numpy())


@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("tilt_deg", [EVEN, COARSE_THEN_FINE, JITTERED], ids=["even", "coarse then fine", "jittered"])
def test_a_complete_sinogram_gives_the_image_back_in_its_own_units(filter, tilt_deg, disc):
    geometry = TiltGeometry(tilt_deg, SIZE)
    image = disc(SIZE, 20, x=4, z=-3, value=0.7)
    measurement = Measurement(ParallelBeam(geometry)(image), everything_measured(geometry), geometry)
    tomogram = WBP(filter)(measurement)
    inside = disc(SIZE, 16, x=4, z=-3) == 1
    outside = (disc(SIZE, 22, x=4, z=-3) == 0) & (disc(SIZE, 31) == 1)
    assert tomogram[inside].mean().item() == pytest.approx(0.7, rel=0.01)
    assert abs(tomogram[outside].mean().item()) < 0.01
    assert (tomogram - image).norm() < 0.15 * image.norm()


@pytest.mark.parametrize("size", [32, 33, 100])
def test_units_do_not_depend_on_the_size(size, disc):
    geometry = TiltGeometry.full(size)
    image = disc(size, 10.0)
    tomogram = WBP()(Measurement(ParallelBeam(geometry)(image), geometry.measured(), geometry))
    assert tomogram[disc(size, 7.0) == 1].mean().item() == pytest.approx(1.0, rel=0.01)


def test_a_shifted_tilt_axis_leaves_the_tomogram_where_it_was(disc):
    image = disc(SIZE, 12, x=5, z=-7)
    centred, shifted = TiltGeometry(EVEN, SIZE), TiltGeometry(EVEN, SIZE, axis_offset_px=2.3)
    here, there = (WBP()(Measurement(ParallelBeam(g)(image), g.measured(), g)) for g in (centred, shifted))
    assert (here - there).norm() < 0.05 * here.norm()


@pytest.mark.parametrize("step_deg", [1.0, 2.0, 5.0])
def test_tilts_of_a_regular_grid_weigh_pi_over_their_number(step_deg):
    geometry = TiltGeometry.full(SIZE, step_deg)
    weight = tilt_weights(geometry, geometry.measured().reshape(1, 1, -1, 1)).flatten()
    torch.testing.assert_close(weight, torch.full((geometry.tilts,), math.pi / geometry.tilts, dtype=weight.dtype))


@pytest.mark.parametrize("wedge_deg", [10.0, 45.0, 120.0])
def test_a_wedge_leaves_the_weights_of_measured_tilts_alone(wedge_deg):
    geometry = TiltGeometry.full(SIZE, 2.0)
    measured = geometry.measured(wedge_deg)
    expected = np.where(measured, 180.0 / geometry.tilts, 0.0)
    np.testing.assert_allclose(weights(geometry.tilt_deg, measured), expected, atol=1e-9)


def test_uneven_tilts_weigh_half_the_way_to_either_neighbour():
    # Round the half circle: 85 is 5 degrees from -90 seen from the other side.
    np.testing.assert_allclose(weights([-90.0, -60.0, -20.0, 0.0, 50.0, 85.0]), [17.5, 35.0, 30.0, 35.0, 42.5, 20.0])


def test_beside_a_wedge_the_gap_on_the_other_side_counts():
    # Gaps of 10, 20, 10, 20 and 20 degrees, and a wedge of 100.
    np.testing.assert_allclose(weights([-40.0, -30.0, -10.0, 0.0, 20.0, 40.0]), [10.0, 15.0, 15.0, 15.0, 20.0, 20.0])


def test_an_unmeasured_tilt_hands_its_weight_to_its_neighbours():
    measured = torch.tensor([True, True, False, True, True, True])
    np.testing.assert_allclose(weights([-90.0, -60.0, -30.0, 0.0, 30.0, 60.0], measured), [30.0, 45.0, 0.0, 45.0, 30.0, 30.0])


def test_opposite_views_are_one_direction():
    folded, unfolded = weights([-60.0, -20.0, 10.0, 50.0]), weights([-60.0, -20.0, 10.0, 230.0])
    np.testing.assert_allclose(unfolded, folded)


def test_a_single_tilt_stands_for_the_half_circle():
    np.testing.assert_allclose(weights([12.0]), [180.0])


def test_a_mask_per_sample_gives_each_sample_its_own_tomogram(geometry, faces):
    sinogram = ParallelBeam(geometry)(faces)
    wedges = [0.0, 45.0, 90.0]
    together = WBP()(Measurement(sinogram, geometry.measured(torch.tensor(wedges)), geometry))
    for sample, wedge_deg in enumerate(wedges):
        alone = WBP()(Measurement(sinogram[sample : sample + 1], geometry.measured(wedge_deg), geometry))
        torch.testing.assert_close(together[sample : sample + 1], alone)


def test_a_masked_full_grid_equals_the_measured_tilts_alone(geometry, faces):
    sinogram, measured = ParallelBeam(geometry)(faces), geometry.measured(45.0)
    short = geometry.take(measured.nonzero().flatten().tolist())
    alone = WBP()(Measurement(sinogram[:, :, measured], everything_measured(short), short))
    torch.testing.assert_close(WBP()(Measurement(sinogram, measured, geometry)), alone)


def test_windows_damp_what_is_rough_in_their_order():
    response = {name: filter_response(256, name, 1.0) for name in FILTERS}
    upper = slice(64, None)
    sums = [response[name][upper].sum().item() for name in ("ramp", "shepp-logan", "hamming", "hann")]
    assert sums == sorted(sums, reverse=True)
    torch.testing.assert_close(response["ramp"], torch.fft.rfftfreq(256), rtol=0.0, atol=1e-3)
    assert all(r[0] > 0 for r in response.values()), "the mean is not thrown away"


def test_nothing_passes_beyond_the_cutoff():
    response = filter_response(256, "hann", 0.5)
    assert (response[1:64] > 0).all()
    assert response[65:].abs().max() == 0


def test_gradients_flow_through(geometry, faces):
    sinogram = ParallelBeam(geometry)(faces).requires_grad_()
    WBP()(Measurement(sinogram, geometry.measured(45.0), geometry)).square().sum().backward()
    per_tilt = sinogram.grad.abs().amax(dim=(0, 1, 3)) > 0
    assert torch.equal(per_tilt, geometry.measured(45.0))


def test_float64_stays_float64(geometry, faces):
    sinogram = ParallelBeam(geometry)(faces.double())
    assert WBP()(Measurement(sinogram, geometry.measured(), geometry)).dtype == torch.float64


def test_an_unknown_filter_is_refused():
    with pytest.raises(InputError, match="shepp-logan"):
        WBP("butterworth")


@pytest.mark.parametrize("cutoff", [0.0, -0.5, 1.5, float("nan")])
def test_an_impossible_cutoff_is_refused(cutoff):
    with pytest.raises(InputError, match="Nyquist"):
        WBP(cutoff=cutoff)


ONCE = np.arange(-60.0, 61.0, 3.0)
TWICE_AT_ZERO = (*np.arange(-60.0, 1.0, 3.0), *np.arange(0.0, 61.0, 3.0))


@pytest.mark.parametrize(
    ("tilt_deg", "single", "tolerance"),
    [
        (TWICE_AT_ZERO, ONCE, 1e-9),
        (np.repeat(ONCE, 2), ONCE, 1e-9),  # at the edges of the wedge too
        (np.repeat(ONCE, 2) + np.tile([-0.02, 0.02], 41), ONCE, 0.01),  # a stage misses by a little
        ((-60.0, -60.0, 60.0, 60.0, 60.0), (-60.0, 60.0), 1e-9),
        ((5.0, 5.0), (5.0,), 1e-9),
    ],
)
def test_exposures_of_one_tilt_share_its_angle(tilt_deg, single, tolerance):
    found = weights(tuple(tilt_deg))
    nearest = np.abs(np.subtract.outer(np.asarray(single), np.asarray(tilt_deg))).argmin(axis=0)
    for place, expected in enumerate(weights(tuple(single))):
        share = found[nearest == place]
        assert share.sum() == pytest.approx(expected, rel=tolerance)
        assert share.max() == pytest.approx(share.min(), rel=2 * tolerance)


def test_of_two_exposures_the_one_measured_counts_alone():
    geometry = TiltGeometry(TWICE_AT_ZERO, SIZE)
    measured = everything_measured(geometry)
    measured[20] = False  # the first of the two at 0
    assert weights(TWICE_AT_ZERO, measured)[[20, 21]] == pytest.approx([0.0, 3.0])


def test_a_tilt_exposed_twice_gives_the_tomogram_of_its_mean(disc):
    once, twice = TiltGeometry(tuple(np.arange(-60.0, 61.0, 3.0)), SIZE), TiltGeometry(TWICE_AT_ZERO, SIZE)
    rows = ParallelBeam(once)(disc(SIZE, 12, x=5, z=-7))
    changed = torch.cat([rows[:, :, :21], rows[:, :, 20:]], dim=2)
    changed[:, :, 20] += 1.0
    changed[:, :, 21] -= 1.0
    expected, found = (WBP()(Measurement(data, everything_measured(g), g)) for data, g in ((rows, once), (changed, twice)))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
