"""A user's own configuration folder, with a network of the user's own: trained, resumed, in stages, swept, begun with."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from mwgan.cli.train import main
from mwgan.errors import InputError
from mwgan.files.checkpoints import LAST
from mwgan.recon import load_reconstructor
from mwgan.runs.folder import is_finished
from mwgan.runs.sweeps import runs_of

QUIET = ("debug=smoke", "threads=1", "logger=csv", "callbacks.progress_bar=null", "callbacks.image_panels=null", "trainer.accelerator=cpu")
ALLOWED = "allow=[mynet]"  # what a folder names is not the user's own word
NETWORK = """
from torch import nn

class Tiny(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 1, 3, padding=1))

    def forward(self, image):
        return self.layers(image)
"""
MINE = """# @package _global_
defaults:
  - override /model: irdm_pixel
  - override /network@model.generator: tiny
name: mine
wedge: {min_deg: "${oc.decode:${oc.env:MINE_DEG,40.0}}"} # 70 is wider than the widest: refused
"""
BOTH = """# @package _global_
name: both
stages:
  first: {experiment: mine}
  second: {experiment: mine, init: first}
"""


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A folder to work in, with the configuration folder ``conf`` in it; the package ``mynet`` is somewhere else."""
    for file, text in {
        "site/mynet.py": NETWORK,
        "work/conf/network/tiny.yaml": "_target_: mynet.Tiny\nwidth: 2\n",
        "work/conf/experiment/mine.yaml": MINE,
        "work/conf/experiment/both.yaml": BOTH,
    }.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]))
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")  # which the program sets, as it does the form of warnings
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


@pytest.fixture
def program(monkeypatch, place) -> Callable[..., int]:
    """``program(*arguments)``: the exit status of mwgan-train."""

    def run(*arguments: str, min_deg: float = 40.0) -> int:
        monkeypatch.setenv("MINE_DEG", str(min_deg))
        monkeypatch.setattr(sys, "argv", ["mwgan-train", *arguments])
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    return run


def test_a_run_is_resumed_from_anywhere_with_its_folder_of_configuration(program, place, monkeypatch, capsys):
    assert program("experiment=mine", "--config-dir", "conf", *QUIET, "paths.run_dir=run") == 0
    monkeypatch.chdir(place.parent / "elsewhere")
    capsys.readouterr()
    assert program(f"resume={place / 'run'}", "trainer.max_epochs=2") == 2
    message = capsys.readouterr().err
    assert message.startswith("error: the folder's record names mynet.Tiny, ")
    assert message.endswith("add to the command line: allow=[mynet]\n")
    assert program(f"resume={place / 'run'}", ALLOWED, "trainer.max_epochs=2") == 0
    assert torch.load(place / "run" / LAST, weights_only=True)["epoch"] == 1
    network = load_reconstructor(place / "run", allow=("mynet",)).generator
    assert type(network).__name__ == "Tiny"
    with pytest.raises(InputError, match=r"mynet\.Tiny"):
        load_reconstructor(place / "run")
    capsys.readouterr()
    shutil.move(place / "conf", place / "moved")
    assert program(f"resume={place / 'run'}", ALLOWED, "trainer.max_epochs=3") == 2
    message = capsys.readouterr().err
    assert message == f"error: the run's configuration folder {place / 'conf'} is missing: give its new place by --config-dir\n"
    assert program(f"resume={place / 'run'}", ALLOWED, "--config-dir", str(place / "moved"), "trainer.max_epochs=3") == 0
    assert torch.load(place / "run" / LAST, weights_only=True)["epoch"] == 2


@pytest.mark.slow
def test_stages_have_the_folder_of_configuration_and_begin_with_one_anothers_network(program, place, monkeypatch):
    assert program("--config-dir", "conf", "experiment=both", *QUIET, "paths.run_dir=both", min_deg=70) == 2  # in the first
    monkeypatch.chdir(place.parent / "elsewhere")
    assert program(f"resume={place / 'both'}", ALLOWED) == 0
    first, second = (torch.load(place / "both" / stage / LAST, weights_only=True)["mwgan"] for stage in ("first", "second"))
    assert second["init"]["command"] == first["command"]
    assert load_reconstructor(place / "both", allow=["mynet"]).record["stages"].keys() == {"first", "second"}


@pytest.mark.parametrize("launcher", ["sequential", pytest.param("joblib", marks=pytest.mark.slow)])
def test_a_sweep_is_resumed_from_anywhere_with_its_folder_of_configuration(launcher, program, place, monkeypatch):
    if launcher == "joblib":
        pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="this launcher needs hydra-joblib-launcher")
    sweep = ("-m", "--config-dir", "conf", "experiment=mine", "seed=0,1", *QUIET, f"launcher={launcher}", "hydra.sweep.dir=sweep")
    assert program(*sweep, min_deg=70) == 2
    if launcher == "joblib":  # whose processes would stay, with the environment they began with
        importlib.import_module("joblib.externals.loky").get_reusable_executor().shutdown(wait=True)
    monkeypatch.chdir(place.parent / "elsewhere")
    assert program(f"resume={place / 'sweep'}", ALLOWED) == 0
    assert all(is_finished(run.folder) for run in runs_of(place / "sweep"))
    assert program("resume=" + str(place / "sweep" / "1"), ALLOWED, "trainer.max_epochs=2") == 0  # a job of it, alone
    assert torch.load(place / "sweep" / "1" / LAST, weights_only=True)["epoch"] == 1
