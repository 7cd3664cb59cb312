"""``mwgan reconstruct --trust``: how far to believe a volume, written beside it or not at all."""

from __future__ import annotations

import re
from pathlib import Path

import mrcfile
import numpy as np
import pandas as pd
import pytest
import torch
from called import mwgan

from mwgan.files.weights import save_weights
from mwgan.recon import LearnedPrimalDual

SAMPLES = Path(__file__).parents[2] / "samples"
SERIES, TILTS = SAMPLES / "needle.mrc", SAMPLES / "needle.tlt"
FILES = ["v.json", "v.mrc", "v.trust.csv", "v.trust.png", "v.uncertainty.mrc"]
AXIS = ("--axis-offset", "0.25")


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """24 rows about the middle of the needle."""
    path = tmp_path_factory.mktemp("series") / "short.mrc"
    with mrcfile.new(path) as file:
        file.set_data(mrcfile.read(SERIES)[:, 40:64])
        file.voxel_size = 67.2
    return path


def reconstruct(output, *options, series=SERIES):
    return mwgan("reconstruct", series, "--tilts", TILTS, "-o", output, *options)


@pytest.fixture
def weights(tmp_path_factory):
    """``weights(record)``: an untrained primal-dual network as a file; nearly a WBP."""

    def write(**record):
        torch.manual_seed(0)
        options = {"iterations": 1, "memory": 2, "dual_width": 4, "primal_width": 4, "primal_depth": 1}
        known = {
            "generator": {"_target_": "mwgan.recon.LearnedPrimalDual", **options},
            "task": {"_target_": "mwgan.recon.RestoreMeasurement"},
            "geometry": {"detector_size": 64, "step_deg": 2.0},
            "wedge_deg": [0.0, 90.0],
        }
        path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
        save_weights(path, LearnedPrimalDual(**options).state_dict(), known | record)
        return path

    return write


def numbers(stdout: str) -> tuple[float, ...]:
    """Noise, times the noise, share beyond, mean uncertainty, as printed."""
    patterns = (
        r"expected from noise alone is ([\d.]+) %",
        r"the residual is ([\d.]+) times",
        r"([\d.]+) % of the power",
        r"uncertainty is ([\d.]+) %",
    )
    return tuple(float(re.search(pattern, stdout)[1]) for pattern in patterns)


def test_a_volume_is_written_with_how_far_to_believe_it(tmp_path, short):
    options = ("--bin", 2, "--max-tilt", 60, "--method", "tvm", "--iterations", 60, *AXIS)
    assert reconstruct(tmp_path / "plain.mrc", *options, series=short).returncode == 0
    done = reconstruct(tmp_path / "v.mrc", *options, "--block", 5, "--trust", series=short)
    assert done.returncode == 0, done.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == ["plain.json", "plain.mrc", *FILES]
    np.testing.assert_allclose(mrcfile.read(tmp_path / "v.mrc"), mrcfile.read(tmp_path / "plain.mrc"), rtol=1e-3, atol=1.0)
    with mrcfile.open(tmp_path / "v.uncertainty.mrc") as file:
        assert file.data.shape == (12, 32, 32)
        assert float(file.voxel_size.x) == pytest.approx(134.4)
        assert float(file.data.min()) >= 0 < float(file.data.max())
    table = pd.read_csv(tmp_path / "v.trust.csv")
    assert table["slice"].tolist() == list(range(12))
    np.testing.assert_allclose(table["residual_over_noise"], table["residual"] / table["noise_residual"], rtol=0.01)
    assert table["added_share"].between(0.01, 0.5).all()
    assert (tmp_path / "v.trust.png").read_bytes().startswith(b"\x89PNG")
    _, times, beyond, uncertainty = numbers(done.stdout)
    assert times == pytest.approx(table["residual_over_noise"].median(), rel=0.5)
    assert beyond == pytest.approx(100 * table["added_share"].mean(), rel=0.5)
    assert 0 < uncertainty < 20
    kept_out = table["kept_out_misfit"]
    assert kept_out.between(0.5 * table["kept_out_misfit_of_sirt"], 1.2 * table["kept_out_misfit_of_sirt"]).all()
    assert f"the residual of the method is {100 * kept_out.median():.0f}"[:-1] in done.stdout
    assert "warning: on kept-out tilts" not in done.stderr
    assert "not calibrated" in done.stdout


def test_a_wbp_adds_nothing_but_contradicts_the_measurement(tmp_path, short):
    done = reconstruct(tmp_path / "v.mrc", "--bin", "2", "--max-tilt", "50", "--method", "wbp", *AXIS, "--trust", series=short)
    assert done.returncode == 0, done.stderr
    assert numbers(done.stdout)[2] < 1
    assert re.search(r"warning: on kept-out tilts the residual of the method is [\d.]+ %, of SIRT", done.stderr)


def test_a_networks_calibration_scales_its_uncertainty(tmp_path, weights, short):
    found = {}
    for scale in (1.0, 3.0):
        done = reconstruct(tmp_path / "v.mrc", "--bin", "2", "--method", weights(band_scale=scale), "--trust", series=short)
        assert done.returncode == 0, done.stderr
        assert "not calibrated" not in done.stdout
        found[scale] = mrcfile.read(tmp_path / "v.uncertainty.mrc").copy()
    np.testing.assert_allclose(found[3.0], 3 * found[1.0], rtol=1e-4)
    plain = reconstruct(tmp_path / "v.mrc", "--bin", "2", "--method", weights(), "--trust", series=short)
    assert "not calibrated" in plain.stdout
    floor = found[1.0] - mrcfile.read(tmp_path / "v.uncertainty.mrc")  # calibrations are made with it, and applied with it
    np.testing.assert_allclose(floor, np.broadcast_to(floor[:, :1, :1], floor.shape), rtol=1e-3)
    assert (floor > 0).all()


def test_what_fails_leaves_every_file_as_it_was(tmp_path):
    for name in FILES:
        (tmp_path / name).write_bytes(b"good")
    (tmp_path / "v.json").write_text('{"commit": "before"}')
    wide = tmp_path / "wide.mrc"
    with mrcfile.new(wide) as file:
        file.set_data(np.pad(mrcfile.read(SERIES), ((0, 0), (0, 0), (32, 32))))
    done = reconstruct(tmp_path / "v.mrc", "--method", "irdm", "--trust", series=wide)
    assert done.returncode == 2
    assert [line.split(":")[0] for line in done.stderr.strip().splitlines()][-1] == "error"
    assert sorted(file.name for file in tmp_path.iterdir()) == [*FILES, "wide.mrc"]
    assert all((tmp_path / name).read_bytes() == b"good" for name in FILES if name != "v.json")
    assert "before" in (tmp_path / "v.json").read_text()


def test_what_goes_beside_the_volume_is_never_an_input(tmp_path):
    series = tmp_path / "v.uncertainty.mrc"
    series.write_bytes(SERIES.read_bytes())
    done = reconstruct(tmp_path / "v.mrc", "--method", "wbp", "--trust", series=series)
    assert done.returncode == 2
    assert "is an input" in done.stderr


def test_the_method_need_not_be_named(tmp_path, short):
    done = reconstruct(tmp_path / "v.mrc", "--bin", "2", series=short)
    assert done.returncode == 0, done.stderr
    assert mrcfile.read(tmp_path / "v.mrc").shape == (12, 32, 32)
