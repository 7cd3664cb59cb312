"""Tracing, species and the sharpened volume by themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gold_case import SIGMA, SIZE, VOXEL

from mwgan.atoms.matching import match_atoms
from mwgan.atoms.noise import noise_of
from mwgan.atoms.species import mixture
from mwgan.atoms.tracing import apart, trace, typical
from mwgan.atoms.volumes import read_volume
from mwgan.errors import InputError
from mwgan.recon.sharpening import sharpen_volume


def test_maxima_are_placed_between_voxels(easy):
    volume = easy.particle.volume(SIZE, SIZE, VOXEL, SIGMA)
    found = trace(volume, 1.7 / VOXEL, smoothing=0.5).above(0.5)
    judgement = match_atoms(found.places * VOXEL, easy.particle.positions, vacancies=easy.particle.vacancies)
    assert (judgement.missed, judgement.invented, judgement.seen) == (0, 0, 3)
    assert judgement.rmsd_pm < 3
    assert np.all(np.diff(found.heights) <= 0)


def test_of_two_too_near_the_first_stays():
    places = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [9, 0, 0]])
    assert apart(places, 1.5).tolist() == [0, 2, 3]
    assert apart(places[:0], 1.5).tolist() == []


def test_the_typical_height_is_that_of_atoms_and_not_of_the_many_maxima_of_noise():
    heights = np.concatenate([np.full(100, 1.0), np.full(900, 0.05)])
    assert typical(heights) == 1.0
    assert typical(np.empty(0)) == 0.0


def test_the_sharpened_volume_explains_the_images_down_to_their_noise_and_no_further(easy):
    noise = noise_of(easy.images, easy.geometry).sigma
    volume = sharpen_volume(easy.images, easy.geometry, 0.9 * SIGMA / VOXEL, noise)
    assert float(volume.min()) >= 0
    assert float(volume.sum()) == pytest.approx(len(easy.particle), rel=0.02)
    blurred = easy.particle.volume(SIZE, SIZE, VOXEL, SIGMA).max()
    assert float(volume.max()) > 2 * blurred


def test_white_noise_and_counts_are_distinguished(easy):
    white = noise_of(easy.images, easy.geometry)
    assert (white.counts, white.sigma) == (False, pytest.approx(easy.noise, rel=0.1))
    counts = torch.poisson(torch.full_like(easy.images, 4.0), generator=torch.Generator().manual_seed(0))
    taken_off = noise_of(counts - 3.25, easy.geometry)
    assert taken_off.counts
    assert taken_off.sigma == pytest.approx(2.0, rel=0.02)
    assert float(taken_off.weights(torch.zeros(1))[0]) == pytest.approx(1 / 3.25)
    assert not noise_of(torch.zeros_like(counts), easy.geometry).counts


def test_species_are_as_many_as_masses_ask_for():
    rng = np.random.default_rng(0)
    one = rng.normal(1.0, 0.05, 300)
    assert len(mixture(one).means) == 1
    two = np.concatenate([one, rng.normal(0.5, 0.04, 200)])
    found = mixture(two)
    np.testing.assert_allclose(found.means, [0.5, 1.0], atol=0.02)
    assert np.mean(found.of(two) == np.repeat([1, 0], [300, 200])) > 0.995
    assert found.certainty(np.array([0.5, 1.0, 0.75])).tolist()[:2] == pytest.approx([1, 1], abs=1e-3)
    assert found.numbers == (0, 0)


def test_known_species_keep_their_order_whatever_their_shares():
    rng = np.random.default_rng(0)
    for light in (30, 150, 270):
        masses = np.concatenate([rng.normal(0.155, 0.02, light), rng.normal(1.0, 0.05, 300 - light)])
        found = mixture(masses, (78, 26))
        assert found.numbers == (26, 78)
        np.testing.assert_allclose(found.means, [0.155, 1.0], rtol=0.05)


def test_a_volume_with_holes_in_it_is_refused(tmp_path):
    np.save(tmp_path / "v.npy", np.full((3, 4, 4), np.nan, np.float32))
    with pytest.raises(InputError, match="NaN"):
        read_volume(tmp_path / "v.npy")
