"""From a series to atoms: all of them, none besides, as well as the data can tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from gold_case import SIGMA, SIZE, VOXEL, Case, made

from mwgan.atoms.matching import match_atoms
from mwgan.atoms.series import AtomOptions, find_atoms
from mwgan.errors import InputError


def judged(found, case):
    return match_atoms(found.positions, case.particle.positions, found.numbers, case.particle.numbers, case.particle.vacancies)


def test_every_atom_and_vacancy_is_found_at_the_floor(easy):
    found = find_atoms(easy, AtomOptions(species=(79,)))
    judgement = judged(found, easy)
    assert (judgement.missed, judgement.invented, judgement.seen, judgement.species) == (0, 0, 3, 1.0)
    floor = 100 * np.sqrt((found.uncertainties**2).sum(axis=1).mean())
    assert 0.8 * floor < judgement.rmsd_pm < 1.4 * floor < 2.5
    assert found.width_angstrom == pytest.approx(SIGMA, rel=0.01)
    assert found.misfit == pytest.approx(1.0, abs=0.1)
    assert found.noise.sigma == pytest.approx(easy.noise, rel=0.1)
    np.testing.assert_allclose(found.masses, 1.0, atol=0.05)


def test_overlapping_atoms_in_a_wide_wedge_are_separated():
    case = made(80.0, 5.0)
    plain = judged(find_atoms(case, AtomOptions(sharpen=False, refined=False)), case)
    found = find_atoms(case, AtomOptions())
    assert (judged(found, case).missed, judged(found, case).invented) == (0, 0)
    assert judged(found, case).rmsd_pm < 0.5 * plain.rmsd_pm


def test_species_images_out_of_place_and_a_beginning_that_lacks_atoms():
    rng = np.random.default_rng(1)
    shifts = rng.normal(0, 0.25, (31, 2))
    case = made(60.0, 2.0, np.where(rng.random(500) < 0.4, 47, 79), shifts)
    found = find_atoms(case, AtomOptions(species=(47, 79)))
    judgement = judged(found, case)
    assert (judgement.missed, judgement.invented) == (0, 0)
    assert judgement.species > 0.98
    left = found.model.shifts.numpy() * VOXEL - shifts
    tilt = np.deg2rad(case.geometry.tilt_deg)
    waves = np.stack([np.cos(tilt), -np.sin(tilt)], axis=1)  # what a displacement of the whole looks like
    left[:, 0] -= waves @ np.linalg.lstsq(waves, left[:, 0], rcond=None)[0]
    assert left[:, 0].std() < 0.02
    assert left[:, 1].std() < 0.02


def test_counts_are_taken_as_counts(easy):
    electrons = torch.poisson(easy.images.clamp(min=0) * 60 / easy.images.max(), generator=torch.Generator().manual_seed(0))
    counted = replace(easy, images=electrons)
    found = find_atoms(counted)
    assert found.noise.counts
    judgement = judged(found, counted)
    assert (judgement.missed, judgement.invented) == (0, 0)
    assert not find_atoms(easy, AtomOptions(refined=False, sharpen=False)).noise.counts


def test_pixels_that_were_not_measured_have_no_say(easy):
    """A stripe of each image is missing, and holds nonsense."""
    measured = torch.ones_like(easy.images, dtype=torch.bool)
    measured[:, :, 22:25] = False

    class Masked(Case):
        def mask(self, start: int, stop: int) -> torch.Tensor:
            return measured[:, start:stop].permute(1, 0, 2).unsqueeze(1)

    nonsense = torch.where(measured, easy.images, 7.0)
    case = Masked(easy.particle, easy.geometry, nonsense, easy.noise)
    judgement = judged(find_atoms(case), case)
    assert (judgement.missed, judgement.invented) == (0, 0)
    assert judgement.rmsd_pm < 3


def test_images_without_noise_do_no_harm():
    case = made(60.0, 0.0)
    judgement = judged(find_atoms(case), case)
    assert (judgement.missed, judgement.invented) == (0, 0)
    assert judgement.rmsd_pm < 0.1


def test_a_volume_may_be_given_and_must_be_of_the_series(easy):
    truth = easy.particle.volume(SIZE, SIZE, VOXEL, SIGMA)
    found = find_atoms(easy, AtomOptions(method="no such method"), volume=truth)
    assert judged(found, easy).missed == 0
    with pytest.raises(InputError, match="52 x 52 x 52"):
        find_atoms(easy, volume=truth[:-1])


@pytest.mark.parametrize(
    ("size", "message"),
    [(None, "--pixel-size"), ((1.0, 1.0, 1.0), "--pixel-size"), ((2.0,) * 3, "coarse"), ((0.3, 0.35, 0.35), "square")],
)
def test_pixels_of_unknown_or_useless_size_are_refused(easy, size, message):
    with pytest.raises(InputError, match=message):
        find_atoms(replace(easy, voxel_sizes_angstrom=size))


def test_empty_volumes_and_nonsense_are_refused(easy):
    with pytest.raises(InputError, match=r"no maximum|no atom"):
        find_atoms(replace(easy, images=torch.zeros_like(easy.images)))
    with pytest.raises(InputError, match="least distance"):
        AtomOptions(closest_angstrom=-1.0)
    with pytest.raises(InputError, match="different elements"):
        AtomOptions(species=(79, 79))
