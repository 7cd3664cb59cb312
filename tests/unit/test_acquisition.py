from __future__ import annotations

import pytest
import torch

from mwgan.acquisition import Acquisition, GaussianNoise, NoNoise, PoissonNoise
from mwgan.errors import InputError
from mwgan.operators import ParallelBeam

SEEDS = torch.tensor([3, 2**62 + 1, 17])


def noise_generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    "noise", [NoNoise(), GaussianNoise(3.0), GaussianNoise((0.0, 4.0)), PoissonNoise(1000)], ids=["none", "one", "range", "poisson"]
)
def test_a_sample_is_the_same_whatever_its_batch(noise, faces):
    acquire = Acquisition(32, 5.0, (20.0, 100.0), noise)
    together = acquire(faces, SEEDS)
    turned = acquire(faces.flip(0), SEEDS.flip(0))
    for sample in range(3):
        alone = acquire(faces[sample : sample + 1], SEEDS[sample : sample + 1])
        for other in (alone.sinogram[0], turned.sinogram[2 - sample]):
            torch.testing.assert_close(together.sinogram[sample], other)
        for other in (alone.measured[0], turned.measured[2 - sample]):
            assert torch.equal(together.measured[sample], other)


def test_another_seed_is_another_measurement(faces):
    acquire = Acquisition(32, 1.0, (20.0, 100.0), GaussianNoise(3.0))
    face = faces[:1].expand(2, -1, -1, -1)
    measurement = acquire(face, torch.tensor([1, 2]))
    both = measurement.mask.all(dim=0).flatten()
    assert not torch.equal(measurement.measured[0], measurement.measured[1])
    assert not torch.allclose(measurement.sinogram[0, 0, both], measurement.sinogram[1, 0, both])


def test_without_noise_it_is_the_projection_with_the_wedge_taken_out(faces):
    acquire = Acquisition(32, 5.0, (45.0, 45.0))
    measurement = acquire(faces, SEEDS)
    assert torch.equal(measurement.measured, acquire.geometry.measured(torch.full((3,), 45.0)))
    torch.testing.assert_close(measurement.sinogram, ParallelBeam(acquire.geometry)(faces) * measurement.mask)


def test_wedges_are_drawn_evenly_within_their_range():
    acquire = Acquisition(8, 0.1, (40.0, 60.0))
    wedges = torch.cat(
        [180.0 - 0.1 * acquire(torch.zeros(50, 1, 8, 8), torch.arange(k, k + 50)).mask.sum(dim=2).flatten() for k in (0, 50, 100)]
    )
    assert wedges.min() >= 40.0 - 0.2
    assert wedges.max() <= 60.0 + 0.2
    assert wedges.min() < 42.0
    assert wedges.max() > 58.0
    assert wedges.mean().item() == pytest.approx(50.0, abs=1.5)


def test_gaussian_noise_has_the_stated_share_of_the_largest_line_integral():
    sinogram = torch.linspace(0, 80, 180 * 64).reshape(180, 64)
    noise = GaussianNoise(5.0)(sinogram, noise_generator()) - sinogram
    assert noise.std().item() == pytest.approx(0.05 * 80, rel=0.03)
    assert noise.mean().item() == pytest.approx(0.0, abs=0.15)


def test_a_range_of_gaussian_noise_draws_a_level_for_each_sample():
    sinogram = torch.full((90, 64), 10.0)
    noise = GaussianNoise((1.0, 4.0))
    levels = torch.stack([(noise(sinogram, noise_generator(seed)) - sinogram).std() * 10 for seed in range(100)])
    assert levels.min() > 0.95
    assert levels.max() < 4.1
    assert levels.min() < 1.3
    assert levels.max() > 3.7


def test_poisson_noise_has_the_mean_and_variance_of_its_counts():
    sinogram = torch.full((200, 100), 4.0)
    sinogram[100:] = 20.0
    noisy = PoissonNoise(400)(sinogram, noise_generator())
    electron = 20.0 / 400
    for rows, value in ((slice(0, 100), 4.0), (slice(100, 200), 20.0)):
        assert noisy[rows].mean().item() == pytest.approx(value, rel=0.005)
        assert noisy[rows].var().item() == pytest.approx(value * electron, rel=0.05)
    counts = noisy / electron
    torch.testing.assert_close(counts, counts.round(), rtol=0.0, atol=1e-3)


def test_poisson_noise_of_an_empty_slice_is_nothing():
    assert torch.equal(PoissonNoise(100)(torch.zeros(10, 10), noise_generator()), torch.zeros(10, 10))


@pytest.mark.parametrize(
    ("noise", "percent"), [(NoNoise(), 0.0), (GaussianNoise(2.5), 2.5), (GaussianNoise([0.0, 4.0]), 2.0), (PoissonNoise(2500), 2.0)]
)
def test_noise_says_its_percent_for_the_table(noise, percent):
    assert noise.percent == pytest.approx(percent)


@pytest.mark.parametrize("wedge_deg", [(60.0, 40.0), (-1.0, 20.0), (0.0, 180.0), (float("nan"), 60.0), (0.0, float("nan"))])
def test_wedge_ranges_outside_0_to_180_are_refused(wedge_deg):
    with pytest.raises(InputError, match=r"\[0, 180\)"):
        Acquisition(32, 5.0, wedge_deg)


def test_a_wedge_that_leaves_no_tilt_is_refused_before_anything_is_measured():
    with pytest.raises(InputError, match="no tilt"):
        Acquisition(32, 80.0, (0.0, 170.0))


@pytest.mark.parametrize("percent", [-1.0, float("nan"), float("inf"), (4.0, 0.0), (-1.0, 2.0), (1.0, 2.0, 3.0), ()])
def test_impossible_gaussian_levels_are_refused(percent):
    with pytest.raises(InputError, match="percentage"):
        GaussianNoise(percent)


@pytest.mark.parametrize("dose", [0.0, -5.0, float("nan"), float("inf")])
def test_impossible_doses_are_refused(dose):
    with pytest.raises(InputError, match="electrons"):
        PoissonNoise(dose)


def test_of_several_tilt_steps_each_batch_draws_one_by_its_first_seed(faces):
    acquire = Acquisition(32, [3.0, 4.0, 6.0], (20.0, 100.0), GaussianNoise(2.0))
    first = faces[:1]
    drawn = [acquire(first, torch.tensor([seed])) for seed in range(24)]
    assert {len(measurement.geometry.tilt_deg) for measurement in drawn} == {60, 45, 30}
    again = acquire(faces, torch.tensor([5, 11, 12]))
    assert again.geometry == drawn[5].geometry
    torch.testing.assert_close(again.sinogram[:1], drawn[5].sinogram)


def test_every_tilt_step_must_leave_a_tilt():
    with pytest.raises(InputError):
        Acquisition(32, [1.0, 60.0], (150.0, 170.0))


def test_images_of_another_size_meet_a_detector_of_theirs(faces):
    small = torch.nn.functional.avg_pool2d(faces, 2)
    size = small.shape[-1]
    seeds = torch.arange(len(small))
    measurement = Acquisition(faces.shape[-1], [3.0, 6.0], (30, 60))(small, seeds)
    expected = Acquisition(size, [3.0, 6.0], (30, 60))(small, seeds)
    assert measurement.geometry == expected.geometry
    assert torch.equal(measurement.sinogram, expected.sinogram)
