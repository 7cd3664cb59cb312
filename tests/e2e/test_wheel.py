"""The wheel in an empty environment, run from an empty folder: what a user gets who never saw the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from recipes import RECIPES, Recipe, sections

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.wheel


def run(*command: object, cwd: Path, **environment: str) -> str:
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    message = [str(part) for part in command]
    done = subprocess.run(message, cwd=cwd, env={**kept, **environment}, capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, f"{' '.join(message)} ended with {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def programs(tmp_path_factory) -> Path:
    """The folder of programs of an environment that holds the wheel and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder / "dist", ROOT, cwd=folder)
    (wheel,) = (folder / "dist").glob("*.whl")
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    for package in ("torch", wheel):
        run(folder / "venv/bin/python", "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", package, cwd=folder)
    return folder / "venv/bin"


def test_the_wheel_shows_its_configuration_and_its_weights(programs, tmp_path):
    assert "max_epochs: 60" in run(programs / "mwgan-train", "experiment=irdm2020/d1", "--cfg", "job", cwd=tmp_path)
    assert "irdm" in run(programs / "mwgan", "weights", "list", cwd=tmp_path)
    assert "run saved in" in run(programs / "mwgan-train", "debug=smoke", "experiment=irdm2020/d1", cwd=tmp_path)


def test_the_wheel_brings_what_the_demo_needs(programs, tmp_path):
    samples = Path(run(programs / "python", "-c", "from mwgan.paths import samples_dir; print(samples_dir())", cwd=tmp_path).strip())
    assert samples.is_relative_to(programs.parent)
    assert {path.name for path in samples.iterdir()} == {"needle.mrc", "needle.tlt", "LICENSE-needle.txt"}
    assert "--output" in run(programs / "mwgan", "demo", "--help", cwd=tmp_path, COLUMNS="120")
    assert "77" in run(programs / "mwgan", "info", samples / "needle.mrc", "--tilts", samples / "needle.tlt", cwd=tmp_path)


def follow(recipe: Recipe, programs: Path, folder: Path) -> None:
    """A recipe as somebody types it into a shell."""
    recipe.write(folder)
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(folder)}
    for step in recipe.steps:
        shell = ["bash", "-euc", step.text] if step.language == "sh" else [programs / "python", "-c", step.text]
        run(*shell, cwd=folder, **environment)


LEFT = {  # by each recipe
    "A network": ["run/checkpoints/last.ckpt", "table/results.csv", "volume.mrc"],
    "A classical method": ["table/results.csv", "volume.mrc"],
    "An image source": ["run/checkpoints/last.ckpt", "table/results.csv"],
    "A series format": ["volume.mrc"],
    "A metric": ["table/results.csv", "drawn/sharpness_by_wedge.png"],
    "A figure": ["drawn/psnr_spread.png"],
    "A logger": ["run/log.jsonl"],
}


@pytest.mark.parametrize("title", RECIPES)
def test_a_part_of_ones_own_joins_the_wheel(title, programs, tmp_path):
    follow(RECIPES[title], programs, tmp_path)
    assert [name for name in LEFT[title] if not (tmp_path / name).is_file()] == []


def test_the_recorded_numbers_are_in_the_wheel(programs, tmp_path):
    page = sections()["Beside the published numbers"]
    page.write(tmp_path)
    message = run(programs / "python", "compare.py", cwd=tmp_path)
    assert "SIRT, 50 iterations" in message
    assert "lpd" in message
