"""What is said of found atoms where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from gold_case import GOLD, SIGMA, SIZE, VOXEL, fcc, turned

from mwgan.atoms.matching import match_atoms
from mwgan.atoms.reflections import compare_reflections, family, in_wedge, of_atoms, of_volume, restored
from mwgan.atoms.shells import shells
from mwgan.atoms.structure import FCC, HCP, OTHER, faults, stacking


def test_found_missed_invented_and_vacancies_are_counted_without_the_shift(easy):
    true, vacancies = easy.particle.positions, easy.particle.vacancies
    rng = np.random.default_rng(0)
    off = rng.normal(0, 0.05, true.shape)
    inside = int(np.argmin(np.linalg.norm(true, axis=1)))
    found = np.concatenate([np.delete(true + off, inside, axis=0), vacancies[:1], [[20.0, 0, 0]]]) + 0.3
    numbers = np.full(len(found), 79)
    numbers[:10] = 47
    judgement = match_atoms(found, true, numbers, easy.particle.numbers, vacancies)
    assert (judgement.found, judgement.missed, judgement.invented) == (len(true) - 1, 1, 2)
    assert (judgement.vacancies, judgement.seen, judgement.holes) == (3, 2, 1)
    assert judgement.rmsd_pm == pytest.approx(100 * np.sqrt((off**2).sum(axis=1).mean()), rel=0.05)
    assert judgement.species == pytest.approx(1 - 10 / (len(true) - 1), abs=1e-9)
    np.testing.assert_allclose(judgement.shift_angstrom, 0.3, atol=0.02)
    assert judgement.wrong_percent == pytest.approx(100 * 3 / len(true))
    assert match_atoms(true[:0], true).missed == len(true)


def test_each_atom_is_matched_once():
    judgement = match_atoms(np.array([[0.0, 0, 0], [0.5, 0, 0]]), np.array([[0.2, 0, 0]]))
    assert (judgement.found, judgement.invented) == (1, 1)


def test_stacking_is_found_from_common_neighbours():
    cubic = fcc(9.0)
    kinds = stacking(cubic)
    depth = np.linalg.norm(cubic, axis=1)
    assert np.all(kinds[depth < 5] == FCC)
    assert np.all(kinds[depth > 8.5] == OTHER)
    normal = np.ones(3) / np.sqrt(3)
    heights = cubic @ normal
    twin = np.concatenate([cubic[heights < 0.1], (cubic - 2 * np.outer(heights, normal))[heights < -0.1]])
    hexagonal = stacking(twin) == HCP
    assert hexagonal.sum() >= 7
    assert np.abs((twin @ normal)[hexagonal]).max() < 1e-6  # the twin plane, and it alone
    assert faults(twin, twin).right == faults(twin, twin).true == hexagonal.sum()
    assert faults(cubic, twin) == (hexagonal.sum(), 0, 0)


def test_a_volume_and_its_atoms_have_the_same_reflections_but_for_the_width(easy):
    waves = family((2, 2, 0), easy.particle.cell)
    assert len(waves) == 6
    np.testing.assert_allclose(np.linalg.norm(waves, axis=1), np.sqrt(8) / GOLD)
    assert len(family((1, 1, 1), easy.particle.cell)) == 4
    atoms = of_atoms(easy.particle.positions, easy.particle.masses(), waves)
    fine = easy.particle.volume(SIZE, SIZE, VOXEL, SIGMA)
    damped = np.exp(-2 * (np.pi * SIGMA) ** 2 * 8 / GOLD**2) * np.sinc(VOXEL * waves).prod(axis=1)
    np.testing.assert_allclose(of_volume(fine, VOXEL, waves), atoms * damped, atol=2e-4)


def test_amplitude_and_phase_both_count():
    true = np.array([1 + 0j] * 4)
    found = np.array([0.9, 2.0, np.exp(1j), 0.6 * np.exp(0.5j)])
    assert restored(found, true).tolist() == [True, False, False, True]


def test_the_wedge_holds_the_waves_that_no_projection_shows():
    waves = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [np.cos(0.5), 0, -np.sin(0.5)], [np.cos(0.5), 0, np.sin(0.5)]], float)
    assert in_wedge(waves, -60, 60).tolist() == [False, False, True, False, False]
    assert in_wedge(waves, -10, 60).tolist() == [False, False, True, False, True]
    cell = GOLD * np.eye(3) @ turned().T
    reflections = family((4, 4, 0), cell)
    assert (
        compare_reflections(np.ones(6), np.ones(6), reflections, -60, 60).restored_inside == int(in_wedge(reflections, -60, 60).sum()) > 0
    )


def test_shells_tell_where_a_volume_is_right(easy):
    true = easy.particle.volume(SIZE, SIZE, VOXEL, SIGMA)
    same = shells(true, true, VOXEL, -60, 60)
    np.testing.assert_allclose(same.outside[1:20], 1.0)
    np.testing.assert_allclose(same.inside[2:20], 1.0)
    spectrum = np.fft.fftn(true)
    _, z, x = np.meshgrid(*(np.fft.fftfreq(side) for side in true.shape), indexing="ij")
    gap = np.abs(np.arctan2(z, x + 1e-12)) % np.pi
    spectrum[(gap > np.pi / 3) & (gap < 2 * np.pi / 3)] = 0
    noise = np.random.default_rng(0).normal(0, 1e-5 * true.std(), true.shape)
    lacking = shells((np.fft.ifftn(spectrum).real + noise).astype(np.float32), true, VOXEL, -60, 60)
    assert np.nanmax(np.abs(lacking.inside[3:12])) < 0.4
    assert lacking.outside[3:12].min() > 0.99
    assert np.isnan(lacking.resolution_angstrom(inside=True)) or lacking.resolution_angstrom(inside=True) > 4
    assert lacking.resolution_angstrom(inside=False) < 2
