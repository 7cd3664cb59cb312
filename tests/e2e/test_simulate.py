"""mwgan simulate: a tilt series, its tilts and its truth."""

from __future__ import annotations

import mrcfile
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from mwgan.cli.main import app
from mwgan.data import PhantomFaces
from mwgan.data.specimens import KINDS
from mwgan.errors import InputError
from mwgan.geometry import Measurement
from mwgan.io import TiltSeries
from mwgan.io.xyz import read_xyz
from mwgan.operators import projector_for
from mwgan.recon import SIRT, DataConsistent
from mwgan.recon.named import make_method, network_in
from mwgan.series.simulate import IMAGES

QUICK = ("--size", "32", "--slices", "3", "--step", "6")


def simulate(output, *options):
    result = CliRunner().invoke(app, ["simulate", str(output), *QUICK, *options])
    if isinstance(result.exception, InputError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("specimen", list(IMAGES))
def test_without_noise_the_series_is_the_projection_of_the_truth(tmp_path, specimen):
    printed = simulate(tmp_path / "s.mrc", "--specimen", specimen, "--max-tilt", "60", "--noise", "0", "--voxel-size", "4.2")
    assert "21 tilts of 3 x 32 pixels" in printed
    series = TiltSeries(tmp_path / "s.mrc", tmp_path / "s.tlt")
    assert series.geometry.tilt_deg == tuple(float(tilt) for tilt in range(-60, 61, 6))
    assert series.voxel_size_angstrom == pytest.approx(4.2)
    truth = torch.from_numpy(mrcfile.read(tmp_path / "s.truth.mrc").copy()).unsqueeze(1)
    torch.testing.assert_close(series.sinograms(0, 3), projector_for(series.geometry)(truth), atol=1e-4, rtol=1e-4)
    assert len(np.unique(truth.numpy().reshape(3, -1), axis=0)) == 3  # another image a slice


def test_the_noise_is_a_share_of_a_slices_largest_line_integral_and_the_seed_decides_all(tmp_path):
    for name, options in {"clean": ("--noise", "0"), "noisy": (), "again": (), "other": ("--seed", "1")}.items():
        simulate(tmp_path / f"{name}.mrc", "--max-tilt", "90", *options)
    clean, noisy, again, other = (mrcfile.read(tmp_path / f"{name}.mrc") for name in ("clean", "noisy", "again", "other"))
    for number in range(3):
        error = (noisy - clean)[:, number]
        assert error.std() == pytest.approx(0.02 * clean[:, number].max(), rel=0.15)
    np.testing.assert_array_equal(noisy, again)
    assert not np.array_equal(noisy, other)


@pytest.mark.parametrize("specimen", ["specimens", *KINDS])
def test_a_body_is_projected_from_a_finer_drawing_and_its_slices_lie_side_by_side(tmp_path, specimen):
    printed = simulate(tmp_path / "s.mrc", "--specimen", specimen, "--noise", "0", "--slices", "6", "--step", "10")
    assert "13 tilts of 6 x 32 pixels" in printed
    series = TiltSeries(tmp_path / "s.mrc", tmp_path / "s.tlt")
    truth = torch.from_numpy(mrcfile.read(tmp_path / "s.truth.mrc").copy()).unsqueeze(1)
    own, measured = projector_for(series.geometry)(truth), series.sinograms(0, 6)
    off = float((own - measured).norm() / measured.norm())
    assert 1e-4 < off < 0.1  # not from the truth's own grid, and of the same body
    steps = (truth[1:] - truth[:-1]).norm() / truth.norm()
    assert 0 < float(steps) < 0.9  # noise would have 1.3


def test_the_noise_on_a_body_is_a_share_of_the_series_largest_line_integral(tmp_path):
    for name, options in {"clean": ("--noise", "0"), "noisy": (), "again": (), "other": ("--seed", "1")}.items():
        simulate(tmp_path / f"{name}.mrc", "--specimen", "rods", *options)
    clean, noisy, again, other = (mrcfile.read(tmp_path / f"{name}.mrc") for name in ("clean", "noisy", "again", "other"))
    assert (noisy - clean).std() == pytest.approx(0.02 * clean.max(), rel=0.05)
    np.testing.assert_array_equal(noisy, again)
    assert not np.array_equal(noisy, other)


def test_the_seed_chooses_among_the_kinds_of_bodies(tmp_path):
    simulate(tmp_path / "any.mrc", "--specimen", "specimens", "--seed", "5")
    truth = mrcfile.read(tmp_path / "any.truth.mrc")
    same = []
    for kind in KINDS:
        simulate(tmp_path / f"{kind}.mrc", "--specimen", kind, "--seed", "5")
        same.append(np.array_equal(truth, mrcfile.read(tmp_path / f"{kind}.truth.mrc")))
    assert sum(same) == 1


@pytest.mark.parametrize(("step", "reach", "tilts"), [("4", "60", 31), ("7", "60", 17), ("6", "90", 30)])
def test_tilts_lie_evenly_about_zero_and_no_view_comes_twice(tmp_path, step, reach, tilts):
    simulate(tmp_path / "s.mrc", "--step", step, "--max-tilt", reach)
    found = TiltSeries(tmp_path / "s.mrc", tmp_path / "s.tlt").geometry.tilt_deg
    assert len(found) == tilts
    assert 0.0 in found
    assert found[0] == -(float(reach) // float(step)) * float(step)


def test_no_slice_is_one_that_networks_are_trained_on(tmp_path):
    simulate(tmp_path / "s.mrc", "--specimen", "faces")
    first = mrcfile.read(tmp_path / "s.truth.mrc")[0]
    trained = PhantomFaces(32, count=100)
    assert not any(np.allclose(first, trained.image(index, np.random.default_rng(0))) for index in range(100))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--specimen", "cats"), "faces, shapes, leaves, challenge, specimens, grains, rods"),
        (("--max-tilt", "0"), "the maximum tilt and the step"),
        (("--step", "95"), "the maximum tilt and the step"),
        (("--noise", "-1"), "noise must be a percentage"),
        (("--voxel-size", "0"), "voxels above 0"),
    ],
)
def test_what_cannot_be_simulated_is_said_and_nothing_written(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        simulate(tmp_path / "s.mrc", *options)
    assert list(tmp_path.iterdir()) == []


def test_consistency_brings_a_method_nearer_to_the_data_in_any_units(tmp_path):
    simulate(tmp_path / "s.mrc", "--noise", "0")
    series = TiltSeries(tmp_path / "s.mrc", tmp_path / "s.tlt")
    rows, measured = series.sinograms(0, 3), torch.ones(series.geometry.tilts, dtype=torch.bool)

    def left(unit: float, **options: float) -> float:
        measurement = Measurement(unit * rows, measured, series.geometry)
        tomogram = make_method("sirt", {"iterations": 3}, **options)(measurement)
        return float((projector_for(series.geometry)(tomogram) / unit - rows).norm() / rows.norm())

    assert left(1.0, consistency=0.02) < 0.8 * left(1.0)
    assert left(1000.0, consistency=0.02) == pytest.approx(left(1.0, consistency=0.02), rel=1e-3)


def test_the_network_inside_a_corrected_method_is_found_and_a_classical_method_has_none():
    assert network_in(make_method("irdm", consistency=3.0)) is not None
    assert network_in(make_method("sirt", consistency=3.0)) is None
    assert network_in(DataConsistent(SIRT())) is None


def test_a_particle_of_atoms_is_written_with_its_atoms(tmp_path):
    pytest.importorskip("ase", reason="crystals are built by ase")
    settings = ("--set", "forms=[truncated]", "--set", "materials=[Au]", "--set", "vacancies=3")
    printed = simulate(tmp_path / "s.mrc", "--specimen", "nanocrystal", "--slices", "56", "--size", "56", "--noise", "0", *settings)
    assert "s.truth.xyz: 21 tilts of 56 x 56 pixels" in printed
    series = TiltSeries(tmp_path / "s.mrc")
    assert series.voxel_size_angstrom == pytest.approx(0.35)
    truth, atoms = mrcfile.read(tmp_path / "s.truth.mrc"), read_xyz(tmp_path / "s.truth.xyz")
    places = np.round(atoms.positions / 0.35).astype(int)
    brightest = truth[places[:, 1], places[:, 2], places[:, 0]]  # (y, z, x)
    assert brightest.min() > 0.6 * truth.max()
    of_truth = projector_for(series.geometry)(torch.from_numpy(truth.copy()).unsqueeze(1))
    assert float((of_truth - series.sinograms(0, 56)).norm() / of_truth.norm()) < 0.05
    with pytest.raises(InputError, match="no setting 'colour'"):
        simulate(tmp_path / "t.mrc", "--specimen", "nanocrystal", "--set", "colour=red")
    with pytest.raises(InputError, match="leaves has none"):
        simulate(tmp_path / "t.mrc", "--set", "vacancies=3")


def test_a_dose_makes_whole_electrons(tmp_path):
    simulate(tmp_path / "s.mrc", "--specimen", "rods", "--dose", "40")
    counts = mrcfile.read(tmp_path / "s.mrc")
    np.testing.assert_array_equal(counts, np.round(counts))
    assert 30 < counts.max() < 75
