"""mwgan reconstruct: what it writes beside a volume, in which formats, and where it refuses to write."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from mwgan.cli.main import app, main
from mwgan.files.atomic import sha256
from mwgan.files.weights import find_weights

SAMPLES = Path(__file__).parents[2] / "samples"
TILTS = SAMPLES / "needle.tlt"


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """Eight rows of the needle."""
    path = tmp_path_factory.mktemp("series") / "short.mrc"
    with mrcfile.new(path) as file:
        file.set_data(mrcfile.read(SAMPLES / "needle.mrc")[:, 50:58])
        file.voxel_size = 67.2
    return path


def command(series, output, *options):
    return [str(part) for part in ("reconstruct", series, "--tilts", TILTS, "-o", output, "--bin", 2, "--axis-offset", 0.25, *options)]


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def test_a_page_and_a_record_come_with_a_volume_of_any_format(series, tmp_path):
    output = tmp_path / "v.ome.tif"
    done = CliRunner().invoke(app, command(series, output, "--report", "--max-tilt", 60))
    assert done.exit_code == 0, (done.output, done.exception)
    assert names(tmp_path) == ["v.json", "v.ome.tif", "v.report.html"]
    assert f"{tmp_path / 'v.json'}, {tmp_path / 'v.report.html'}" in done.output
    with tifffile.TiffFile(output) as file:
        volume = file.asarray()
        assert float(re.search(r'PhysicalSizeZ="([\d.]+)"', file.ome_metadata)[1]) == pytest.approx(134.4)
    record = json.loads((tmp_path / "v.json").read_text())
    assert record["volume"]["shape_yzx"] == list(volume.shape) == [4, 32, 32]
    assert record["weights"] == [{"file": str(find_weights(name)), "sha256": sha256(find_weights(name))} for name in ("lpd_guided", "lpd")]
    assert (record["options"]["max_tilt"], record["geometry"]["binning"]) == (60.0, 2)
    assert record["seen"]["images"] == 77
    assert max(record["geometry"]["tilt_deg"]) == 60
    printed = re.search(r"residual on the measured tilts: ([\d.]+) %", done.output)
    assert 100 * record["residual"]["of_data"] == pytest.approx(float(printed[1]), abs=0.06)
    page = (tmp_path / "v.report.html").read_text()
    assert len(page) < 20e6
    assert "by Auto" in page
    assert record["notes"][0] in page


def test_formats_hold_the_same_volume(series, tmp_path):
    for name in ("v.mrc", "w.tif"):
        done = CliRunner().invoke(app, command(series, tmp_path / name, "--method", "wbp", "--thickness", 20))
        assert done.exit_code == 0, (done.output, done.exception)
    np.testing.assert_array_equal(mrcfile.read(tmp_path / "v.mrc"), tifffile.imread(tmp_path / "w.tif"))
    with mrcfile.open(tmp_path / "v.mrc") as file:
        assert float(file.header.origin.y) == pytest.approx(6 * 134.4)


@pytest.mark.parametrize(
    ("output", "printed"),
    [
        ("volume", "what kind of volume is"),
        ("v.vtk", "what kind of volume is"),
        ("v.mrc.gz", "what kind of volume is"),
        ("v.png", "what kind of volume is"),
        ("folder.mrc", "is a folder"),
        ("device.mrc", "is a device or a pipe"),
        ("nowhere/v.mrc", "does not exist"),
        ("taken.mrc", "which is something else"),
    ],
)
def test_where_no_volume_can_be_is_one_sentence_and_nothing_written(output, printed, series, tmp_path, monkeypatch, capfd):
    (tmp_path / "folder.mrc").mkdir()
    (tmp_path / "device.mrc").symlink_to("/dev/null")
    (tmp_path / "taken.json").write_text('{"mine": 1}')
    before = names(tmp_path)
    for options in ((), ("--trust", "--report")):
        monkeypatch.setattr(sys, "argv", ["mwgan", *command(series, tmp_path / output, "--method", "wbp", *options)])
        with pytest.raises(SystemExit) as end:
            main()
        (message,) = capfd.readouterr().err.strip().splitlines()
        assert end.value.code == 2
        assert message.startswith("error: ")
        assert printed in message
    assert names(tmp_path) == before
    assert (tmp_path / "taken.json").read_text() == '{"mine": 1}'


def test_a_link_stays_a_link(series, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "v.mrc").symlink_to(tmp_path / "elsewhere" / "real.mrc")
    done = CliRunner().invoke(app, command(series, tmp_path / "v.mrc", "--method", "wbp"))
    assert done.exit_code == 0, (done.output, done.exception)
    assert (tmp_path / "v.mrc").is_symlink()
    assert mrcfile.read(tmp_path / "elsewhere" / "real.mrc").shape == (4, 32, 32)
    assert names(tmp_path) == ["elsewhere", "v.json", "v.mrc"]
