"""Windows and macOS as far as a Linux can imitate them, and a checkout that was never installed: see tests/systems.

What only those systems have is not run here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from mwgan.paths import PACKAGE, samples_dir
from mwgan.runs.folder import metrics_of

SYSTEMS = Path(__file__).parents[1] / "systems"
# Text is ASCII unless somebody says otherwise, and the terminal has the characters of Western Europe.
TEXT = {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONWARNDEFAULTENCODING": "1", "PYTHONIOENCODING": "cp1252"}


def drive(system: str, actions: str, *paths: Path, cwd: Path) -> str:
    text = TEXT if system == "like_windows" else {}
    path = os.pathsep.join([str(SYSTEMS / system), str(PACKAGE.parent)])
    environment = {**os.environ, **text, "PYTHONPATH": path, "SYSTEM": system}
    command = [sys.executable, str(SYSTEMS / "drive.py"), actions, *map(str, paths)]
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, encoding="cp1252" if system == "like_windows" else "utf-8", timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("done\n")
    return done.stdout


def test_every_module_is_imported_and_files_are_held_and_written_without_what_windows_lacks(tmp_path):
    message = drive("like_windows", "imports,holds_and_writes", tmp_path, cwd=tmp_path)
    assert "can't be replaced: close it where it is open" in message
    assert (tmp_path / "new" / "a").read_text(encoding="utf-8") == "°"


@pytest.mark.slow
def test_a_user_of_windows_gets_from_a_series_to_a_trained_network(tmp_path):
    folder = tmp_path / "my runs (x86)"
    folder.mkdir()
    tilts = folder / "needle.tlt"
    lines = (samples_dir() / "needle.tlt").read_text(encoding="utf-8").split()
    tilts.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode() + b"\r\n")
    message = drive("like_windows", "works", folder, samples_dir() / "needle.mrc", tilts, cwd=tmp_path)
    assert "residual on the measured tilts" in message
    assert "psnr" in str(metrics_of(folder / "run"))
    assert set(pd.read_csv(folder / "results.csv")["wedge_deg"]) == {40, 60}
    assert b"\r" not in (folder / "results.csv").read_bytes()
    assert (folder / "last.ckpt").read_bytes() == (folder / "run" / "checkpoints" / "last.ckpt").read_bytes()
    assert list(folder.rglob("*.partial")) == []


@pytest.mark.slow
def test_a_user_of_macos_trains_with_workers_that_are_spawned(tmp_path):
    message = drive("like_macos", "holds_and_writes,trains", tmp_path, cwd=tmp_path)
    assert f"run saved in {tmp_path / 'run'}" in message


@pytest.mark.slow
def test_a_checkout_that_was_never_installed_runs_every_program(tmp_path):
    message = drive("not_installed", "programs", tmp_path, cwd=tmp_path)
    assert "mwgan 0+unknown" in message
    assert json.loads((tmp_path / "run" / "record.json").read_text(encoding="utf-8"))["versions"]["mwgan"] == "0+unknown"
    assert (tmp_path / "nrmse_by_wedge.png").is_file()


def test_no_names_of_shipped_files_differ_by_their_case_alone():
    names = [path.relative_to(PACKAGE.parent).as_posix().lower() for path in [*PACKAGE.rglob("*"), *(PACKAGE.parent / "conf").rglob("*")]]
    assert len(names) == len(set(names))
