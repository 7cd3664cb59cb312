"""The second edition of the learned primal-dual network, and the total variation that it begins with."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mwgan.acquisition import Acquisition, GaussianNoise, Sample
from mwgan.data import DeadLeaves, RandomShapes
from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.losses import PixelLoss
from mwgan.operators import projector_for
from mwgan.recon import TVM, WBP, LearnedPrimalDual
from mwgan.recon.guided import GuidedMeasurement
from mwgan.recon.noise import white_noise
from mwgan.recon.primal_dual_view import View, typical_line_integral
from mwgan.recon.tvm_weight import weight_from_noise
from mwgan.training import GuidedExamples

SMALL = {"memory": 2, "dual_width": 4, "primal_width": 2, "primal_depth": 1}


def images(size: int, count: int = 3) -> torch.Tensor:
    source = RandomShapes(size, count)
    return torch.from_numpy(np.stack([source.image(index, np.random.default_rng(0)) for index in range(count)])).unsqueeze(1)


def measured(image: torch.Tensor, noise_percent: float = 0.0, step_deg: float = 2.0, wedge_deg: float = 60.0) -> Measurement:
    acquisition = Acquisition(image.shape[-1], step_deg, (wedge_deg, wedge_deg), GaussianNoise(noise_percent))
    return acquisition(image, torch.arange(len(image))).only_measured()


def psnr(tomogram: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    return -10 * torch.log10((tomogram - image).square().mean(dim=(1, 2, 3)))


@pytest.mark.parametrize("step_deg", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("percent", [0.5, 2.0, 5.0])
def test_the_noise_is_found(step_deg, percent):
    image = images(64)
    sinogram = measured(image, 0.0, step_deg).sinogram
    truth = percent / 100 * sinogram.amax(dim=(1, 2, 3))
    found = white_noise(measured(image, percent, step_deg)).flatten()
    assert bool(((found / truth > 0.9) & (found / truth < (1.6 if percent < 1 else 1.2))).all()), found / truth


def test_noise_is_looked_for_where_something_was_measured():
    clean = measured(images(32), 3.0)
    mask = torch.ones_like(clean.sinogram, dtype=torch.bool)
    mask[..., :6] = mask[..., -6:] = False
    spoilt = Measurement(torch.where(mask, clean.sinogram, 1e3), mask, clean.geometry)
    assert torch.allclose(white_noise(spoilt), white_noise(clean), rtol=0.15)
    none = Measurement(clean.sinogram[:, :, :2], torch.zeros(2, dtype=torch.bool), clean.geometry.take([0, 1]))
    assert bool(torch.isfinite(weight_from_noise(none)).all())


@pytest.mark.parametrize(
    ("percent", "step_deg"),
    [(0.5, 2.0), pytest.param(2.0, 1.0, marks=pytest.mark.slow), (2.0, 4.0), pytest.param(5.0, 2.0, marks=pytest.mark.slow)],
)
def test_a_weight_from_the_noise_is_near_the_best_one(percent, step_deg):
    image = images(64)
    measurement = measured(image, percent, step_deg)
    best = max(float(psnr(TVM(weight=0.001 * 2**power)(measurement), image).mean()) for power in range(1, 9))
    assert float(psnr(TVM(weight=None)(measurement), image).mean()) > best - 0.7


def test_every_slice_has_its_own_weight():
    pair = measured(images(32, 2), 3.0)
    pair = Measurement(pair.sinogram * torch.tensor([1.0, 0.5]).reshape(2, 1, 1, 1), pair.measured, pair.geometry)
    both = TVM(weight=None, iterations=30)(pair)
    for number in range(2):
        alone = TVM(weight=None, iterations=30)(pair.samples(torch.tensor([number])))
        assert torch.allclose(both[number : number + 1], alone, atol=1e-5)


def test_the_first_editions_weights_are_a_beginning_of_the_second():
    torch.manual_seed(0)
    first, second = LearnedPrimalDual(2, **SMALL), LearnedPrimalDual(2, guess_iterations=20, **SMALL)
    with pytest.raises(RuntimeError):
        first.load_state_dict(second.state_dict())
    second.load_state_dict(first.state_dict())
    for name, value in first.state_dict().items():
        grown = second.state_dict()[name]
        assert torch.equal(grown[:, : value.shape[1]] if value.ndim == 4 else grown, value)
        assert value.ndim < 4 or not bool(grown[:, value.shape[1] :].any())
    node = {"_target_": "mwgan.recon.LearnedPrimalDual", "iterations": 6}
    assert LearnedPrimalDual.continues_from(node, {**node, "guess_iterations": 100})
    assert LearnedPrimalDual.continues_from(node, {**node, "iterations": 8})
    assert not LearnedPrimalDual.continues_from(node, {**node, "iterations": 4})
    assert not LearnedPrimalDual.continues_from(node, {**node, "primal_width": 32})


def test_steps_that_are_added_change_nothing_before_they_are_trained():
    torch.manual_seed(0)
    few, more = LearnedPrimalDual(2, **SMALL).eval(), LearnedPrimalDual(4, **SMALL).eval()
    more.load_state_dict(few.state_dict())
    measurement = measured(images(32), 2.0)
    with torch.no_grad():
        assert torch.equal(few(measurement), more(measurement))
    more.train()(measurement).square().sum().backward()
    assert bool(more.primal[3].head.convolution.weight.grad.any())
    assert not bool(more.dual[3].convolutions[-1].weight.any())
    with pytest.raises(RuntimeError):
        few.load_state_dict(more.state_dict())


def test_it_makes_its_guess_itself_or_takes_the_one_it_is_given():
    torch.manual_seed(0)
    network = LearnedPrimalDual(2, guess_iterations=20, **SMALL).eval()
    measurement = measured(images(32), 2.0)
    with torch.no_grad():
        alone, given = network(measurement), network(GuidedMeasurement(measurement, TVM(weight=None, iterations=20)(measurement)))
        other = network(GuidedMeasurement(measurement, WBP()(measurement)))
        iterates = network.iterates(measurement)
    assert torch.allclose(alone, given, atol=1e-6)
    assert not torch.allclose(alone, other, atol=1e-3)
    assert len(iterates) == 2
    assert torch.equal(iterates[-1], alone)


def test_a_specimen_looks_the_same_in_any_frame():
    image = images(48)
    wide = torch.nn.functional.pad(image, (48, 48, 48, 48))
    geometry = TiltGeometry.full(48, 3.0)
    near = View(Measurement(projector_for(geometry)(image), geometry.measured(60.0), geometry).only_measured(), WBP(), True)
    geometry = TiltGeometry.full(144, 3.0)
    far = View(Measurement(projector_for(geometry)(wide), geometry.measured(60.0), geometry).only_measured(), WBP(), True)
    assert torch.allclose(far.sinogram[..., 48:96], near.sinogram, atol=1e-4)
    for one, other in zip(near.conditions(near.noise), far.conditions(far.noise), strict=True):
        assert torch.allclose(one, other, atol=1e-3)


def test_its_examples_are_badly_tuned_on_purpose():
    network = LearnedPrimalDual(1, guess_iterations=20, **SMALL)
    sample = Sample(images(32), torch.arange(3), torch.arange(3))
    acquisition = Acquisition(32, 3.0, (40.0, 40.0), GaussianNoise(3.0))
    seen, target = GuidedExamples(wrong_by=4.0, left_out=0.0)(sample, acquisition, network)
    assert torch.equal(target, sample.image)
    assert not torch.allclose(seen.guess, network.guess(seen.measurement), atol=1e-3)
    exact, _ = GuidedExamples(wrong_by=1.0, left_out=0.0)(sample, acquisition, network)
    assert torch.allclose(exact.guess, network.guess(exact.measurement), atol=1e-6)
    without, _ = GuidedExamples(left_out=1.0)(sample, acquisition, network)
    assert torch.allclose(without.guess, WBP()(without.measurement))
    with pytest.raises(InputError, match="starts from a guess"):
        GuidedExamples()(sample, acquisition, LearnedPrimalDual(1, **SMALL))


def test_a_decibel_is_worth_the_same_in_every_image():
    loss, target = PixelLoss("log_l2"), torch.zeros(2, 1, 4, 4)
    output = torch.stack([torch.full((1, 4, 4), 0.1), torch.full((1, 4, 4), 0.01)])
    halved = output.clone()
    halved[1] /= 2
    assert float(loss(output, target) - loss(halved, target)) == pytest.approx(np.log(4) / 2, rel=0.05)


def test_images_may_be_much_smaller_than_their_frame():
    source = DeadLeaves(64, 40, augment=True, smallest=0.2)
    extents = [float((source.image(index, np.random.default_rng(index)) > 0.02).any(axis=0).mean()) for index in range(40)]
    assert min(extents) < 0.4
    assert max(extents) > 0.65
    with pytest.raises(InputError, match="shrunk to a share"):
        DeadLeaves(64, smallest=0.9)


def test_low_noise_can_be_drawn_more_often():
    sinogram, levels = torch.ones(40, 40), []
    for seed in range(60):
        noisy = GaussianNoise((0.0, 5.0), power=3.0)(sinogram, torch.Generator().manual_seed(seed))
        levels.append(100 * float((noisy - sinogram).std()))
    assert np.median(levels) == pytest.approx(0.6, abs=0.4)
    with pytest.raises(InputError, match="power"):
        GaussianNoise(2.0, power=0.0)


def test_a_share_of_its_examples_leaves_the_field():
    network = LearnedPrimalDual(1, guess_iterations=5, **SMALL)
    sample = Sample(images(32).repeat(8, 1, 1, 1), torch.arange(24), torch.arange(24))
    acquisition = Acquisition(32, 6.0, (40.0, 40.0))
    (closed, _), _ = GuidedExamples(open_share=0.0)(sample, acquisition, network)
    (opened, guess), _ = GuidedExamples(open_share=0.5, narrowest=0.5)(sample, acquisition, network)
    width = opened.mask.any(dim=2).sum(dim=-1).flatten()
    assert int(width.min()) >= 16
    assert 6 <= int((width < 32).sum()) <= 18
    assert torch.equal(opened.sinogram, torch.where(opened.mask, closed.sinogram, 0.0))
    assert torch.equal(opened.measured_tilts, closed.measured_tilts)
    assert bool(torch.isfinite(guess).all())
    for wrong in ({"open_share": 1.5}, {"narrowest": 0.0}):
        with pytest.raises(InputError, match="open_share"):
            GuidedExamples(**wrong)


def test_of_half_of_its_examples_tilts_are_missing():
    network = LearnedPrimalDual(1, guess_iterations=5, **SMALL)
    sample = Sample(images(32).repeat(8, 1, 1, 1), torch.arange(24), torch.arange(24))
    acquisition = Acquisition(32, 3.0, (40.0, 40.0))
    (whole, _), _ = GuidedExamples()(sample, acquisition, network)
    (some, _), _ = GuidedExamples(holes=0.3)(sample, acquisition, network)
    lost = (whole.measured_tilts & ~some.measured_tilts).sum(dim=(1, 2, 3))
    assert not bool((some.measured_tilts & ~whole.measured_tilts).any())
    assert 6 <= int((lost > 0).sum()) <= 15
    assert 4 <= int(lost.max()) <= 24
    with pytest.raises(InputError, match="holes must be"):
        GuidedExamples(holes=1.0)


@pytest.mark.parametrize("sum_of_noise", [-1.0, 0.0, 1.0])
def test_noise_alone_is_no_specimen(sum_of_noise):
    rows = torch.randn(1, 1, 40, 32, generator=torch.Generator().manual_seed(0))
    rows = 0.05 * (rows - rows.mean()) + sum_of_noise / rows.numel()  # such as a slice above the specimen, the background taken off
    geometry = TiltGeometry(tuple(float(tilt) for tilt in range(-60, 60, 3)), 32)
    measurement = Measurement(rows, torch.ones(40, dtype=torch.bool), geometry)
    assert float(typical_line_integral(rows, measurement.mask, white_noise(measurement))) <= float(rows.abs().max())
    torch.manual_seed(0)
    network = LearnedPrimalDual(2, guess_iterations=5, **SMALL)
    (tomogram := network(measurement)).square().mean().backward()
    assert bool(tomogram.isfinite().all())
    assert all(bool(weight.grad.isfinite().all()) for weight in network.parameters() if weight.grad is not None)
