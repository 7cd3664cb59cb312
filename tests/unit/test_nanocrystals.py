"""Particles of atoms: that each is what it is called, its voxels, its projections, and its slices as a source."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from mwgan.data import Nanocrystals
from mwgan.data.nanocrystals.amorphous import add_amorphous_shell, amorphous
from mwgan.data.nanocrystals.crystals import FORMS, _places, crystal
from mwgan.data.nanocrystals.defects import add_disorder, add_fault, add_vacancies, coordination, substitute_atoms
from mwgan.errors import InputError, MissingExtraError
from mwgan.geometry import TiltGeometry
from mwgan.io.xyz import write_xyz
from mwgan.operators import projector_for
from mwgan.testing import check_source

pytest.importorskip("ase", reason="crystals are built by ase")
GOLD = 4.078
QUICK = {"size": 40, "voxel_angstrom": 0.5, "diameter_nm": (1.2, 1.8)}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def neighbours(positions: np.ndarray) -> np.ndarray:
    return cKDTree(positions).query(positions, 2)[0][:, 1]


@pytest.mark.parametrize("form", FORMS)
def test_a_crystal_is_the_largest_that_fits_and_has_the_lattice_of_its_material(form):
    small, large = crystal(form, "Au", 16.0, rng()), crystal(form, "Au", 30.0, rng())
    assert small.diameter_angstrom <= 16 < 22 < large.diameter_angstrom <= 30
    assert len(large) > len(small)
    tolerance = 0.05 if form == "decahedron" else 1e-6  # five twins are strained
    assert neighbours(large.positions) == pytest.approx(GOLD / np.sqrt(2), rel=tolerance)
    assert np.abs(large.positions.mean(axis=0)).max() < 1e-9
    assert crystal(form, "Au", 30.0, rng(), lattice_angstrom=4.5).diameter_angstrom <= 30


def test_ordered_iron_platinum_has_layers_and_the_random_alloy_has_none():
    ordered, random = crystal("cube", "FePt", 25.0, rng()), crystal("cube", "FePt_random", 25.0, rng())
    layers = np.round(ordered.positions[:, 2], 3)
    assert all(len(set(ordered.numbers[layers == layer])) == 1 for layer in np.unique(layers))
    assert set(ordered.numbers) == set(random.numbers) == {26, 78}
    assert np.linalg.norm(ordered.cell[2]) < np.linalg.norm(ordered.cell[0])


def test_vacancies_are_inside_and_remembered():
    whole = crystal("truncated", "Au", 20.0, rng())
    lacking = add_vacancies(whole, 5, rng())
    assert len(lacking) == len(whole) - 5
    inside = cKDTree(lacking.positions).query_ball_point(lacking.vacancies, 1.05 * GOLD / np.sqrt(2))
    assert min(len(found) for found in inside) >= 8  # a vacancy may lie beside another
    with pytest.raises(InputError, match="can't lose 5000"):
        add_vacancies(whole, 5000, rng())


def test_a_twin_mirrors_and_a_fault_shifts_and_neither_brings_atoms_nearer():
    whole = crystal("octahedron", "Au", 24.0, rng())
    for fault in ("stacking", "twin"):
        changed = add_fault(whole, fault, rng())
        assert neighbours(changed.positions) == pytest.approx(GOLD / np.sqrt(2))
        # In a close-packed crystal, faulted or not, atoms inside have twelve neighbours; a second neighbour at sqrt(8/3) tells hcp.
        assert coordination(changed.positions).max() == 12
        distances = cKDTree(changed.positions).query(changed.positions, min(19, len(changed)))[0]
        assert np.any(np.abs(distances / neighbours(changed.positions)[0] - np.sqrt(8 / 3)) < 1e-3)
    with pytest.raises(InputError, match="face-centred cubic"):
        add_fault(crystal("decahedron", "Au", 24.0, rng()), "twin", rng())


def test_substitutes_and_disorder_are_as_strong_as_asked_for():
    whole = crystal("cube", "Au", 24.0, rng())
    assert np.mean(substitute_atoms(whole, 0.25, "Ag", rng()).numbers == 47) == pytest.approx(0.25, abs=0.01)
    moved = add_disorder(whole, 0.1, rng()).positions - whole.positions
    assert moved.std() == pytest.approx(0.1, rel=0.1)


def test_an_amorphous_particle_has_no_order_but_keeps_its_distances():
    particle = amorphous("Au", 26.0, rng())
    nearest = GOLD / np.sqrt(2)
    assert neighbours(particle.positions).min() > 0.75 * nearest
    assert particle.diameter_angstrom <= 26.001
    ideal = crystal("octahedron", "Au", 26.0, rng())
    wave = 2 * np.pi / GOLD * np.array([1, 1, 1])  # of the 111 reflection
    for one, low, high in ((ideal, 0.9, 1.01), (particle, 0.0, 0.25)):
        assert low <= abs(np.exp(1j * one.positions @ wave).mean()) <= high


def test_a_shell_loses_its_order_and_the_core_keeps_it():
    whole = crystal("cube", "Au", 34.0, rng())
    covered = add_amorphous_shell(whole, 3.0, rng())
    moved = np.linalg.norm(covered.positions - whole.positions, axis=1)
    depth = np.abs(whole.positions).max() - np.abs(whole.positions).max(axis=1)
    assert moved[depth > 3.5].max() == 0
    assert np.median(moved[depth < 2]) > 0.4
    assert neighbours(covered.positions).min() > 0.7 * GOLD / np.sqrt(2)


def test_voxels_hold_all_of_the_atoms_and_project_to_the_exact_images():
    particle = add_vacancies(crystal("truncated", "Au", 18.0, rng()), 2, rng())
    size, slices, voxel, sigma = 64, 60, 0.4, 0.6
    volume = particle.volume(size, slices, voxel, sigma)
    assert volume.sum() == pytest.approx(particle.masses().sum(), rel=1e-4)
    np.testing.assert_array_equal(volume[20:23], particle.volume(size, slices, voxel, sigma, 20, 3))
    geometry = TiltGeometry((-60.0, -25.0, 0.0, 40.0), size)
    images = particle.projections(geometry, slices, voxel, sigma)
    of_voxels = projector_for(geometry)(torch.from_numpy(volume).unsqueeze(1))[:, 0].permute(1, 0, 2).numpy()
    assert np.linalg.norm(images - of_voxels) < 0.03 * np.linalg.norm(images)  # voxels are a little wider
    np.testing.assert_allclose(images[2], volume.sum(axis=1), atol=1e-5 * images.max())  # untilted, they are the same
    fine = particle.projections(geometry, slices, voxel, 0.6, np.full((4, 2), 0.8))
    np.testing.assert_allclose(fine[:, 2:, 2:], images[:, :-2, :-2], atol=1e-6 * images.max())


def test_a_share_of_vacancies_is_no_more_than_is_inside():
    source = Nanocrystals(48, 30, diameter_nm=1.0, amorphous_share=0.0, faults=("none",), materials=("Au",), vacancies=0.2)
    particles = [source.placed(index).particle for index in range(30)]
    assert min(len(one.vacancies) for one in particles) < 0.2 * min(len(one) for one in particles)


def test_twins_that_outgrow_a_small_frame_are_cut_to_it():
    source = Nanocrystals(48, 40, diameter_nm=(1.2, 2.0), amorphous_share=0.0, faults=("twin",), forms=("octahedron", "cube"))
    diameters = [source.placed(index).particle.diameter_angstrom for index in range(40)]
    assert 0.9 * source.room_angstrom < max(diameters) <= source.size * source.voxel_angstrom


def test_the_source_keeps_what_a_training_relies_on():
    check_source(Nanocrystals(**QUICK, count=6, seed=2), images=6)
    check_source(Nanocrystals(**QUICK, count=6, augment=True), draws_pose=True)
    kinds = [Nanocrystals(**QUICK, count=60).placed(index).particle.kind for index in range(60)]
    assert 0.3 < np.mean([kind.startswith("amorphous") for kind in kinds]) < 0.7
    assert all(len(Nanocrystals(**QUICK, count=1, amorphous_share=1.0).placed(0).particle) > 20 for _ in range(1))


def test_exact_rows_are_those_of_the_image_but_for_its_pixels():
    source = Nanocrystals(**QUICK, count=4, exact=True, sigma_angstrom=0.8)
    geometry = TiltGeometry.full(40, 20.0)
    for index in range(4):
        rows = source.sinogram(index, geometry)
        image = torch.from_numpy(source.image(index, rng()))[None, None]
        of_image = projector_for(geometry)(image)[0, 0].numpy()
        assert np.linalg.norm(rows - of_image) < 0.05 * np.linalg.norm(of_image)
    assert Nanocrystals(**QUICK).sinogram(0, geometry) is None
    moved = Nanocrystals(**QUICK, count=4, exact=True, sigma_angstrom=0.8, shift_angstrom=0.5, tilt_error_deg=1.0)
    assert np.linalg.norm(moved.sinogram(0, geometry) - source.sinogram(0, geometry)) > 0.1 * np.linalg.norm(rows)


def test_a_file_of_atoms_is_a_particle(tmp_path):
    known = crystal("octahedron", "Au", 16.0, rng())
    write_xyz(tmp_path / "mine.xyz", known.numbers, known.positions + 7)
    source = Nanocrystals(**QUICK, count=2, xyz=str(tmp_path / "mine.xyz"), turned=False, disorder_angstrom=0, vacancies=0)
    np.testing.assert_allclose(source.placed(1).particle.positions, known.positions, atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"forms": ["ball"]}, "forms must be some of octahedron"),
        ({"materials": []}, "not none"),
        ({"sigma_angstrom": 0}, "sigma_angstrom must be a number"),
        ({"diameter_nm": (4.0, 5.0)}, "fit particles of up to 1.84 nm"),
        ({"amorphous_share": 1.5}, r"must be in \[0, 1\]"),
        ({"exact": True, "augment": True}, "have one pose"),
        ({"xyz": "nowhere.xyz"}, "can't be read as atoms"),
    ],
)
def test_what_makes_no_particle_is_refused(settings, message):
    with pytest.raises(InputError, match=message):
        Nanocrystals(**{**QUICK, **settings}).image(0, rng())


def test_without_ase_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ase", None)
    _places.cache_clear()  # of crystals that are kept from before
    with pytest.raises(MissingExtraError, match=r"mwgan\[atoms\]"):
        crystal("cube", "Au", 20.0, rng())
