from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.metrics import image_metrics
from mwgan.operators import ParallelBeam
from mwgan.recon import SART, SIRT, Reconstructor
from mwgan.recon.sart import interleave

both = pytest.mark.parametrize("method", [SART, SIRT])


@pytest.fixture
def measurement(geometry, faces, generator) -> Measurement:
    """Three faces with noise and a wedge of 45 degrees."""
    sinogram = ParallelBeam(geometry)(faces)
    sinogram = sinogram + 0.02 * sinogram.amax() * torch.randn(sinogram.shape, generator=generator)
    return Measurement(sinogram, geometry.measured(45.0), geometry)


def sample_of(measurement: Measurement, sample: int) -> Measurement:
    measured = measurement.measured if measurement.measured.ndim == 1 else measurement.measured[sample : sample + 1]
    return Measurement(measurement.sinogram[sample : sample + 1], measured, measurement.geometry)


def watched(make, measurement: Measurement, **arguments):
    """A tomogram, and what its progress callback was told."""
    seen = []
    return make(progress=seen.append, **arguments)(measurement), seen


@both
def test_residual_falls_in_every_iteration(method, measurement):
    _, seen = watched(method, measurement, iterations=15)
    residual = torch.stack([progress.residual for progress in seen])
    assert (residual.diff(dim=0) < 0).all()
    assert (residual[-1] < 0.5 * residual[0]).all()


@both
def test_residual_is_relative_and_of_the_measured_rows(method, measurement):
    tomogram, seen = watched(method, measurement, iterations=5)
    misfit = (ParallelBeam(measurement.geometry)(tomogram) - measurement.sinogram) * measurement.mask
    expected = misfit.flatten(1).norm(dim=1) / measurement.sinogram.flatten(1).norm(dim=1)
    torch.testing.assert_close(seen[-1].residual, expected)


@both
def test_progress_hears_of_every_iteration(method, measurement):
    _, seen = watched(method, measurement, iterations=7)
    assert [progress.iteration for progress in seen] == [1, 2, 3, 4, 5, 6, 7]
    assert {progress.iterations for progress in seen} == {7}
    assert all(progress.residual.shape == (3,) for progress in seen)


@both
def test_watching_changes_nothing(method, measurement):
    assert torch.equal(watched(method, measurement, iterations=5)[0], method(5)(measurement))


@both
def test_a_complete_series_without_noise_gives_the_image_back(method, geometry, faces):
    measurement = Measurement(ParallelBeam(geometry)(faces), geometry.measured(), geometry)
    tomogram = method(100)(measurement)
    assert (tomogram - faces).norm() < 0.15 * faces.norm()


@both
def test_densities_are_not_negative_unless_allowed(method, measurement):
    assert method(20)(measurement).min() == 0
    assert method(20, non_negative=False)(measurement).min() < -0.01


@both
def test_each_sample_stops_at_its_own_tolerance(method, measurement):
    quiet, noisy = measurement.sinogram[:1], measurement.sinogram[1:2]
    noisy = noisy + 5 * torch.randn(noisy.shape, generator=torch.Generator().manual_seed(1))
    mixed = Measurement(torch.cat([quiet, noisy]), measurement.measured, measurement.geometry)
    tomogram, seen = watched(method, mixed, iterations=30, tolerance=0.08)
    residual = torch.stack([progress.residual for progress in seen])
    first_reached = int((residual[:, 0] <= 0.08).nonzero()[0])
    assert 0 < first_reached < len(seen) - 1, "the quiet sample stops before the noisy one"
    assert (residual[first_reached:, 0] == residual[first_reached, 0]).all()
    for sample in range(2):
        torch.testing.assert_close(tomogram[sample : sample + 1], method(30, tolerance=0.08)(sample_of(mixed, sample)))


@both
def test_a_batch_that_has_reached_its_tolerance_stops_iterating(method, measurement):
    _, seen = watched(method, measurement, iterations=200, tolerance=0.05)
    assert len(seen) < 200
    assert (seen[-1].residual <= 0.05).all()
    assert (seen[-2].residual > 0.05).any()


@both
def test_stagnation_stops(method, measurement):
    _, seen = watched(method, measurement, iterations=200, stagnation=0.05)
    assert 1 < len(seen) < 200
    one, before = seen[-1].residual, seen[-2].residual
    running = one != before
    assert (before - one < 0.05 * before)[running].all()


@both
def test_a_sample_does_not_depend_on_its_batch(method, measurement):
    together = method(10)(measurement)
    for sample in range(3):
        torch.testing.assert_close(together[sample : sample + 1], method(10)(sample_of(measurement, sample)))


@both
def test_a_sample_does_not_depend_on_the_wedges_of_its_batch(method, measurement, geometry):
    mixed = Measurement(measurement.sinogram, geometry.measured(torch.tensor([50.0, 70.0, 90.0])), geometry)
    together = method(10)(mixed)
    for sample in range(3):
        torch.testing.assert_close(together[sample : sample + 1], method(10)(sample_of(mixed, sample)))


@both
def test_a_masked_full_grid_equals_the_measured_tilts_alone(method, measurement):
    measured = measurement.measured
    short = measurement.geometry.take(measured.nonzero().flatten().tolist())
    alone = Measurement(measurement.sinogram[:, :, measured], torch.ones(short.tilts, dtype=torch.bool), short)
    torch.testing.assert_close(method(10)(measurement), method(10)(alone))


def test_one_subset_with_full_steps_is_sirt(measurement):
    assert torch.equal(SART(10, subsets=1, relaxation=1.0)(measurement), SIRT(10)(measurement))


def test_more_subsets_than_tilts_take_one_tilt_a_step(measurement):
    assert torch.equal(SART(3, subsets=1000)(measurement), SART(3, subsets=27)(measurement))


def test_four_tilts_a_step_come_as_far_as_one_relaxed(measurement, faces):
    (by_four, seen_by_four), (by_one, seen_by_one) = (
        watched(SART, measurement, iterations=10, **options) for options in ({}, {"subsets": 1000, "relaxation": 0.3})
    )
    assert torch.equal(by_four, SART(10, subsets=7)(measurement)), "27 tilts are measured"
    assert (seen_by_four[-1].residual < 1.05 * seen_by_one[-1].residual).all()
    psnr = [image_metrics(tomogram, faces)["psnr"].mean().item() for tomogram in (by_four, by_one)]
    assert psnr[0] == pytest.approx(psnr[1], abs=0.5)


def test_more_subsets_converge_in_fewer_passes(measurement):
    residual = [watched(SART, measurement, iterations=3, subsets=subsets)[1][-1].residual.mean() for subsets in (1, 5, 27)]
    assert residual[0] > residual[1] > residual[2]


@pytest.mark.parametrize(("tilts", "subsets"), [(36, 36), (36, 5), (7, 3), (10, 1)])
def test_subsets_share_out_every_tilt_once(tilts, subsets):
    dealt = interleave(tilts, subsets)
    assert len(dealt) == subsets
    assert sorted(index for indices in dealt for index in indices) == list(range(tilts))
    assert max(map(len, dealt)) - min(map(len, dealt)) <= 1


def test_consecutive_steps_see_different_directions():
    order = [indices[0] for indices in interleave(90, 90)]
    apart = [min(abs(a - b), 90 - abs(a - b)) for a, b in pairwise(order)]
    assert sum(distance >= 10 for distance in apart) > 0.9 * len(apart)


def test_an_empty_sinogram_gives_an_empty_tomogram(geometry):
    measurement = Measurement(torch.zeros(1, 1, 36, 32), geometry.measured(45.0), geometry)
    tomogram, seen = watched(SART, measurement, iterations=3, tolerance=0.01)
    assert torch.equal(tomogram, torch.zeros(1, 1, 32, 32))
    assert seen[-1].residual.tolist() == [0.0]


def test_every_sample_keeps_finite_values_where_no_ray_passes(generator):
    geometry = TiltGeometry([-3.0, 0.0, 3.0], 16, axis_offset_px=9.0)
    measurement = Measurement(torch.rand(1, 1, 3, 16, generator=generator), torch.ones(3, dtype=torch.bool), geometry)
    assert SART(5)(measurement).isfinite().all()


@both
def test_it_has_the_face_of_a_reconstructor(method):
    assert isinstance(method(), Reconstructor)


@pytest.mark.parametrize("iterations", [0, -3])
@both
def test_no_iterations_are_refused(method, iterations):
    with pytest.raises(InputError, match="number of iterations must be 1 to"):
        method(iterations)


@pytest.mark.parametrize("relaxation", [0.0, -1.0, 2.0, float("nan")])
@both
def test_a_relaxation_outside_0_to_2_is_refused(method, relaxation):
    with pytest.raises(InputError, match="relaxation"):
        method(relaxation=relaxation)


def test_no_subsets_are_refused():
    with pytest.raises(InputError, match="at least 1 subset"):
        SART(subsets=0)


@pytest.mark.parametrize("rule", [{"tolerance": -0.1}, {"stagnation": -0.1}])
@both
def test_a_negative_stopping_rule_is_refused(method, rule, measurement):
    with pytest.raises(InputError, match="0 or more"):
        method(**rule)(measurement)
