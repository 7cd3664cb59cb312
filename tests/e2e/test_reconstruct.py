"""The mwgan program on the measured needle that is shipped as a sample."""

import json
import re
import subprocess
import sys
from pathlib import Path

import mrcfile
import numpy as np
import pandas as pd
import pytest
from called import mwgan
from typer.testing import CliRunner

from mwgan.cli.main import app, main
from mwgan.errors import InputError
from mwgan.files.weights import find_weights, read_weights, save_weights

SAMPLES = Path(__file__).parents[2] / "samples"
SERIES, TILTS = SAMPLES / "needle.mrc", SAMPLES / "needle.tlt"


def reconstruct(output, *options, series=SERIES, tilts=TILTS):
    return mwgan("reconstruct", series, "--tilts", tilts, "-o", output, *options)


@pytest.mark.parametrize("options", [("wbp",), ("sart", "--iterations", "2"), ("sirt", "--iterations", "5"), ("tvm", "--iterations", "20")])
def test_classical_methods_write_a_volume(tmp_path, options):
    done = reconstruct(tmp_path / "v.mrc", "--bin", "2", "--method", *options)
    assert done.returncode == 0, done.stderr
    with mrcfile.open(tmp_path / "v.mrc") as file:
        assert file.data.shape == (48, 32, 32)
        assert float(file.voxel_size.x) == pytest.approx(134.4)
        middle = file.data[28]
    assert middle[14:18, 14:18].mean() > 5 * np.abs(middle[:4, :4]).mean()  # the needle is where the needle was
    assert sorted(file.name for file in tmp_path.iterdir()) == ["v.json", "v.mrc"]


def test_the_shipped_network_reconstructs_the_needle(tmp_path):
    done = reconstruct(tmp_path / "v.mrc", "--method", "irdm", "--max-tilt", "50", "--axis-offset", "0.25")
    assert done.returncode == 0, done.stderr
    assert float(re.search(r"residual on the measured tilts: ([\d.]+) %", done.stdout)[1]) < 15


def test_negative_densities_give_no_nan_and_a_residual_that_says_so(tmp_path):
    inverted = _written(tmp_path / "inverted.mrc", -mrcfile.read(SERIES)[:, ::4].astype(np.float32))
    done = reconstruct(tmp_path / "v.mrc", "--method", "irdm", "--invert", "no", series=inverted)
    assert done.returncode == 0, done.stderr
    assert np.isfinite(mrcfile.read(tmp_path / "v.mrc")).all()
    assert float(re.search(r"residual on the measured tilts: ([\d.]+) %", done.stdout)[1]) >= 100
    assert "warning" in done.stderr


def test_the_input_is_never_the_output(tmp_path):
    series = _written(tmp_path / "s.mrc", mrcfile.read(SERIES))
    before = series.read_bytes()
    command = [sys.executable, "-m", "mwgan.cli.main", "reconstruct", series, "--tilts", TILTS, "-o", series, "--method", "wbp"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)  # as a user starts it, once
    assert done.returncode == 2
    assert "is an input" in done.stderr
    assert series.read_bytes() == before


def test_blocks_do_not_change_the_volume(tmp_path):
    for block in (5, 48):
        assert (
            reconstruct(tmp_path / f"{block}.mrc", "--bin", "2", "--method", "sart", "--iterations", "2", "--block", block).returncode == 0
        )
    np.testing.assert_allclose(mrcfile.read(tmp_path / "5.mrc"), mrcfile.read(tmp_path / "48.mrc"), rtol=1e-4, atol=1e-2)


def test_compare_draws_and_writes_its_numbers(tmp_path):
    options = ["--slice", 56, "--max-tilts", "76,50", "--methods", "wbp,tvm,net=irdm", "--iterations", 100, "--axis-offset", 0.25]
    done = mwgan("compare", SERIES, "--tilts", TILTS, *options, "-o", tmp_path / "needle.png")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "needle.png").read_bytes().startswith(b"\x89PNG")
    ratio = pd.read_csv(tmp_path / "needle.csv").set_index(["tilts", "method"])["width_over_height"]
    # The round needle: WBP stretches it along the beam when tilts go missing, the shipped network hardly.
    assert ratio["±50°", "wbp"] < 0.75 < 0.9 < ratio["±50°", "net"]


def test_compare_predicts_tilts_that_it_keeps_out(tmp_path):
    command = ["compare", SERIES, "--tilts", TILTS, "--slice", 56, "--methods", "wbp,sirt,tvm_auto", "--axis-offset", 0.25]
    done = CliRunner().invoke(app, [*map(str, command), "--hold-out", "10", "-o", str(tmp_path / "c.png")])
    assert done.exit_code == 0, done.exception
    rows = pd.read_csv(tmp_path / "c.csv").set_index("method")
    assert rows["held_out"]["tvm_auto"] < 0.1 < rows["held_out"]["wbp"]
    assert rows["noise"].nunique() == 1
    assert f"kept-out tilts {100 * rows['held_out']['sirt']:.1f} %" in done.stdout


def test_auto_says_what_it_takes_and_explains_the_needle(tmp_path):
    command = ["reconstruct", SERIES, "--tilts", TILTS, "--method", "auto", "--set", "iterations=40", "--axis-offset", 0.25, "--bin", 2]
    done = CliRunner().invoke(app, [*map(str, command), "-o", str(tmp_path / "v.mrc")])
    assert done.exit_code == 0, done.exception
    assert re.search(
        r"auto takes .* % lpd_guided.* where tilts were measured and .* % of the networks' in the missing wedge; errors on kept-out tilts",
        done.stdout,
    )
    record = json.loads((tmp_path / "v.json").read_text())
    assert sum(record["choice"]["shares"].values()) == pytest.approx(1.0)
    assert record["residual"]["of_data"] < 0.06
    assert [Path(one["file"]).name for one in record["weights"]] == ["lpd_guided.safetensors", "lpd.safetensors"]


def test_what_an_evaluation_found_best_is_taken_and_told(tmp_path):
    tuning = tmp_path / "results.tuning.csv"
    tuning.write_text(
        "method,checkpoint,parameters,source,wedge_deg,noise_percent,images,seed,psnr,ssim\n"
        "tvm,,weight=0.01,faces,30,0,8,0,20,0.5\ntvm,,weight=0.5,faces,30,0,8,0,30,0.5\n"
        'tvm_directional,,"direction_weights=[2.0, 0.5]",faces,30,0,8,0,30,0.5\n'
    )
    command = ["reconstruct", SERIES, "--tilts", TILTS, "--bin", 4, "--tuned", tuning, "--iterations", 30]
    volumes = {}
    for name, options in {
        "tuned": ["--method", "tvm"],
        "set": ["--method", "tvm", "--set", "weight=0.01"],
        "directional": ["--method", "tvm_directional"],
    }.items():
        done = CliRunner().invoke(app, [str(part) for part in (*command, *options, "-o", tmp_path / "v.mrc")])
        assert done.exit_code == 0, done.exception
        assert re.search(
            r"weight=0\.5.*: best for tvm.* at 30 degrees missing and 0 % noise \(faces\); this series: 26 degrees", done.output
        )
        volumes[name] = mrcfile.read(tmp_path / "v.mrc").copy()
    assert "direction_weights=[2.0, 0.5]" in done.output
    assert volumes["tuned"].std() < 0.9 * volumes["set"].std()  # smoother
    assert not np.allclose(volumes["tuned"], volumes["directional"])


def test_compare_takes_methods_that_suit_any_series_unless_told(tmp_path):
    wide = _written(tmp_path / "wide.mrc", np.pad(mrcfile.read(SERIES)[:, ::24], ((0, 0), (0, 0), (4, 4))))
    command = ["compare", wide, "--tilts", TILTS, "--slice", 2, "-o", tmp_path / "c.png"]
    default = CliRunner().invoke(app, [*map(str, command), "--iterations", "40"])
    assert default.exit_code == 0, default.exception
    assert pd.read_csv(tmp_path / "c.csv")["method"].tolist() == ["wbp", "sirt", "tvm_auto", "lpd_guided", "auto"]
    printed = CliRunner().invoke(app, [*map(str, command), "--methods", "irdm,wbp"])
    assert printed.exit_code == 0, printed.exception
    assert re.search(r"^warning: skipping irdm: irdm was trained for slices of 64 pixels", printed.stderr, re.MULTILINE)
    assert pd.read_csv(tmp_path / "c.csv")["method"].tolist() == ["wbp"]


def test_exported_weights_carry_their_calibration_and_no_folders(tmp_path):
    record, state = read_weights(find_weights("irdm"))
    command = "mwgan-train init=/home/me/first paths.run_dir=/data/x/mine seed=1"
    printed = {"command": command, "init": {"command": "a={b: '/home/me/x'}"}}
    save_weights(tmp_path / "mine.safetensors", state, {**record, **printed})
    arguments = ["weights", "export", str(tmp_path / "mine.safetensors"), "-o", str(tmp_path / "out.safetensors"), "--band-scale"]
    assert CliRunner().invoke(app, [*arguments, "2.5"]).exit_code == 0
    exported, _ = read_weights(tmp_path / "out.safetensors")
    assert exported["band_scale"] == 2.5
    assert exported["init"]["command"] == "a={b: 'x'}"
    assert exported["command"] == "mwgan-train init=first paths.run_dir=mine seed=1"
    assert isinstance(CliRunner().invoke(app, [*arguments, "0"]).exception, InputError)


def test_info_and_weights(tmp_path):
    printed = mwgan("info", SERIES, "--tilts", TILTS).stdout
    assert "77 images of 96 rows and 64 columns" in printed
    assert "67.2 Å" in printed
    assert "irdm: D1, 64 pixels" in mwgan("weights", "list").stdout
    assert mwgan("weights", "export", "irdm", "-o", tmp_path / "copy.safetensors").returncode == 0
    few = _written(tmp_path / "few.mrc", mrcfile.read(SERIES)[:, ::12])
    assert reconstruct(tmp_path / "v.mrc", "--method", tmp_path / "copy.safetensors", series=few).returncode == 0


def _written(path, data):
    with mrcfile.new(path) as file:
        file.set_data(data)
    return path


def _bad_inputs(folder, series):
    needle = mrcfile.read(series)
    lines = TILTS.read_text().split()
    nan = needle.astype(np.float32)
    nan[3, 4, 5] = np.nan
    (folder / "cut.mrc").write_bytes(series.read_bytes()[:-1000])
    (folder / "text.mrc").write_text("not an image\n" * 500)
    for name, tilts in {
        "short": lines[:-1],
        "infinite": [*lines[:-1], "inf"],
        "words": [*lines[:-1], "up"],
    }.items():
        (folder / f"{name}.tlt").write_text("\n".join(tilts))
    (folder / "broken.ckpt").write_bytes(b"PK\x03\x04 broken")
    wide = _written(folder / "wide.mrc", np.pad(needle, ((0, 0), (0, 0), (32, 32))))
    return {
        "another count of tilts": ({"tilts": folder / "short.tlt"}, ["--method", "wbp"], "76 tilts"),
        "an infinite tilt": ({"tilts": folder / "infinite.tlt"}, ["--method", "wbp"], "finite"),
        "a tilt that is no number": ({"tilts": folder / "words.tlt"}, ["--method", "wbp"], "line 77"),
        "a missing series": ({"series": folder / "none.mrc"}, ["--method", "wbp"], "none.mrc"),
        "a truncated series": ({"series": folder / "cut.mrc"}, ["--method", "wbp"], "cut short"),
        "a text file": ({"series": folder / "text.mrc"}, ["--method", "wbp"], "text.mrc"),
        "NaN pixels": ({"series": _written(folder / "nan.mrc", nan)}, ["--method", "wbp"], "NaN"),
        "an unknown method": ({}, ["--method", "magic"], "magic"),
        "an unknown filter": ({}, ["--method", "wbp", "--set", "filter=gauss"], "gauss"),
        "an option of earlier versions": ({}, ["--method", "tvm", "--weight", "0.1"], "--weight is --set weight=0.1 now"),
        "a setting that there isn't": ({}, ["--method", "tvm", "--set", "wait=0.1"], "it has weight, iterations"),
        "a setting of another kind": ({}, ["--method", "tvm", "--set", "iterations=many"], "iterations of tvm must be int, not 'many'"),
        "a setting that is none": ({}, ["--method", "tvm", "--set", "weight"], "KEY=VALUE"),
        "a setting of a network": ({}, ["--method", "lpd", "--set", "weight=0.1"], "a trained network has none"),
        "a setting given twice": ({}, ["--method", "tvm", "--set", "iterations=2", "--iterations", "3"], "set twice"),
        "a network that is not shipped": ({}, ["--method", "irdm_d1"], "not shipped"),
        "a record that there isn't": ({}, ["--method", "tvm", "--tuned", folder / "none.csv"], "none.csv"),
        "a folder that there isn't": ({}, ["--config-dir", folder / "none"], "there is no folder"),
        "a damaged checkpoint": ({}, ["--method", folder / "broken.ckpt"], "broken.ckpt"),
        "a checkpoint for another geometry": ({"series": wide}, ["--method", "irdm"], "bin or crop"),
        "a device that is not there": ({}, ["--method", "wbp", "--device", "cuda:77"], "cuda:77"),
    }


def test_bad_input_is_one_sentence_and_leaves_the_old_volume(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")  # main sets it where it isn't set
    target = tmp_path / "volume.mrc"
    target.write_bytes(b"good")
    few = _written(tmp_path / "few.mrc", mrcfile.read(SERIES)[:, ::12])
    inputs = _bad_inputs(tmp_path, few)
    before = sorted(file.name for file in tmp_path.iterdir())
    for case, (files, options, named) in inputs.items():
        series, tilts = files.get("series", few), files.get("tilts", TILTS)
        command = ["mwgan", "reconstruct", series, "--tilts", tilts, "-o", target, *options]
        monkeypatch.setattr(sys, "argv", [str(part) for part in command])
        with pytest.raises(SystemExit) as end:  # in this process: a new one for each would take half a minute
            main()
        printed = capfd.readouterr()
        assert end.value.code == 2, (case, printed)
        *before_it, message = printed.err.strip().splitlines()
        assert message.startswith("error: "), (case, message)
        assert all(line.startswith("warning: ") for line in before_it), (case, before_it)
        assert named in message, (case, message)
        assert "Traceback" not in printed.out + printed.err, case
        assert target.read_bytes() == b"good", case
        assert sorted(file.name for file in tmp_path.iterdir()) == before, case
