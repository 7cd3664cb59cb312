"""Data consistency: the data decide where there are data, the reconstruction where there are none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mwgan.data import PhantomFaces
from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.operators import projector_for
from mwgan.recon import WBP, DataConsistent

GEOMETRY = TiltGeometry.full(32, 4.0)
WEDGE = GEOMETRY.measured(60.0)


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    source = PhantomFaces(32)
    return torch.from_numpy(np.stack([source.image(index, np.random.default_rng(0)) for index in range(3)])).unsqueeze(1)


@pytest.fixture(scope="module")
def measurement(image) -> Measurement:
    return Measurement(projector_for(GEOMETRY)(image), WEDGE, GEOMETRY)


def residual(tomogram: torch.Tensor, measurement: Measurement) -> float:
    rows = (projector_for(GEOMETRY)(tomogram) - measurement.sinogram)[:, :, WEDGE]
    return float(rows.norm() / measurement.sinogram[:, :, WEDGE].norm())


def test_the_truth_is_left_alone(image, measurement):
    assert torch.allclose(DataConsistent(lambda _: image)(measurement), image, atol=1e-5)


def test_what_contradicts_the_data_is_corrected(image, measurement):
    wrong = image.clone()
    wrong[:, :, 10:14, 10:14] += 0.5
    corrected = DataConsistent(lambda _: wrong, weight=0.0025, iterations=20)(measurement)
    assert residual(corrected, measurement) < 0.15 * residual(wrong, measurement)
    assert (corrected - image).norm() < 0.6 * (wrong - image).norm()


def test_what_no_tilt_has_seen_is_the_reconstructions(image, measurement):
    frequency = 8
    unseen = torch.cos(2 * torch.pi * frequency * torch.arange(32.0) / 32).reshape(1, 1, 32, 1)  # along z: the middle of the wedge
    window = torch.hann_window(32, periodic=False)
    unseen = unseen * window.reshape(1, 1, 32, 1) * window.reshape(1, 1, 1, 32)
    kept = DataConsistent(lambda _: image + unseen, bounds=(None, None))(measurement) - image
    assert float((kept * unseen).sum() / (3 * unseen.square().sum())) > 0.9


def test_a_wedge_per_sample_gives_what_each_sample_gives_alone(image):
    sinogram = projector_for(GEOMETRY)(image)
    mask = torch.stack([GEOMETRY.measured(wedge) for wedge in (20.0, 60.0, 100.0)]).reshape(3, 1, -1, 1)
    together = DataConsistent(WBP())(Measurement(sinogram, mask, GEOMETRY))
    for index in range(3):
        alone = DataConsistent(WBP())(Measurement(sinogram[index : index + 1], mask[index : index + 1], GEOMETRY))
        assert torch.allclose(together[index : index + 1], alone, atol=2e-3)  # conjugate gradients magnify round-off


def test_many_steps_reach_the_minimum_that_is_stated():
    torch.manual_seed(0)
    geometry = TiltGeometry.full(8, 30.0)
    projector, start, weight = projector_for(geometry), torch.rand(1, 1, 8, 8), 0.04
    data = projector(torch.rand(1, 1, 8, 8))
    found = DataConsistent(lambda _: start, weight, 200, bounds=(None, None))(Measurement(data, geometry.measured(0.0), geometry))
    gradient = projector.adjoint(projector(found) - data) / geometry.tilts / geometry.detector_size + weight * (found - start)
    assert gradient.abs().max() < 1e-4


@pytest.mark.parametrize("options", [{"weight": 0.0}, {"weight": -1.0}, {"iterations": 0}])
def test_settings_that_mean_nothing_are_refused(options):
    with pytest.raises(InputError):
        DataConsistent(WBP(), **options)
