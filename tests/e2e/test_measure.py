"""``mwgan measure``: a reconstructed series measured, with all that is known of it, and a volume of which nothing is."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import mrcfile
import numpy as np
import pandas as pd
import pytest
import torch

from mwgan.cli.main import main
from mwgan.geometry import TiltGeometry
from mwgan.io import VolumeWriter
from mwgan.operators import projector_for

SIZE, ROWS, RADII, VOXEL_NM = 40, 20, (6.0, 5.0), 0.5


def balls() -> np.ndarray:
    axes = [np.arange(side) - (side - 1) / 2 for side in (ROWS, SIZE, SIZE)]
    place = np.stack(np.meshgrid(*axes, indexing="ij"))
    middles = ((0, 4, -9), (0.5, -6, 8))
    signed = [
        np.linalg.norm(place - np.reshape(middle, (3, 1, 1, 1)), axis=0) - radius for middle, radius in zip(middles, RADII, strict=True)
    ]
    return np.clip(0.5 - np.minimum(*signed), 0, 1).astype(np.float32)


def run(*arguments: str | Path) -> None:
    sys.argv = ["mwgan", *map(str, arguments)]
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code in (0, None)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("measure")
    tilts = np.arange(-60, 61, 5.0)
    rows = projector_for(TiltGeometry(tuple(tilts), SIZE))(torch.from_numpy(balls())[:, None])[:, 0].permute(1, 0, 2).numpy()
    rows = rows + np.random.default_rng(0).normal(0, 0.02 * rows.max(), rows.shape).astype(np.float32)
    with mrcfile.new(folder / "S.mrc", rows.astype(np.float32)) as file:
        file.set_image_stack()
        file.voxel_size = 10 * VOXEL_NM
    (folder / "S.tlt").write_text("".join(f"{tilt:g}\n" for tilt in tilts))
    with VolumeWriter(folder / "truth.mrc", balls().shape, 10 * VOXEL_NM) as volume:
        volume.write(0, torch.from_numpy(balls())[:, None])
    return folder


@pytest.fixture(autouse=True)
def arguments_are_put_back(monkeypatch):
    monkeypatch.setattr(sys, "argv", list(sys.argv))


def test_a_reconstructed_series_is_measured_with_all_that_is_known_of_it(place, capsys):
    volume, series = place / "v.mrc", place / "S.mrc"
    given = ("--tilts", place / "S.tlt", "--axis-offset", "0", "--background", "none")
    run("reconstruct", series, *given, "-o", volume, "--method", "sirt", "--iterations", "30", "--trust")
    capsys.readouterr()
    out = place / "out"
    run("measure", volume, "-o", out, "--series", "recorded", "--groups", "3", "--uncertainty", place / "v.uncertainty.mrc")
    message = capsys.readouterr()
    assert "2 particles" in message.out
    assert "--method" not in message.err  # the record tells
    assert "--wedge" not in message.err
    assert "in the missing wedge" in message.err
    assert sorted(file.name for file in out.iterdir()) == ["labels.mrc", "particles.csv", "picture.png", "record.json", "volume.csv"]
    particles = pd.read_csv(out / "particles.csv")
    for row, radius in zip(particles.sort_values("volume_nm3", ascending=False).itertuples(), RADII, strict=True):
        true = 4 / 3 * np.pi * (radius * VOXEL_NM) ** 3
        assert row.volume_nm3 == pytest.approx(true, rel=0.12)
        assert row.volume_low <= row.volume_nm3 <= row.volume_high
        assert row.equivalent_diameter_nm == pytest.approx(2 * radius * VOXEL_NM, rel=0.05)
    assert not particles["cut"].any()
    numbers = pd.read_csv(out / "volume.csv").set_index("number")
    assert numbers.loc["resolution_z", "value"] >= numbers.loc["resolution_x", "value"] >= 2 * VOXEL_NM
    assert not numbers.loc["resolution_z", "safe"]
    assert (numbers["low"] <= numbers["value"]).all()
    assert (numbers["value"] <= numbers["high"]).all()
    with mrcfile.open(out / "labels.mrc") as file:
        assert file.voxel_size.x == pytest.approx(10 * VOXEL_NM)
        assert set(np.unique(file.data)) == {0, 1, 2}
        assert file.data.shape == (ROWS, SIZE, SIZE)
    record = json.loads((out / "record.json").read_text(encoding="utf-8"))
    assert record["tilts_deg"] == [-60, 60]
    assert record["volume"] == str(volume)


def test_a_volume_alone_is_measured_and_nothing_is_written_unless_asked(place, capsys, monkeypatch):
    monkeypatch.chdir(place)
    before = sorted(path.name for path in place.iterdir())
    run("measure", "truth.mrc", "--threshold", "0.5", "--wedge", "0", "--method", "sirt")
    message = capsys.readouterr()
    assert message.err == ""
    assert "threshold 0.5: 2 particles" in message.out
    assert "volume: " in message.out
    assert "nm3" in message.out
    assert sorted(path.name for path in place.iterdir()) == before


def test_a_measurement_is_replaced_and_nothing_else_is(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    known = ("--wedge", "0", "--method", "sirt", "-o", "again")
    run("measure", "truth.mrc", *known)
    first = (place / "again/particles.csv").read_text(encoding="utf-8")
    run("measure", "truth.mrc", "--threshold", "0.2", *known)
    assert (place / "again/particles.csv").read_text(encoding="utf-8") != first
    (place / "again/mine.txt").write_text("kept\n", encoding="utf-8")
    capsys.readouterr()
    sys.argv = ["mwgan", "measure", "truth.mrc", *known]
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "already exists" in capsys.readouterr().err
    assert (place / "again/mine.txt").exists()


def test_other_parts_of_the_tilts_make_intervals_wider_not_numbers_other(place):
    volume = place / "w.mrc"
    given = ("--tilts", place / "S.tlt", "--axis-offset", "0", "--background", "none")
    run("reconstruct", place / "S.mrc", *given, "-o", volume, "--method", "sirt", "--iterations", "10")
    run("measure", volume, "-o", place / "alone")
    run("measure", volume, "-o", place / "parts", "--series", place / "S.mrc", "--groups", "2")
    alone, parts = (pd.read_csv(place / name / "particles.csv") for name in ("alone", "parts"))
    assert alone["volume_nm3"].to_numpy() == pytest.approx(parts["volume_nm3"].to_numpy())
    assert (parts["volume_low"] <= alone["volume_low"]).all()
    assert (parts["volume_high"] > alone["volume_high"]).all()
