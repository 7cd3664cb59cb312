from __future__ import annotations

import math

import pytest
import torch

from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.metrics import image_metrics
from mwgan.operators import ParallelBeam
from mwgan.recon import SART, TVM, Reconstructor
from mwgan.recon.tvm import TEST_EVERY


@pytest.fixture
def image(disc):
    """A piecewise-constant slice (1, 1, 32, 32)."""
    return disc(32, 10, x=1, z=-1, value=0.8) - disc(32, 4, x=-3, z=2, value=0.5) + disc(32, 2.5, x=5, z=-4, value=0.2)


@pytest.fixture
def measurement(geometry, image, generator) -> Measurement:
    """The slice with 2 % noise and a wedge of 45 degrees."""
    sinogram = ParallelBeam(geometry)(image)
    sinogram = sinogram + 0.02 * sinogram.amax() * torch.randn(sinogram.shape, generator=generator)
    return Measurement(sinogram, geometry.measured(45.0), geometry)


@pytest.fixture
def pair(measurement, generator) -> Measurement:
    """The slice and a noisier one of half its contrast, with wedges of 50 and 90 degrees."""
    second = 0.5 * measurement.sinogram + torch.randn(measurement.sinogram.shape, generator=generator)
    measured = measurement.geometry.measured(torch.tensor([50.0, 90.0]))
    return Measurement(torch.cat([measurement.sinogram, second]), measured, measurement.geometry)


def sample_of(measurement: Measurement, sample: int) -> Measurement:
    return Measurement(measurement.sinogram[sample : sample + 1], measurement.measured[sample : sample + 1], measurement.geometry)


def primal_dual(measurement: Measurement, weight: float, bounds: tuple[float, float], weights: tuple[float, float], iterations: int):
    """Chambolle and Pock's algorithm 1 as it is printed: one step length, no preconditioning, in double precision."""
    rows = measurement.only_measured()
    projector, sinogram, tilts = ParallelBeam(rows.geometry), rows.sinogram.double(), rows.geometry.tilts

    def gradient(image):
        down, right = torch.zeros_like(image), torch.zeros_like(image)
        down[:, :, :-1], right[..., :-1] = weights[0] * image.diff(dim=2), weights[1] * image.diff(dim=3)
        return torch.cat([down, right], dim=1)

    image = sinogram.new_zeros(1, 1, 32, 32)
    field, rays = gradient(image), torch.zeros_like(sinogram)
    _, divergence = torch.func.vjp(gradient, image)
    scale = (tilts * 32 / 2) ** -0.5  # brings the projector's norm to about that of the differences
    step, leading = 0.3 / max(weights), image
    for _ in range(iterations):
        rays = (rays + step * scale * (projector(leading) - sinogram)) / (1 + step * scale**2 * tilts)
        field = field + step * gradient(leading)
        field = field / (torch.hypot(field[:, :1], field[:, 1:]) / weight).clamp(min=1)
        new = (image - step * (scale * projector.adjoint(rays) + divergence(field)[0])).clamp(*bounds)
        image, leading = new, 2 * new - image
    return image.float()


def variation(tomogram: torch.Tensor) -> tuple[float, float]:
    """Sum of absolute differences along z and along x."""
    return tomogram.diff(dim=2).abs().sum().item(), tomogram.diff(dim=3).abs().sum().item()


@pytest.mark.parametrize("weight", [0.002, 0.01, 0.05])
def test_300_iterations_come_within_half_a_percent_of_the_optimum(weight, measurement):
    method = TVM(weight)
    short, long = (method.objective(TVM(weight, iterations)(measurement), measurement) for iterations in (300, 3000))
    assert short.item() <= 1.005 * long.item()
    assert long.item() <= 1.0001 * short.item()


def test_no_other_image_near_the_result_is_better(measurement, generator):
    method = TVM(0.01, 3000)
    tomogram = method(measurement)
    best = method.objective(tomogram, measurement).item()
    for scale in (1e-1, 1e-2):
        for _ in range(20):
            other = (tomogram + scale * torch.randn(tomogram.shape, generator=generator)).clamp(min=0)
            assert method.objective(other, measurement).item() > best
    for factor in (0.95, 1.05):
        assert method.objective(factor * tomogram, measurement).item() > best


def test_the_result_belongs_to_its_own_weight_and_no_other(measurement):
    method = TVM(0.02)
    lighter, own, heavier = (method.objective(TVM(0.02 * factor, 1000)(measurement), measurement).item() for factor in (0.9, 1.0, 1.1))
    assert own < lighter
    assert own < heavier


def test_objective_is_misfit_per_tilt_plus_weighted_variation(measurement, faces):
    image, method = faces[:1], TVM(0.03, direction_weights=(0.5, 2.0))
    misfit = (ParallelBeam(measurement.geometry)(image) - measurement.sinogram)[:, :, measurement.measured]
    padded = torch.nn.functional.pad(image, (0, 1, 0, 1), mode="replicate")
    down, right = padded[..., 1:, :-1] - image, padded[..., :-1, 1:] - image
    edges = ((0.5 * down) ** 2 + (2.0 * right) ** 2).sqrt().sum()
    expected = misfit.square().sum() / (2 * int(measurement.measured.sum())) + 0.03 * edges
    torch.testing.assert_close(method.objective(image, measurement), expected.reshape(1))


def test_residual_falls(measurement):
    seen = []
    TVM(0.005, 60, progress=seen.append)(measurement)
    residual = torch.cat([progress.residual for progress in seen])
    assert residual[-1] < 0.1 * residual[0]
    assert (residual[::10].diff() < 0).all()


def test_progress_hears_of_every_iteration(measurement):
    seen = []
    tomogram = TVM(0.01, 8, progress=seen.append)(measurement)
    assert [(progress.iteration, progress.iterations) for progress in seen] == [(count, 8) for count in range(1, 9)]
    assert torch.equal(tomogram, TVM(0.01, 8)(measurement)), "watching changes nothing"


@pytest.mark.parametrize("bounds", [(0.0, None), (0.0, 0.6), (0.1, 0.6)])
def test_densities_stay_within_their_bounds(bounds, measurement):
    tomogram, free = TVM(0.01, 100, bounds)(measurement), TVM(0.01, 100, (None, None))(measurement)
    low, high = bounds
    assert tomogram.min() == low
    assert free.min() < low
    if high is not None:
        assert tomogram.max() == high
        assert free.max() > high


def test_it_beats_sart_on_a_noisy_piecewise_constant_slice(measurement, image):
    best_sart = max(image_metrics(SART(passes)(measurement), image)["psnr"].item() for passes in (5, 10, 20, 40, 80))
    assert image_metrics(TVM(0.02, 300)(measurement), image)["psnr"].item() > best_sart + 2.0


def test_more_weight_smooths_more(measurement):
    along_z, along_x = zip(*(variation(TVM(weight, 300)(measurement)) for weight in (0.002, 0.02, 0.2)), strict=True)
    assert along_z[0] > along_z[1] > along_z[2]
    assert along_x[0] > along_x[1] > along_x[2]


def test_directional_weights_smooth_the_direction_they_weigh(measurement):
    even_z, even_x = variation(TVM(0.01, 300)(measurement))
    z_z, z_x = variation(TVM(0.01, 300, direction_weights=(3.0, 1.0))(measurement))
    x_z, x_x = variation(TVM(0.01, 300, direction_weights=(1.0, 3.0))(measurement))
    assert z_z < even_z
    assert x_x < even_x
    assert z_z / z_x < even_z / even_x < x_z / x_x


def test_a_weight_means_the_same_for_any_number_of_tilts(image):
    smoothed = []
    for step_deg in (10.0, 5.0, 2.0):
        geometry = TiltGeometry.full(32, step_deg)
        measurement = Measurement(ParallelBeam(geometry)(image), geometry.measured(), geometry)
        smoothed.append(TVM(0.5, 600)(measurement))
    assert (smoothed[0] - image).norm() > 0.1 * image.norm(), "the weight is strong enough to show"
    for other in smoothed[1:]:
        assert (other - smoothed[0]).norm() < 0.1 * (smoothed[0] - image).norm()


def test_a_weight_means_the_same_on_a_larger_slice(disc):
    tomograms = []
    for size in (32, 48):
        geometry = TiltGeometry.full(size, 5.0)
        image = disc(size, 8.0)
        tomograms.append(TVM(0.5, 600)(Measurement(ParallelBeam(geometry)(image), geometry.measured(), geometry)))
    torch.testing.assert_close(tomograms[1][..., 8:-8, 8:-8], tomograms[0], rtol=0.0, atol=0.02)


def test_a_sample_does_not_depend_on_its_batch(pair):
    together = TVM(0.01, 50)(pair)
    for sample in range(2):
        torch.testing.assert_close(together[sample : sample + 1], TVM(0.01, 50)(sample_of(pair, sample)))


def test_each_sample_stops_at_its_own_tolerance(pair):
    seen = []
    rule = {"weight": 0.01, "iterations": 100, "tolerance": 0.1}
    tomogram = TVM(progress=seen.append, **rule)(pair)
    residual = torch.stack([progress.residual for progress in seen])
    looked = torch.arange(1, len(seen) + 1) % TEST_EVERY == 0
    stopped = int(((residual[:, 0] <= 0.1) & looked).nonzero()[0])
    assert stopped < len(seen) - 1, "the quiet sample stops before the noisy one"
    assert (residual[stopped:, 0] == residual[stopped, 0]).all()
    assert (residual[: stopped + 1, 0].diff() != 0).all()
    for sample in range(2):
        torch.testing.assert_close(tomogram[sample : sample + 1], TVM(**rule)(sample_of(pair, sample)))


def test_stagnation_stops(measurement):
    seen = []
    TVM(0.01, 1000, convergence=0, stagnation=1e-3, progress=seen.append)(measurement)
    assert TEST_EVERY < len(seen) < 1000
    before = seen[-1 - TEST_EVERY].residual
    assert before - seen[-1].residual < 1e-3 * before


@pytest.mark.parametrize("weight", [0.005, 0.02, 0.1])
def test_a_slice_that_has_converged_is_close_to_the_end_of_a_long_run(weight, measurement, image):
    seen = []
    tomogram, end = TVM(weight, progress=seen.append)(measurement), TVM(weight, 2000, convergence=0)(measurement)
    assert len(seen) < 300
    value, least = (TVM(weight).objective(one, measurement).item() for one in (tomogram, end))
    assert value == pytest.approx(least, rel=1e-3)
    assert (tomogram - end).norm() < 0.01 * end.norm()
    assert image_metrics(tomogram, image)["psnr"].item() == pytest.approx(image_metrics(end, image)["psnr"].item(), abs=0.1)


def test_each_sample_stops_when_it_has_converged(pair):
    seen = []
    together = TVM(0.02, 1000, progress=seen.append)(pair)
    residual = torch.stack([progress.residual for progress in seen])
    moved = [int((residual[:, sample].diff() != 0).nonzero()[-1]) + 2 for sample in range(2)]
    stopped = [math.ceil(iteration / TEST_EVERY) * TEST_EVERY for iteration in moved]
    assert stopped[0] != stopped[1]
    assert max(stopped) == len(seen) < 1000
    for sample in range(2):
        alone = []
        torch.testing.assert_close(
            together[sample : sample + 1], TVM(0.02, 1000, progress=alone.append)(sample_of(pair, sample)), rtol=1e-4, atol=1e-4
        )
        assert len(alone) == stopped[sample]


def test_without_convergence_it_goes_on_to_the_limit(measurement):
    seen = []
    TVM(0.1, 400, convergence=0, progress=seen.append)(measurement)
    assert len(seen) == 400


@pytest.mark.parametrize("weights", [pytest.param((1.0, 1.0), marks=pytest.mark.slow), (0.5, 2.0)])
def test_it_agrees_with_the_plain_primal_dual_method(weights, measurement):
    method = TVM(0.03, 2000, (0.0, 0.7), weights, convergence=0)
    plain = primal_dual(measurement, 0.03, (0.0, 0.7), weights, 3000)
    tomogram = method(measurement)
    value, expected = (method.objective(one, measurement).item() for one in (tomogram, plain))
    assert value == pytest.approx(expected, rel=1e-3)
    assert (tomogram - plain).norm() < 0.02 * plain.norm()


def test_intensity_and_weight_scaled_together_scale_the_tomogram(measurement):
    bright = Measurement(1000 * measurement.sinogram, measurement.measured, measurement.geometry)
    torch.testing.assert_close(TVM(20.0)(bright) / 1000, TVM(0.02)(measurement), rtol=1e-3, atol=1e-4)


def test_an_empty_sinogram_gives_an_empty_tomogram(geometry):
    seen = []
    tomogram = TVM(progress=seen.append)(Measurement(torch.zeros(2, 1, 36, 32), geometry.measured(45.0), geometry))
    assert torch.equal(tomogram, torch.zeros(2, 1, 32, 32))
    assert seen[-1].residual.tolist() == [0.0, 0.0]


def test_the_device_is_waited_for_at_looks_only(measurement, monkeypatch):
    asked = []
    answer = torch.Tensor.__bool__
    monkeypatch.setattr(torch.Tensor, "__bool__", lambda tensor: asked.append(tensor) or answer(tensor))

    def waits(iterations: int) -> int:
        asked.clear()
        TVM(0.01, iterations, convergence=1e-12)(measurement)
        return len(asked)

    assert waits(10 * TEST_EVERY + 9) == waits(10 * TEST_EVERY) == waits(TEST_EVERY) + 9


def test_a_masked_full_grid_equals_the_measured_tilts_alone(measurement):
    measured = measurement.measured
    short = measurement.geometry.take(measured.nonzero().flatten().tolist())
    alone = Measurement(measurement.sinogram[:, :, measured], torch.ones(short.tilts, dtype=torch.bool), short)
    torch.testing.assert_close(TVM(0.01, 50)(measurement), TVM(0.01, 50)(alone))


def test_it_has_the_face_of_a_reconstructor():
    assert isinstance(TVM(), Reconstructor)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weight": 0.0}, "weight"),
        ({"weight": -1.0}, "weight"),
        ({"weight": float("nan")}, "weight"),
        ({"iterations": 0}, "iteration"),
        ({"convergence": -1e-3}, "convergence"),
        ({"convergence": float("nan")}, "convergence"),
        ({"bounds": (1.0, 0.0)}, "bound"),
        ({"bounds": (0.5, 0.5)}, "bound"),
        ({"direction_weights": (-1.0, 1.0)}, "direction"),
        ({"direction_weights": (0.0, 0.0)}, "direction"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        TVM(**arguments)


@pytest.mark.parametrize("rule", [{"tolerance": -0.1}, {"stagnation": -0.1}])
def test_a_negative_stopping_rule_is_refused(rule, measurement):
    with pytest.raises(InputError, match="0 or more"):
        TVM(**rule)(measurement)
