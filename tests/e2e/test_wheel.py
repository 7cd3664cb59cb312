"""The wheel in an empty environment, run from an empty folder: what a user gets who never saw the checkout."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.wheel
def test_the_wheel_shows_its_configuration_and_its_weights(tmp_path):
    def run(*command, cwd=tmp_path):
        return subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=1500, check=True).stdout

    run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path / "dist", ROOT)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python, programs = tmp_path / "venv/bin/python", tmp_path / "venv/bin"
    for package in ("torch", wheel):
        run(python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", package)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "max_epochs: 60" in run(programs / "mwgan-train", "experiment=irdm2020/d1", "--cfg", "job", cwd=empty)
    assert "irdm" in run(programs / "mwgan", "weights", "list", cwd=empty)
    assert "the run is in" in run(programs / "mwgan-train", "debug=smoke", "experiment=irdm2020/d1", cwd=empty)
