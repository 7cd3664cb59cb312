"""The learned primal-dual network: what it is told of the geometry decides what it gives, and nothing else does."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mwgan.acquisition import Acquisition, GaussianNoise
from mwgan.data import PhantomFaces
from mwgan.errors import InputError
from mwgan.files.record import TrainedGeometry, TrainingRecord
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.operators import projector_for
from mwgan.recon import WBP, LearnedPrimalDual, LearnedReconstructor, RestoreMeasurement
from mwgan.recon.noise import noise_level


def faces(size: int, count: int = 4) -> torch.Tensor:
    source = PhantomFaces(size)
    return torch.from_numpy(np.stack([source.image(index, np.random.default_rng(0)) for index in range(count)])).unsqueeze(1)


@pytest.fixture(scope="module")
def network() -> LearnedPrimalDual:
    """Untrained, but with every part at work."""
    torch.manual_seed(0)
    made = LearnedPrimalDual(iterations=2, memory=2, dual_width=8, primal_width=4, primal_depth=1)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return made.eval()


def measured(image: torch.Tensor, tilt_deg: list[float], mask: torch.Tensor | None = None) -> Measurement:
    geometry = TiltGeometry(tilt_deg=tilt_deg, detector_size=image.shape[-1])
    rows = torch.ones(len(tilt_deg), dtype=torch.bool) if mask is None else mask
    return Measurement(projector_for(geometry)(image), rows, geometry)


def test_rows_that_were_not_measured_and_rows_that_are_not_there_are_the_same(network):
    image = faces(32)
    full = TiltGeometry.full(32, 6.0)
    sinogram = projector_for(full)(image)
    wedge = full.measured(50.0)
    masked = Measurement(sinogram, wedge.reshape(1, 1, -1, 1).expand(len(image), 1, -1, 1), full)
    absent = Measurement(sinogram, wedge, full).only_measured()
    assert torch.allclose(network(masked), network(absent), atol=1e-4)


def test_what_lies_in_unmeasured_rows_is_not_looked_at(network):
    full = TiltGeometry.full(32, 6.0)
    sinogram = projector_for(full)(faces(32))
    mask = full.measured(50.0).reshape(1, 1, -1, 1).expand(len(sinogram), 1, -1, 1)
    spoilt = torch.where(mask, sinogram, 1e3)
    assert torch.equal(network(Measurement(sinogram, mask, full)), network(Measurement(spoilt, mask, full)))


def test_a_wedge_per_sample_gives_what_each_sample_gives_alone(network):
    measurement = Acquisition(32, 6.0, (20.0, 80.0), GaussianNoise(2.0))(faces(32), torch.arange(4))
    together = network(measurement)
    for index in range(4):
        alone = network(measurement.samples(torch.tensor([index])))
        assert torch.allclose(together[index : index + 1], alone, atol=1e-4)


@pytest.mark.parametrize("tilts", [[-60.0, -31.5, -3.0, 0.0, 2.0, 40.0, 55.5], [float(tilt) for tilt in range(-70, 71, 3)]])
@pytest.mark.parametrize("size", [20, 33])
def test_any_tilts_and_sizes_will_do(network, tilts, size):
    assert network(measured(faces(size), tilts)).shape == (4, 1, size, size)


def test_untrained_it_is_nearly_the_wbp():
    torch.manual_seed(0)
    measurement = measured(faces(32), [float(tilt) for tilt in range(-66, 67, 4)])
    wbp = WBP("ramp")(measurement)
    output = LearnedPrimalDual(iterations=2)(measurement)
    assert (output - wbp).square().mean().sqrt() < 0.3 * wbp.std()


def test_checkpointing_changes_neither_output_nor_gradients():
    measurement = measured(faces(16), [float(tilt) for tilt in range(-60, 61, 10)])
    gradients, outputs = [], []
    for checkpointed in (False, True):
        torch.manual_seed(0)
        network = LearnedPrimalDual(iterations=2, dual_width=8, primal_width=4, primal_depth=1, checkpointed=checkpointed)
        output = network(measurement)
        output.square().sum().backward()
        outputs.append(output.detach())
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in network.parameters()]))
    assert torch.allclose(outputs[0], outputs[1])
    assert torch.allclose(gradients[0], gradients[1], atol=1e-5)


def test_a_few_steps_beat_the_wbp_they_start_from():
    torch.manual_seed(0)
    image = faces(32, 8)
    measurement = Acquisition(32, 6.0, (40.0, 60.0))(image, torch.arange(8))
    network = LearnedPrimalDual(iterations=3, dual_width=8, primal_width=8, primal_depth=1)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(40):
        loss = (network(measurement) - image).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.5 * (WBP()(measurement) - image).square().mean()


@pytest.mark.parametrize("percent", [1.0, 3.0])
def test_the_noise_is_found_from_the_measured_rows_alone(percent):
    geometry = TiltGeometry.full(64, 3.0)
    sinogram = projector_for(geometry)(faces(64))
    sigma = percent / 100 * sinogram.amax(dim=(1, 2, 3), keepdim=True)
    generator = torch.Generator().manual_seed(0)
    noisy = sinogram + sigma * torch.randn(sinogram.shape, generator=generator)
    mask = geometry.measured(60.0).reshape(1, 1, -1, 1)
    found = noise_level(torch.where(mask, noisy, 0.0), mask)
    assert torch.allclose(found, sigma, rtol=0.5)


def test_parameters_that_make_no_network_are_refused():
    with pytest.raises(InputError, match="1 or more iterations"):
        LearnedPrimalDual(iterations=0)


def test_a_trained_one_takes_larger_and_smaller_slices(network):
    record = TrainingRecord({"_target_": "any"}, {"_target_": "any"}, TrainedGeometry(24, 3.0), (0.0, 90.0))
    trained = LearnedReconstructor(network, RestoreMeasurement(), record)
    for size in (16, 40):
        measurement = measured(faces(size), [float(tilt) for tilt in range(-60, 61, 6)])
        assert torch.allclose(trained(measurement), network(measurement).clamp(min=0))


def test_the_noise_that_networks_are_told_is_to_the_bit_what_they_were_trained_with():
    generator = torch.Generator().manual_seed(3)
    sinogram = torch.randn(2, 1, 7, 33, generator=generator) + torch.arange(33) / 5
    mask = torch.ones(2, 1, 7, 1, dtype=torch.bool)
    mask[1, :, 3:5] = False
    difference = (sinogram[..., 2:] - 2 * sinogram[..., 1:-1] + sinogram[..., :-2]).abs()
    middle = [difference[row][mask[row].expand(1, 7, 31)].median() for row in range(2)]
    assert torch.equal(noise_level(sinogram, mask).flatten(), torch.stack(middle) / (0.6745 * math.sqrt(6)))
