"""A raw series to an aligned one, to a volume, and a map of the same tilts with it: the programs as a user calls them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from mwgan.cli.main import main
from mwgan.io import open_series
from mwgan.paths import samples_dir

EVERY, ROWS, MARGIN, MOST = 4, 40, 8, 6


def call(*arguments: object) -> None:
    sys.argv = ["mwgan", *map(str, arguments)]
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code in (0, None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The needle, whose images are moved by whole pixels; a map of it; the moves."""
    folder = tmp_path_factory.mktemp("raw")
    tilts = np.loadtxt(samples_dir() / "needle.tlt")[::EVERY]
    aligned = mrcfile.read(samples_dir() / "needle.mrc")[::EVERY].astype(np.float32)
    moves = np.random.default_rng(0).integers(-MOST, MOST + 1, (len(tilts), 2))
    size = aligned.shape[2] + 2 * MARGIN
    raw = np.zeros((len(tilts), ROWS, size), np.float32)
    for image, source, (along, across) in zip(raw, aligned, moves, strict=True):
        first = (aligned.shape[1] - ROWS) // 2 - along
        image[:, MARGIN + across : size - MARGIN + across] = source[first : first + ROWS]
    raw += np.random.default_rng(1).normal(0, 0.003 * raw.max(), raw.shape).astype(np.float32)
    for name, pixels in (("raw.mrc", raw), ("Fe.mrc", np.round(raw / raw.max() * 20))):
        with mrcfile.new(folder / name, pixels.astype(np.float32)) as file:
            file.set_image_stack()
            file.voxel_size = 33.6
    (folder / "raw.rawtlt").write_text("".join(f"{tilt:g}\n" for tilt in tilts))
    np.save(folder / "moves.npy", moves)
    return folder


@pytest.fixture(scope="module")
def aligned(folder) -> Path:
    call("align", folder / "raw.mrc", "-o", folder / "ali.mrc", "--tilt-axis", "y", "--keep-angle")
    return folder / "ali.mrc"


def test_a_raw_series_is_aligned_and_told_of(folder, aligned):
    message = json.loads(aligned.with_suffix(".json").read_text())
    found, moves = np.array(message["shifts_px"]), np.load(folder / "moves.npy")
    along = found[:, 0] - moves[:, 0]
    assert np.std(along) < 0.35
    assert message["residual"]["aligned"] < 0.4 * message["residual"]["raw"]
    assert message["series"].endswith("raw.mrc")
    assert {".mrc", ".tlt", ".xf", ".json", ".png"} == {file.suffix for file in folder.glob("ali.*")}


def test_the_aligned_series_is_reconstructed_like_any(folder, aligned):
    call("reconstruct", aligned, "-o", folder / "v.mrc", "--method", "wbp")
    assert mrcfile.read(folder / "v.mrc").shape == (ROWS, *[open_series(aligned).geometry.detector_size] * 2)
    assert not [warning for warning in json.loads((folder / "v.json").read_text())["warnings"] if "aligned" in warning]


def test_a_raw_series_is_reconstructed_with_its_shifts_told_to_the_projector(folder, aligned, capsys):
    message = aligned.with_suffix(".json")
    call("reconstruct", folder / "raw.mrc", "--aligned-by", message, "-o", folder / "w.mrc", "--method", "sirt", "--iterations", 20)
    assert "interpolated only along the axis" in capsys.readouterr().out
    call("reconstruct", aligned, "-o", folder / "u.mrc", "--method", "sirt", "--iterations", 20, "--axis-offset", 0)
    volumes = [mrcfile.read(folder / name)[8:-8] for name in ("w.mrc", "u.mrc")]
    assert np.corrcoef(*map(np.ravel, volumes))[0, 1] > 0.99
    geometry = json.loads((folder / "w.json").read_text())["geometry"]
    assert 0.2 < max(map(abs, geometry["tilt_offset_px"])) <= 0.5
    assert geometry["tilt_deg"] == json.loads(message.read_text())["tilt_deg"]


def test_a_volume_of_a_raw_series_is_measured_with_its_shifts(folder, aligned, capsys):
    message, volume = aligned.with_suffix(".json"), folder / "m.mrc"
    call("reconstruct", folder / "raw.mrc", "--aligned-by", message, "-o", volume, "--method", "sirt", "--iterations", 5)
    capsys.readouterr()
    call("measure", volume, "--series", "recorded", "--groups", 2)
    assert "fractions in the projector" in capsys.readouterr().out
    call("measure", volume, "--series", aligned, "--groups", 2)  # another series: its images aren't moved again
    assert "fractions in the projector" not in capsys.readouterr().out


def test_a_map_of_the_same_tilts_goes_with_it(folder, aligned):
    call("apply", folder / "Fe.mrc", "--like", aligned.with_suffix(".json"))
    images, maps = open_series(aligned), open_series(folder / "Fe_ali.mrc")
    assert np.array_equal(images.image_tilt_deg, maps.image_tilt_deg)
    assert maps.pixel_sizes_angstrom == images.pixel_sizes_angstrom
    pairs = [np.corrcoef(np.ravel(images.images[place]), np.ravel(maps.images[place]))[0, 1] for place in range(len(maps.images))]
    assert min(pairs) > 0.95
