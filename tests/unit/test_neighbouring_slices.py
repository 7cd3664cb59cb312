"""Slices with their neighbours: in images, measurements, examples, networks and volumes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mwgan.acquisition import Acquisition, GaussianNoise, Sample
from mwgan.data import DeadLeaves, MixedSources, PhantomFaces, RandomShapes, Specimens
from mwgan.data.datamodules import ImageDataModule, SampleRequest, SourceDataset
from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.recon import LearnedPrimalDual, LearnedReconstructor, load_reconstructor
from mwgan.recon.held_out import leave_out, select_held_out
from mwgan.recon.named import neighbours_in
from mwgan.recon.normalized import Normalized, rescale
from mwgan.recon.task import RestoreMeasurement
from mwgan.series.reconstruct import reconstruct_series
from mwgan.training import GuidedExamples
from mwgan.trust.uncertainty import half_turned, mirrored, without_fold

SIZE, STEP = 24, 10.0
SEEDS = torch.arange(2)


def stacks(slices: int = 5, size: int = SIZE) -> torch.Tensor:
    source = Specimens(size, 2, kinds=["grains"])
    return torch.from_numpy(np.stack([source.stack(index, np.random.default_rng(0), slices) for index in range(2)]))


def measured(wedge_deg: float = 40.0, noise_percent: float = 0.0) -> Measurement:
    return Acquisition(SIZE, STEP, (wedge_deg, wedge_deg), GaussianNoise(noise_percent))(stacks(), SEEDS)


def small(neighbours: int, guess_iterations: int = 5) -> LearnedPrimalDual:
    torch.manual_seed(0)
    network = LearnedPrimalDual(2, 2, 4, 2, 1, guess_iterations=guess_iterations, neighbours=neighbours)
    for block in (*(one.convolutions[-1] for one in network.dual), *(one.head.convolution for one in network.primal)):
        torch.nn.init.normal_(block.weight, std=0.3)  # an untrained one hardly changes what it begins with
    return network


@pytest.mark.parametrize("source", [Specimens, DeadLeaves, RandomShapes, PhantomFaces])
@pytest.mark.parametrize("augment", [False, True])
def test_an_image_is_the_middle_of_its_stack(source, augment):
    drawn = source(SIZE, 8, augment=augment)
    assert drawn.stacks
    stacks = []
    for index in range(8):
        stack = drawn.stack(index, np.random.default_rng(index), 5)
        assert stack.shape == (5, SIZE, SIZE)
        assert np.array_equal(stack[2], drawn.image(index, np.random.default_rng(index)))
        stacks.append(stack)
    assert any(not np.array_equal(stack[0], stack[2]) for stack in stacks)


def test_slices_further_apart_are_every_second_one():
    source = Specimens(SIZE, 3, kinds=["rods"])
    near, far = (source.stack(1, np.random.default_rng(0), slices, spacing) for slices, spacing in ((5, 1), (3, 2)))
    assert np.allclose(far, near[::2])


def test_mixed_sources_give_stacks_where_all_of_them_do():
    both = MixedSources({"leaves": DeadLeaves(SIZE, 3), "specimens": Specimens(SIZE, 3)})
    assert both.stacks
    for index in range(6):
        stack = both.stack(index, np.random.default_rng(1), 3)
        assert np.array_equal(stack[1], both.image(index, np.random.default_rng(1)))


class Alone:
    """A source of somebody's own, of images alone."""

    name, size = "alone", SIZE

    def __len__(self) -> int:
        return 4

    def image(self, index: int, rng: np.random.Generator) -> np.ndarray:
        return np.full((SIZE, SIZE), index / 4, np.float32)


def test_training_samples_hold_as_many_slices_as_are_asked_for():
    leaves = DeadLeaves(SIZE, 4)
    assert SourceDataset(leaves, 0, 3, (SIZE,))[SampleRequest(0, 1, 1, False)].image.shape == (3, SIZE, SIZE)
    assert SourceDataset(Alone(), 0)[SampleRequest(0, 1, 1, False)].image.shape == (1, SIZE, SIZE)
    with pytest.raises(InputError, match="odd number of neighbouring slices"):
        ImageDataModule(leaves, leaves, 2, slices=4)
    with pytest.raises(InputError, match=r"alone has no neighbouring slices: take data\.slices=1"):
        ImageDataModule(Alone(), leaves, 2, slices=3)


def test_slices_are_as_far_apart_as_the_pixels_that_are_averaged():
    source = Specimens(SIZE, 3, kinds=["rods"])
    full, half = (SourceDataset(source, 0, 3, (size,))[SampleRequest(0, 1, 1, False)].image for size in (SIZE, SIZE // 2))
    assert torch.equal(full[1], half[1])
    assert not torch.equal(full[0], half[0])


def test_a_stack_is_measured_with_one_wedge_and_its_neighbours_beside_it():
    images = stacks()
    acquisition = Acquisition(SIZE, STEP, (20.0, 80.0))
    found = acquisition(images, SEEDS)
    for place, of in ((0, 0), (1, 1), (2, 3), (3, 4)):
        alone = acquisition(images[:, of : of + 1], SEEDS)
        assert torch.equal(found.measured, alone.measured)
        assert torch.allclose(found.neighbours[:, place : place + 1], alone.sinogram, atol=1e-5)
    assert torch.allclose(found.sinogram, acquisition(images[:, 2:3], SEEDS).sinogram, atol=1e-5)
    noisy = measured(noise_percent=5.0)
    noise = noisy.neighbours - measured().neighbours
    assert float(torch.corrcoef(noise.flatten(2).swapaxes(0, 1).flatten(1))[0, 1].abs()) < 0.2, "the slices share their noise"


def test_neighbours_go_where_their_slice_goes():
    whole = measured()
    assert torch.equal(whole.samples(torch.tensor([1])).neighbours, whole.neighbours[1:])
    kept = whole.only_measured()
    assert kept.neighbours.shape[2] == kept.geometry.tilts < whole.geometry.tilts
    out = select_held_out(whole, 3)
    assert bool((leave_out(whole, out).neighbours * out == 0).all())
    assert torch.equal(rescale(whole, torch.full((2, 1, 1, 1), 2.0)).neighbours, whole.neighbours / 2)
    for turn in (mirrored, half_turned):
        assert torch.equal(turn(turn(whole)).neighbours, whole.neighbours)
    assert without_fold(whole, 0, 2).neighbours is not None
    for samples, same in whole.by_tilts():
        assert same.neighbours.shape[0] == len(samples)
    with pytest.raises(InputError, match="neighbours of a sinogram"):
        replace(whole, neighbours=whole.neighbours[:, :3])


def test_some_examples_are_shown_alone():
    sample = Sample(stacks(), SEEDS, SEEDS)
    acquisition = Acquisition(SIZE, STEP, (40.0, 40.0))
    generator = small(2)
    seen, image = GuidedExamples(alone_share=1.0)(sample, acquisition, generator)
    assert torch.equal(image, sample.image[:, 2:3])
    assert torch.equal(seen.measurement.neighbours, seen.measurement.sinogram.expand(-1, 4, -1, -1))
    seen, _ = GuidedExamples(alone_share=0.0)(sample, acquisition, generator)
    assert torch.equal(seen.measurement.neighbours, acquisition(sample.image, SEEDS).neighbours)
    with pytest.raises(InputError, match="alone_share must be"):
        GuidedExamples(alone_share=2.0)


@torch.no_grad()
def test_a_slice_without_neighbours_is_one_whose_neighbours_are_like_itself():
    network, whole = small(2), measured()
    alone = network(replace(whole, neighbours=None))
    assert torch.allclose(network(replace(whole, neighbours=whole.sinogram.expand(-1, 4, -1, -1))), alone, atol=1e-6)
    assert float((network(whole) - alone).abs().max()) > 1e-5, "the neighbours change nothing"
    nearest = replace(whole, neighbours=torch.cat([whole.sinogram, *whole.neighbours[:, 1:3].split(1, 1), whole.sinogram], dim=1))
    assert torch.allclose(network(replace(whole, neighbours=whole.neighbours[:, 1:3])), network(nearest), atol=1e-6)


@torch.no_grad()
def test_a_network_goes_on_from_one_that_looks_at_fewer_neighbours():
    before, after = small(0), small(2)
    node = {"_target_": "mwgan.recon.LearnedPrimalDual", "guess_iterations": 5}
    assert LearnedPrimalDual.continues_from(node, {**node, "neighbours": 2})
    assert not LearnedPrimalDual.continues_from({**node, "neighbours": 2}, node)
    after.load_state_dict(before.state_dict())
    whole = measured()
    assert torch.allclose(after(whole), before(whole), atol=1e-6)
    with pytest.raises(InputError, match="0 or more neighbours"):
        LearnedPrimalDual(neighbours=-1)


class Volume:
    """A series of seven slices that differ."""

    path, slices, voxel_sizes_angstrom = "made", 7, None
    geometry = TiltGeometry(tuple(range(-60, 61, 10)), SIZE)

    def sinograms(self, start: int, stop: int) -> torch.Tensor:
        volume = Specimens(SIZE, 1, kinds=["grains"]).volume(0, np.random.default_rng(0), self.slices)
        image = torch.from_numpy(volume[start:stop]).unsqueeze(1)
        rows = Acquisition(SIZE, 10.0, (50.0, 50.0))(image, torch.arange(start, stop)).only_measured()
        return rows.sinogram


@pytest.mark.parametrize("block", [1, 3])
def test_a_volume_is_the_same_in_blocks_of_any_size(block, tmp_path):
    network = LearnedReconstructor(small(2), RestoreMeasurement(), load_reconstructor("lpd_guided").record)
    method = Normalized(network)
    assert neighbours_in(method) == 2
    made = {}
    for size in (7, block):
        reconstruct_series(Volume(), method, tmp_path / f"{size}.mrc", size)
        made[size] = np.fromfile(tmp_path / f"{size}.mrc", np.float32)[-7 * SIZE * SIZE :]
    assert np.allclose(made[7], made[block], atol=1e-5 * np.abs(made[7]).max())
    alone = method(Measurement(Volume().sinograms(3, 4), torch.ones(13, dtype=torch.bool), Volume.geometry))
    assert np.abs(alone.numpy().ravel() - made[7].reshape(7, -1)[3]).max() > 1e-3 * np.abs(made[7]).max(), "the neighbours are not read"
