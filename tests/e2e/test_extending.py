"""Parts of one's own, as docs/extending.md tells how to add them: each recipe from a folder outside the tree, in the programs' own main().

``make smoke-wheel`` runs the same recipes in a shell, from the wheel in an empty environment.
"""

from __future__ import annotations

import importlib
import json
import re
import runpy
import shlex
import sys
from pathlib import Path

import mrcfile
import pandas as pd
import pytest
from recipes import RECIPES, Recipe, sections

from mwgan.cli import evaluate, figures, main, train
from mwgan.errors import InputError
from mwgan.recon import load_reconstructor

PROGRAMS = {"mwgan": main, "mwgan-train": train, "mwgan-evaluate": evaluate, "mwgan-figures": figures}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder outside the tree, on Python's path, as the working folder."""
    from mwgan import methods
    from mwgan.figures import registry
    from mwgan.io import readers

    before = set(sys.modules)
    known = dict(registry.FIGURES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for caches in (methods._all_of, readers._installed):
        caches.cache_clear()
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]
    registry.FIGURES.clear()
    registry.FIGURES.update(known)
    for caches in (methods._all_of, readers._installed):
        caches.cache_clear()


def install(folder: Path) -> None:
    """What ``pip install .`` leaves of a package in a folder that is on Python's path: what it says of itself."""
    message = (folder / "pyproject.toml").read_text()
    (name,) = re.findall(r'^name = "(\w+)"$', message, re.MULTILINE)
    (points,) = re.findall(r'^(\[project\.entry-points\."[\w.]+"\]\n(?:\w+ = "[^"]+"\n)+)', message, re.MULTILINE)
    record = folder / f"{name}-0.1.dist-info"
    record.mkdir()
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
    (record / "entry_points.txt").write_text(points.replace('project.entry-points."', "").replace('"]', "]").replace('"', ""))
    importlib.invalidate_caches()


def command(line: str, folder: Path, monkeypatch) -> None:
    """A line of a shell, in this process."""
    if line == "pip install .":
        install(folder)
        return
    program, *arguments = shlex.split(line)
    quiet = ["callbacks.progress_bar=null", "callbacks.image_panels=null", "threads=1"] if program == "mwgan-train" else []
    monkeypatch.setattr(sys, "argv", [program, *arguments, *quiet])
    code = None
    try:
        PROGRAMS[program].main()
    except SystemExit as end:
        code = end.code
    assert not code, f"{line}: {code}"


def follow(recipe: Recipe, folder: Path, monkeypatch) -> None:
    recipe.write(folder)
    for number, step in enumerate(recipe.steps):
        if step.language == "sh":
            for line in step.lines:
                command(line, folder, monkeypatch)
        else:
            script = folder / f"step{number}.py"
            script.write_text(step.text)
            runpy.run_path(str(script), run_name="__main__")


def table(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "table/results.csv")


def test_every_recipe_is_three_files_of_its_own_at_most_and_one_section():
    assert set(RECIPES) == {title for title in sections() if title.startswith(("A ", "An "))}
    for recipe in RECIPES.values():
        assert 1 <= len(recipe.files) <= 3
        assert recipe.steps
        assert not any(Path(block.file).is_absolute() or ".." in block.file or block.file.startswith("mwgan") for block in recipe.files)


def test_a_network(here, monkeypatch, capsys):
    follow(RECIPES["A network"], here, monkeypatch)
    assert type(load_reconstructor("run", allow=("mynet",)).generator).__name__ == "Tiny"
    refusal = r"mynet\.Tiny .*allow its package \(allow=\('mynet',\) in Python, --allow mynet or allow=\[mynet\] on the command line\)"
    with pytest.raises(InputError, match=refusal):
        load_reconstructor("run")
    capsys.readouterr()
    for line in (
        "mwgan reconstruct series.mrc --tilts series.tlt --method run --output refused.mrc",
        "mwgan-evaluate 'checkpoints={mynet: run}' data.size=32 step_deg=6 images=4 table=refused/results",
    ):
        with pytest.raises(AssertionError, match=r"(?m): 2$"):
            command(line, here, monkeypatch)
        assert re.search(refusal, capsys.readouterr().err.replace("\n", " "))
    assert not (here / "refused.mrc").exists()
    assert not (here / "refused").exists()
    assert len(table(here).query("method == 'mynet'")) == 4
    assert mrcfile.read(here / "volume.mrc").shape == (4, 32, 32)
    command("mwgan weights export run --output mynet.safetensors", here, monkeypatch)
    assert load_reconstructor("mynet.safetensors", allow="mynet").record["generator"] == {"_target_": "mynet.Tiny", "width": 8}
    options = "--config-dir conf debug=smoke model=irdm_pixel network@model.generator=mynet"
    command(f"mwgan-train {options} init=mynet.safetensors paths.run_dir=second", here, monkeypatch)
    assert load_reconstructor("second", allow="mynet").record["init"]["commit"] == load_reconstructor("run", allow="mynet").record["commit"]
    (here / "pyproject.toml").write_text('name = "mynet"\n[project.entry-points."mwgan.parts"]\nmynet = "mynet"\n')
    install(here)
    assert type(load_reconstructor("second").generator).__name__ == "Tiny"


def test_a_classical_method(here, monkeypatch, capsys):
    follow(RECIPES["A classical method"], here, monkeypatch)
    assert "landweber" in capsys.readouterr().out
    found = table(here).query("method == 'landweber'")
    assert len(found) == 4
    assert found["psnr"].mean() > table(here).query("method == 'wbp'")["psnr"].mean()
    assert mrcfile.read(here / "volume.mrc").min() == 0


def test_an_image_source(here, monkeypatch):
    follow(RECIPES["An image source"], here, monkeypatch)
    assert set(table(here)["source"]) == {"lamellae"}
    assert load_reconstructor("run").record["data"] == [{"name": "lamellae", "images": 8}]


def test_a_series_format(here, monkeypatch):
    follow(RECIPES["A series format"], here, monkeypatch)
    with mrcfile.open(here / "volume.mrc") as volume:
        assert volume.data.shape == (4, 32, 32)
        assert volume.voxel_size.x == 5


def test_a_metric(here, monkeypatch):
    follow(RECIPES["A metric"], here, monkeypatch)
    assert table(here)["sharpness"].between(0.1, 10).all()
    assert (here / "drawn/sharpness_by_wedge.png").stat().st_size > 5_000


def test_a_figure(here, monkeypatch):
    follow(RECIPES["A figure"], here, monkeypatch)
    assert (here / "drawn/psnr_spread.png").stat().st_size > 5_000


def test_a_logger(here, monkeypatch):
    follow(RECIPES["A logger"], here, monkeypatch)
    lines = [json.loads(line) for line in (here / "run/log.jsonl").read_text().splitlines()]
    assert any("val/psnr" in line for line in lines)
    assert any("train/pixel_loss" in line for line in lines)


def test_beside_the_published_numbers(here, capsys):
    page = sections()["Beside the published numbers"]
    page.write(here)
    for name in ("compare.py", "scikit.py"):
        runpy.run_path(str(here / name), run_name="__main__")
    assert "SIRT, 50 iterations" in capsys.readouterr().out
