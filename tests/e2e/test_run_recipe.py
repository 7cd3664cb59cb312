"""Many series by one recipe: what is finished is not done again, what fails holds nothing else up."""

from __future__ import annotations

import csv
import datetime
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import forked
import mrcfile
import numpy as np
import pytest
import yaml

from mwgan.cli.main import main
from mwgan.errors import InputError
from mwgan.recipes import read_recipe, running, steps_of, template

SIRT = {"method": "sirt", "iterations": 5, "report": True}


def call(*arguments: object, code: int = 0) -> None:
    sys.argv = ["mwgan", *map(str, arguments)]
    with pytest.raises(SystemExit) as end:
        main()
    assert (end.value.code or 0) == code


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw").mkdir()
    for number in (1, 2):
        call("simulate", f"raw/leaf{number}.mrc", "--size", 32, "--slices", 8, "--step", 6, "--seed", number)
        (tmp_path / f"raw/leaf{number}.truth.mrc").unlink()
    return tmp_path


@pytest.fixture
def quick_steps(monkeypatch) -> None:
    """Steps whose processes needn't load torch first."""
    if forked.AVAILABLE:
        others = {name: getattr(subprocess, name) for name in ("PIPE", "STDOUT", "DEVNULL")}
        monkeypatch.setattr(running, "subprocess", SimpleNamespace(Popen=forked.Forked, **others))


def recipe(folder: Path, **said: object) -> Path:
    path = folder / "day.yaml"
    path.write_text(yaml.safe_dump({"series": ["raw/*.mrc"], "output": "results", "reconstruct": SIRT, **said}))
    return path


def test_two_series_from_raw_to_report_and_nothing_twice(folder, capfd):
    day = recipe(folder, overrides={"leaf2": {"align": False, "reconstruct": {"iterations": 7}}})
    call("run", day)
    results = folder / "results"
    assert {path.name for path in (results / "leaf1").iterdir()} >= {"aligned.mrc", "volume.mrc", "volume.report.html", "log.txt"}
    assert not (results / "leaf2/aligned.mrc").exists()
    assert json.loads((results / "leaf2/volume.json").read_text())["options"]["settings"] == {"iterations": 7}
    page = (results / "index.html").read_text()
    assert page.count("<img") == 2
    assert 'href="leaf1/volume.report.html"' in page
    rows = {row["series"]: row for row in csv.DictReader((results / "summary.csv").open())}
    assert float(rows["leaf1"]["moved_px"]) < 1
    assert [rows[name]["state"] for name in ("leaf1", "leaf2")] == ["done", "done"]
    times = {path: path.stat().st_mtime_ns for path in results.rglob("*.mrc")}
    capfd.readouterr()
    call("run", day)
    assert capfd.readouterr().out.count("is already finished") == 3
    assert times == {path: path.stat().st_mtime_ns for path in results.rglob("*.mrc")}


@pytest.mark.slow
def test_what_changed_is_done_again_and_no_more(folder, capfd, quick_steps):
    call("run", recipe(folder, align=False))
    capfd.readouterr()
    call("run", recipe(folder, align=False, overrides={"leaf1": {"reconstruct": {"iterations": 6}}}), "--jobs", 2)
    message = capfd.readouterr().out
    assert "leaf1: mwgan reconstruct" in message
    assert "leaf2: reconstruct is already finished" in message
    with mrcfile.mmap(folder / "raw/leaf2.mrc", mode="r+") as file:
        file.data[:] *= np.float32(1.5)
    call("run", folder / "day.yaml", "--only", "leaf2")
    message = capfd.readouterr().out
    assert "leaf2: mwgan reconstruct" in message
    assert "leaf1" not in message


@pytest.mark.slow
def test_volumes_are_measured_where_the_recipe_says_so(folder, capfd, quick_steps):
    said = {"align": False, "reconstruct": {**SIRT, "trust": True, "report": False}}
    call("run", recipe(folder, **said, measure={"uncertainty": True}, overrides={"leaf2": {"measure": False}}))
    results = folder / "results"
    measured = results / "leaf1/measured"
    assert {file.name for file in measured.iterdir()} >= {"particles.csv", "volume.csv", "labels.mrc", "picture.png"}
    assert not (results / "leaf2/measured").exists()
    with (results / "summary.csv").open(newline="") as file:
        rows = {row["series"]: row for row in csv.DictReader(file)}
    with (measured / "particles.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert int(rows["leaf1"]["particles"]) == len(found) > 0
    diameters = [float(one["equivalent_diameter_nm"]) for one in found]
    assert float(rows["leaf1"]["diameter_nm"]) == pytest.approx(np.median(diameters))
    assert rows["leaf2"]["particles"] == ""
    capfd.readouterr()
    again = {"smallest": 100}
    call("run", recipe(folder, **said, measure=again, overrides={"leaf2": {"measure": False}}))
    message = capfd.readouterr().out
    assert message.count("is already finished") == 2
    assert "leaf1: mwgan measure" in message
    assert json.loads((measured / "record.json").read_text(encoding="utf-8"))["options"]["smallest"] == 100
    call("run", folder / "day.yaml")
    assert capfd.readouterr().out.count("is already finished") == 3


def test_a_series_that_fails_holds_no_other_up(folder, capfd, quick_steps):
    (folder / "raw/broken.mrc").write_bytes(b"no series")
    call("run", recipe(folder, align=False), code=2)
    message = capfd.readouterr()
    assert "error: broken: reconstruct failed, " in message.err
    assert "broken.mrc is not an MRC file" in message.err
    rows = {row["series"]: row["state"] for row in csv.DictReader((folder / "results/summary.csv").open())}
    assert rows["leaf1"] == rows["leaf2"] == "done"
    assert rows["broken"].startswith("reconstruct failed")
    assert "broken.mrc" in (folder / "results/index.html").read_text()


def test_nothing_runs_where_an_option_is_wrong(folder, capfd):
    call("run", recipe(folder, overrides={"leaf2": {"reconstruct": {"itertions": 5}}}), code=2)
    assert "itertions" in capfd.readouterr().err
    assert not (folder / "results").exists()
    call("run", recipe(folder), "--dry-run")
    assert capfd.readouterr().out.count("mwgan ") == 4
    assert not (folder / "results").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no signals there")
def test_stopped_it_goes_on_at_the_step_where_it_was(folder, capfd, quick_steps):
    day = recipe(folder, align=False, reconstruct={"method": "sirt", "iterations": 40000})
    process = subprocess.Popen([sys.executable, "-m", "mwgan.cli.main", "run", str(day)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "leaf1: mwgan reconstruct" in process.stdout.readline()
    log = folder / "results/leaf1/log.txt"
    while not log.exists() or not log.read_text():
        time.sleep(0.1)
    time.sleep(4)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) != 0
    assert not (folder / "results/leaf1/volume.mrc").exists()
    call("run", recipe(folder, align=False))
    assert "leaf1: mwgan reconstruct" in capfd.readouterr().out
    assert (folder / "results/leaf2/volume.mrc").exists()


def test_the_template_is_a_recipe(folder, capfd):
    call("recipe")
    assert capfd.readouterr().out == template()
    (folder / "new.yaml").write_text(template())
    said = read_recipe(folder / "new.yaml")
    assert list(said.series) == ["leaf1", "leaf2"]
    assert [step.name for step in steps_of(said, "leaf1")] == ["align", "reconstruct", "measure"]
    assert steps_of(said, "leaf1")[1].arguments[1].endswith("results/leaf1/aligned.mrc")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"serie": 1}, "unknown key"),
        ({"series": []}, "has no series"),
        ({"series": ["nowhere/*.mrc"]}, "no such file"),
        ({"series": ["raw/leaf1.mrc", "copy/leaf1.mrc"]}, "share a folder"),
        ({"output": None}, "has no output"),
        ({"output": "raw/leaf1.tlt"}, "is a file"),
        ({"tilts": 3}, "has tilts"),
        ({"align": 3}, "give options"),
        ({"overrides": {"leaf9": {}}}, "no series has that name"),
        ({"overrides": {"leaf1": {"paint": {}}}}, "not a step"),
        ({"reconstruct": {"output": "a.mrc"}}, "set by the recipe itself"),
        ({"reconstruct": {"iterations": datetime.date(2026, 1, 1)}}, "not valid for an option"),
        ({"align": False, "reconstruct": False}, "leaves out every step"),
        ({"reconstruct": False, "measure": {}}, "needs a volume"),
        ({"measure": {"output": "numbers"}}, "set by the recipe itself"),
    ],
)
def test_a_wrong_recipe_is_one_sentence(folder, said, message):
    (folder / "copy").mkdir()
    (folder / "copy/leaf1.mrc").write_bytes((folder / "raw/leaf1.mrc").read_bytes())
    path = recipe(folder, **said)
    with pytest.raises(InputError, match=message):
        steps_of(read_recipe(path), "leaf1")


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "\x00", "a: &a [*a, *a]"])
def test_what_is_no_recipe(tmp_path, text):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(InputError):
        read_recipe(path)
    with pytest.raises(InputError, match="can't be read"):
        read_recipe(tmp_path / "nowhere.yaml")
