"""Atoms by a network that takes a whole measurement: loaded, used in place of a sharpened volume, refused elsewhere."""

from __future__ import annotations

import pytest
import torch
from gold_case import SIGMA, VOXEL
from typer.testing import CliRunner

from mwgan.atoms import series as atom_series
from mwgan.atoms.matching import match_atoms
from mwgan.atoms.series import AtomOptions, find_atoms
from mwgan.cli.main import app
from mwgan.errors import InputError
from mwgan.files.record import TrainingRecord
from mwgan.files.weights import save_weights
from mwgan.geometry import TiltGeometry
from mwgan.networks import ResidualUNet3d
from mwgan.recon import AtomSeries, LearnedAtoms, ShowAtoms, load_atom_network, load_reconstructor

RECORD = {
    "generator": {"_target_": "mwgan.networks.ResidualUNet3d", "width": 4, "deep_width": 4, "blocks": 1},
    "task": {"_target_": "mwgan.recon.ShowAtoms", "sirt_steps": 2, "sharpening_steps": 2},
    "geometry": {"detector_size": 32, "step_deg": 4.0},
    "wedge_deg": [0.0, 80.0],
}


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    network = ResidualUNet3d(width=4, deep_width=4, blocks=1)
    torch.nn.init.normal_(network.end.weight)
    path = tmp_path / "tiny.safetensors"
    save_weights(path, network.state_dict(), RECORD)
    return path


def test_a_network_comes_back_from_its_file_and_gives_a_volume(weights, easy):
    network = load_atom_network(weights)
    series = AtomSeries(easy.images.float(), easy.geometry, SIGMA / VOXEL, easy.noise)
    volume = network(series)
    assert volume.shape == (easy.slices, easy.geometry.detector_size, easy.geometry.detector_size)
    assert volume.min() == 0
    assert volume.std() > 0
    assert torch.allclose(network(series, core=16), volume, atol=1e-4)  # in parts


def test_what_is_no_network_of_atoms_is_none(tmp_path):
    assert load_atom_network("sirt") is None
    assert load_atom_network(tmp_path / "nothing") is None
    assert load_atom_network("lpd") is None


def test_slices_are_not_for_it(weights):
    with pytest.raises(InputError, match="mwgan atoms --method"):
        load_reconstructor(weights)


@pytest.mark.parametrize(
    ("tilts", "said"), [((-45, 46, 3), "90 degrees are missing"), ((-60, 61, 6), "degrees apart"), ((-60, 61, 3), None)]
)
def test_tilts_outside_training_are_reported(weights, tilts, said):
    message = load_atom_network(weights).outside_training(TiltGeometry(tuple(range(*tilts)), 32))
    assert message is None if said is None else said in message


def test_its_volume_takes_the_place_of_the_sharpened_one(monkeypatch, easy):
    """A stand-in that returns the truth: shows what it is given, and that its maxima become atoms."""
    given = []

    class Truth(LearnedAtoms):
        def __call__(self, series, core=0):
            given.append(series)
            places = easy.particle.positions / VOXEL + (easy.geometry.detector_size - 1) / 2
            return ShowAtoms().target(places, easy.particle.masses(), (easy.slices, *[easy.geometry.detector_size] * 2))

    truth = Truth(torch.nn.Identity(), ShowAtoms(), TrainingRecord.from_plain(RECORD, "here"))
    monkeypatch.setattr(atom_series, "load_atom_network", lambda name, device: truth if name == "truth" else None)
    found = find_atoms(easy, AtomOptions("truth", refined=False))
    judgement = match_atoms(found.positions, easy.particle.positions)
    assert (judgement.missed, judgement.invented) == (0, 0)
    assert judgement.rmsd_pm < 2
    assert given[0].width * VOXEL == pytest.approx(SIGMA, rel=0.1)
    assert given[0].noise == pytest.approx(easy.noise, rel=0.2)
    refined = find_atoms(easy, AtomOptions("truth"))
    assert refined.misfit == pytest.approx(1.0, abs=0.1)
    with pytest.raises(InputError, match="has no settings"):
        find_atoms(easy, AtomOptions("truth", settings={"steps": 3}))


def test_shipped_networks_are_listed_with_what_they_take():
    message = CliRunner().invoke(app, ["weights", "list"]).output
    assert "lpd: " in message
    assert "any size" in message
