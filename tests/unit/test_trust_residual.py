"""Residuals: none of the truth without noise, the noise's own of the truth with noise, and an estimate of it without the truth."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mwgan.acquisition import GaussianNoise, PoissonNoise
from mwgan.data import PhantomFaces
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.operators import projector_for
from mwgan.recon import SIRT, WBP
from mwgan.trust import noise_deviation, noise_residual, relative_residual, residual_map

GEOMETRY = TiltGeometry.full(64, 3.0)
WEDGE = GEOMETRY.measured(60.0)


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    source = PhantomFaces(64)
    return torch.from_numpy(np.stack([source.image(index, np.random.default_rng(index)) for index in range(3)])).unsqueeze(1)


def measurement(image: torch.Tensor, noise=None, measured=WEDGE) -> Measurement:
    sinogram = projector_for(GEOMETRY)(image)
    if noise is not None:
        sinogram = torch.stack([noise(rows, torch.Generator().manual_seed(seed)) for seed, rows in enumerate(sinogram)])
    return Measurement(sinogram, measured, GEOMETRY)


def test_the_truth_leaves_nothing_without_noise_and_the_noise_with_it(image):
    assert relative_residual(image, measurement(image)).max() < 1e-6
    clean, noisy = measurement(image), measurement(image, GaussianNoise(2.0))
    share = (noisy.sinogram - clean.sinogram).flatten(1).norm(dim=1) / noisy.sinogram.flatten(1).norm(dim=1)
    assert torch.allclose(relative_residual(image, noisy), share, rtol=1e-3)


@pytest.mark.parametrize(
    ("noise", "low", "high"),
    [(GaussianNoise(2.0), 1.0, 1.3), (GaussianNoise(5.0), 0.95, 1.1), (PoissonNoise(2500), 0.9, 1.5), (PoissonNoise(400), 0.9, 1.2)],
)
def test_the_noise_is_found_without_the_truth_white_or_counted(image, noise, low, high):
    noisy = measurement(image, noise)
    found = noise_residual(noisy) / relative_residual(image, noisy)
    assert bool(((found > low) & (found < high)).all()), found


def test_noise_in_the_specimen_alone_is_not_overlooked_for_empty_surroundings(disc):
    noisy = measurement(disc(64, 10.0), PoissonNoise(400))  # two thirds of the detector see nothing
    assert float(noise_residual(noisy) / relative_residual(disc(64, 10.0), noisy)) == pytest.approx(1.0, abs=0.25)


def test_residuals_are_of_the_measured_rows_alone(image):
    data = measurement(image)
    found = residual_map(WBP()(data), data)
    assert found.shape == data.sinogram.shape
    assert float(found[:, :, ~WEDGE].abs().max()) == 0
    assert float(found[:, :, WEDGE].abs().max()) > 1


def test_a_wedge_per_sample_gives_what_each_sample_gives_alone(image):
    mask = torch.stack([GEOMETRY.measured(wedge) for wedge in (20.0, 60.0, 100.0)]).reshape(3, 1, -1, 1)
    together = measurement(image, GaussianNoise(2.0), mask)
    tomogram = SIRT(10)(together)
    for index in range(3):
        alone = together.samples(torch.tensor([index]))
        picked = slice(index, index + 1)
        assert torch.allclose(relative_residual(tomogram, together)[picked], relative_residual(tomogram[picked], alone), rtol=1e-4)
        assert torch.allclose(noise_residual(together)[picked], noise_residual(alone))


def test_units_do_not_matter_and_an_empty_slice_is_no_error(image):
    noisy = measurement(image, GaussianNoise(2.0))
    scaled = Measurement(1000 * noisy.sinogram, noisy.measured, GEOMETRY)
    assert torch.allclose(noise_residual(scaled), noise_residual(noisy), rtol=1e-4)
    assert torch.allclose(noise_deviation(scaled), 1000 * noise_deviation(noisy), rtol=1e-4)
    empty = measurement(torch.zeros(1, 1, 64, 64))
    assert float(relative_residual(torch.zeros(1, 1, 64, 64), empty)) == 0
    assert float(noise_residual(empty)) == 0
