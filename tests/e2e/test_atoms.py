"""``mwgan atoms``: a simulated particle from its series to an .xyz file, and from a volume."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from mwgan.atoms.matching import match_atoms
from mwgan.cli.main import app
from mwgan.errors import InputError
from mwgan.io.xyz import read_xyz

pytest.importorskip("ase", reason="crystals are built by ase")
PARTICLE = ("--set", "forms=[truncated]", "--set", "materials=[Au]", "--set", "vacancies=2", "--set", "diameter_nm=1.6", "--seed", "3")


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    if isinstance(result.exception, InputError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("atoms")
    run("simulate", folder / "s.mrc", "--specimen", "nanocrystal", "--size", 56, "--slices", 56, "--step", 4, *PARTICLE)
    return folder


def test_every_atom_is_written_with_its_uncertainty(place):
    message = run("atoms", place / "s.mrc", "--tilts", place / "s.tlt", "-o", place / "a.xyz", "--species", "Au")
    true, found = read_xyz(place / "s.truth.xyz"), read_xyz(place / "a.xyz")
    judgement = match_atoms(found.positions, true.positions, found.numbers, true.numbers)
    assert (judgement.missed, judgement.invented, judgement.species) == (0, 0, 1.0)
    assert judgement.rmsd_pm < 3
    assert np.abs(judgement.shift_angstrom).max() < 0.05  # both from the middle of the first voxel
    assert f"{len(true.numbers)} atoms, each a Gaussian of 0.5" in message
    assert "times their white noise" in message
    record = json.loads((place / "a.json").read_text())
    assert record["atoms"] == len(true.numbers)
    assert record["options"]["species"] == "Au"
    assert record["floor_pm"]["z"] > record["floor_pm"]["y"] > 0  # the wedge makes z the worst
    assert "error:R:3:mass:R:1" in (place / "a.xyz").read_text()
    assert (place / "a.png").read_bytes()[:4] == b"\x89PNG"


def test_a_volume_to_begin_with_and_atoms_that_are_not_refined(place):
    run("reconstruct", place / "s.mrc", "--method", "sirt", "-o", place / "v.mrc")
    message = run("atoms", place / "s.mrc", "--volume", place / "v.mrc", "-o", place / "b.xyz", "--no-refine")
    true, found = read_xyz(place / "s.truth.xyz"), read_xyz(place / "b.xyz")
    assert "not refined: no uncertainties" in message
    assert set(found.numbers) == {0}
    assert match_atoms(found.positions, true.positions).missed == 0
    assert "nan" in (place / "b.xyz").read_text()


def test_files_in_the_way_and_nonsense_are_refused(place):
    (place / "c.json").write_text("{}")
    for options, message in (
        (("-o", place / "c.xyz"), "something else"),
        (("-o", place / "c.txt"), "ends in .xyz"),
        (("-o", place / "d.xyz", "--species", "Qq"), "no element"),
        (("-o", place / "d.xyz", "--closest", "0"), "least distance"),
        (("-o", place / "d.xyz", "--pixel-size", "5"), "too coarse"),
        (("-o", place / "d.xyz", "--volume", place / "nowhere.mrc"), "nowhere.mrc"),
        (("-o", place / "d.xyz", "--method", "magic"), "magic"),
    ):
        with pytest.raises(InputError, match=message):
            run("atoms", place / "s.mrc", *options)
    assert not list(place.glob("d.*"))


def test_the_shipped_network_shows_them_all(place):
    message = run("atoms", place / "s.mrc", "-o", place / "n.xyz", "--method", "atoms", "--no-refine")
    true, found = read_xyz(place / "s.truth.xyz"), read_xyz(place / "n.xyz")
    judgement = match_atoms(found.positions, true.positions)
    assert (judgement.missed, judgement.invented) == (0, 0)
    assert "atoms in the volume by the network" in message
    assert "atoms: nanocrystals, whole volumes of atoms, wedges 0 to 80 degrees" in run("weights", "list")
