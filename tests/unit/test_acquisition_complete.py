from __future__ import annotations

import pytest
import torch

from mwgan.acquisition import Acquisition, GaussianNoise, NoNoise, PoissonNoise
from mwgan.geometry import Measurement
from mwgan.operators import ParallelBeam

SEEDS = torch.tensor([3, 2**62 + 1, 17])
COMPLETE = torch.tensor([False, True, False])


@pytest.mark.parametrize("noise", [NoNoise(), GaussianNoise((0.0, 4.0)), PoissonNoise(1000)], ids=["none", "gaussian", "poisson"])
def test_complete_samples_lose_no_wedge_and_the_others_are_as_without(noise, faces):
    acquire = Acquisition(32, 5.0, (20.0, 100.0), noise)
    plain, some = acquire(faces, SEEDS), acquire(faces, SEEDS, complete=COMPLETE)
    assert some.mask[1].all()
    assert not plain.mask[1].all()
    others = torch.tensor([0, 2])
    assert torch.equal(some.mask[others], plain.mask[others])
    assert torch.equal(some.sinogram[others], plain.sinogram[others])
    rows = plain.mask[1, 0, :, 0]
    assert torch.equal(some.sinogram[1, :, rows], plain.sinogram[1, :, rows])  # the same noise where both measured


def test_a_complete_sample_without_noise_is_its_projection(faces):
    measurement = Acquisition(32, 5.0, (45.0, 45.0))(faces, SEEDS, complete=COMPLETE)
    torch.testing.assert_close(measurement.sinogram[1:2], ParallelBeam(measurement.geometry)(faces[1:2]))


@pytest.mark.parametrize("complete", [None, torch.zeros(3, dtype=torch.bool)])
def test_nobody_complete_is_as_if_it_had_not_been_said(complete, faces):
    acquire = Acquisition(32, 5.0, (20.0, 100.0), GaussianNoise(2.0))
    plain, message = acquire(faces, SEEDS), acquire(faces, SEEDS, complete=complete)
    assert torch.equal(plain.mask, message.mask)
    assert torch.equal(plain.sinogram, message.sinogram)


def test_everybody_complete_measures_every_tilt(faces):
    assert Acquisition(32, 5.0, (20.0, 100.0))(faces, SEEDS, complete=torch.ones(3, dtype=torch.bool)).mask.all()


@pytest.mark.parametrize("indices", [[2], [2, 0], [1, 1, 0], []])
def test_samples_takes_sinograms_with_their_own_masks(indices, faces):
    measurement = Acquisition(32, 5.0, (20.0, 100.0))(faces, SEEDS)
    some = measurement.samples(torch.tensor(indices, dtype=torch.long))
    assert some.geometry == measurement.geometry
    assert torch.equal(some.sinogram, measurement.sinogram[indices])
    assert torch.equal(some.measured, measurement.measured[indices])


def test_samples_leaves_a_mask_that_all_share(geometry, generator):
    measurement = Measurement(torch.rand(3, 1, 36, 32, generator=generator), geometry.measured(45.0), geometry)
    some = measurement.samples(torch.tensor([2, 0]))
    assert torch.equal(some.measured, measurement.measured)
    assert torch.equal(some.sinogram, measurement.sinogram[[2, 0]])
