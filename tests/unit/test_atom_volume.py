"""What a network of atoms sees of a particle, what it should give, and the examples that it learns from."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mwgan.acquisition import Acquisition, GaussianNoise, Sample
from mwgan.data.nanocrystals import Particle
from mwgan.errors import InputError
from mwgan.geometry import TiltGeometry
from mwgan.operators.atoms import AtomProjector
from mwgan.recon import AtomSeries, ShowAtoms
from mwgan.training import AtomPatches

SIZE, WIDTH = 32, 1.6


def particle(count=60, seed=0, numbers=None):
    """Gold atoms that keep their distance, in a ball of 7 Å."""
    rng = np.random.default_rng(seed)
    places = np.empty((0, 3))
    for place in rng.uniform(-7, 7, (20_000, 3)):
        far = np.linalg.norm(place) < 7 and (len(places) == 0 or np.linalg.norm(places - place, axis=1).min() > 2.4)
        places = np.vstack([places, place]) if far and len(places) < count else places
    return Particle(places, np.full(len(places), 79) if numbers is None else numbers[: len(places)])


def series(scale=1.0, noise=0.02):
    geometry = TiltGeometry(tuple(np.arange(-60, 61, 4.0)), SIZE)
    images = torch.from_numpy(particle().projections(geometry, SIZE, 0.5, 0.5 * WIDTH)) * scale
    sigma = noise * float(images.max())
    return AtomSeries(images + sigma * torch.randn(images.shape, generator=torch.Generator().manual_seed(0)), geometry, WIDTH, sigma)


def test_what_is_seen_does_not_depend_on_the_units_of_the_images():
    one, other = ShowAtoms().see(series()), ShowAtoms().see(series(scale=1000.0))
    assert one.shape == (1, 7, SIZE, SIZE, SIZE)
    assert (one - other).abs().max() < 0.02 * one.abs().max()


def test_noise_alone_is_not_endlessly_bright():
    empty = series()._replace(images=torch.randn(series().images.shape, generator=torch.Generator().manual_seed(0)), noise=1.05)
    assert ShowAtoms().see(empty).abs().max() < 6


def test_width_noise_and_wedge_are_told_in_every_voxel():
    seen = ShowAtoms().see(series())[0, 3:]
    assert (seen == seen[:, :1, :1, :1]).all()
    wide = ShowAtoms().see(series()._replace(width=WIDTH + 0.5))[0, 3:]
    assert (wide - seen)[:, 0, 0, 0].tolist() == pytest.approx([0.5, 0, 0, 0], abs=1e-6)
    noisier = ShowAtoms().see(series(noise=0.2))[0, 3:]
    assert (noisier - seen)[1, 0, 0, 0] == pytest.approx(1.0, abs=0.1)  # a power of ten
    assert seen[2, 0, 0, 0] == pytest.approx(60 / 90)


def test_the_volumes_show_atoms_where_they_are():
    task, atoms = ShowAtoms(), particle()
    seen = task.see(series())[0]
    middle = (SIZE - 1) / 2
    target = task.target(atoms.positions / 0.5 + middle, atoms.masses(), (SIZE, SIZE, SIZE))
    for volume in seen[:2]:
        assert np.corrcoef(volume.flatten(), target.flatten())[0, 1] > 0.4
        assert np.corrcoef(volume.flip(2).flatten(), target.flatten())[0, 1] < 0.35


def test_the_target_is_a_narrow_gaussian_as_high_as_the_atom_is_heavy():
    target = ShowAtoms(target_width=1.2).target(np.array([[3.0, 5.0, 7.0], [10.0, 5.0, 7.0]]), np.array([2.0, 0.5]), (11, 12, 16))
    assert target.shape == (11, 12, 16)
    assert target[5, 7, 3] == pytest.approx(1.0, abs=1e-3)  # y, z, x
    assert target[5, 7, 10] == pytest.approx(0.25, abs=1e-3)
    assert target[5, 7, 4] == pytest.approx(np.exp(-0.5 / 1.2**2), abs=1e-3)
    assert ShowAtoms().target(np.empty((0, 3)), np.empty(0), (4, 4, 4)).abs().max() == 0


@pytest.mark.parametrize("wrong", [{"sirt_steps": 0}, {"target_width": 0.0}])
def test_a_task_of_nothing_is_refused(wrong):
    with pytest.raises(InputError, match="above 0"):
        ShowAtoms(**wrong)


class Source:
    def __init__(self, sigma=0.55):
        self.sigma = sigma

    def placed(self, index):
        return SimpleNamespace(particle=particle(seed=index), sigma_angstrom=self.sigma)


def sample(*numbers):
    return Sample(torch.zeros(len(numbers), 1, 8, 8), torch.tensor(numbers), torch.tensor(numbers), torch.tensor(numbers[0]))


ACQUISITION = Acquisition(8, [3.0, 4.0], (20.0, 70.0), GaussianNoise([1.0, 5.0]))


@pytest.fixture
def patches():
    return AtomPatches(Source(), Source(), patch=16, patches=3)


def test_patches_are_of_their_samples_alone(patches):
    together = patches(sample(1, 2), ACQUISITION, torch.nn.Identity())
    alone = patches(sample(2), ACQUISITION, torch.nn.Identity())
    assert together[0].shape == (6, 7, 16, 16, 16)
    assert together[1].shape == (6, 1, 16, 16, 16)
    for both, one in zip(together, alone, strict=True):
        assert torch.equal(both[3:], one)


def test_what_is_seen_and_what_is_wanted_lie_on_each_other(patches):
    seen, target = patches(sample(3), ACQUISITION, torch.nn.Identity())
    right = np.corrcoef(seen[:, 1].flatten(), target.flatten())[0, 1]
    assert right > 0.4
    for axis in (2, 3, 4):
        assert np.corrcoef(seen[:, 1].flatten(), target.roll(3, axis).flatten())[0, 1] < right - 0.15


def test_the_images_of_a_slab_are_those_of_the_atoms_in_it():
    exact = AtomPatches(Source(), Source(), patch=16, shift_angstrom=0.0, width_error=0.0)
    slab = exact.slab(Source().placed(4), Acquisition(8, 3.0, (60.0, 60.0)), np.random.default_rng(0))
    images, geometry, width, _ = slab.series
    slices, size = images.shape[1:]
    assert (slab.wedge_deg, slices, geometry.detector_size) == (60.0, 16 + 8, size)
    assert geometry.gap_deg == pytest.approx(66)  # from -57 to 57 degrees
    places = torch.from_numpy(slab.places - (np.array([size, slices, size]) - 1) / 2)
    masses = torch.from_numpy(slab.masses)
    again = AtomProjector(geometry, slices)(places, masses, torch.full_like(masses, width))
    assert (again - images).abs().max() < 1e-5 * images.max()
    assert 0.3 <= 0.55 / width <= 0.4


@pytest.mark.parametrize("wrong", [{"patch": 12}, {"patches": 0}, {"voxel_angstrom": (0.4, 0.3)}, {"shift_angstrom": -1.0}])
def test_patches_that_can_not_be_are_refused(wrong):
    with pytest.raises(InputError):
        AtomPatches(Source(), Source(), **wrong)
