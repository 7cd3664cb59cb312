"""A method that somebody else wrote, in a folder given by --config-dir or in an installed package, in every program."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import mrcfile
import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from typer.testing import CliRunner

from mwgan import methods
from mwgan.cli import figures
from mwgan.cli.main import app
from mwgan.configuration import look_in_parts
from mwgan.errors import InputError
from mwgan.files.weights import save_weights
from mwgan.paths import conf_dir
from mwgan.recon import LearnedPrimalDual

BOX = """
import torch

class Box:
    \"\"\"A square of the slice's middle.

    Parameters
    ----------
    size
        Pixels of its side.
    \"\"\"

    def __init__(self, size: int = 4):
        self.size = size

    def __call__(self, measurement):
        side = measurement.geometry.detector_size
        tomogram = measurement.sinogram.new_zeros(len(measurement.sinogram), 1, side, side)
        begin = (side - self.size) // 2
        tomogram[..., begin : begin + self.size, begin : begin + self.size] = measurement.sinogram.amax() / self.size
        return tomogram

class Picky(Box):
    def __call__(self, measurement):
        from mwgan.errors import InputError
        raise InputError("these tilts are not to its taste")
"""
METHOD = """
label: {label}
color: "{color}"
reconstructor:
  _target_: mymethods.{target}
  size: 6
tune:
  size: [2, 8]
expects_unit_range: false
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Where Python finds the installed package mymethods, with the method ``box``; and a folder with ``mine`` and ``picky``."""
    site, given = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("given")
    package = site / "mymethods"
    (package / "conf" / "method").mkdir(parents=True)
    (package / "__init__.py").write_text(BOX)
    (package / "conf" / "method" / "box.yaml").write_text(METHOD.format(label="A box", color="#123456", target="Box"))
    metadata = site / "mymethods-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: mymethods\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[mwgan.parts]\nmymethods = mymethods\n")
    (given / "method").mkdir()
    (given / "method" / "mine.yaml").write_text(METHOD.format(label="My own", color="#654321", target="Box"))
    (given / "method" / "picky.yaml").write_text(METHOD.format(label="Picky", color="#000000", target="Picky"))
    return site, given


@pytest.fixture
def installed(folders, monkeypatch):
    """Both folders; the first is on Python's path, and the list is as before when the test is done."""
    monkeypatch.syspath_prepend(folders[0])
    importlib.invalidate_caches()
    monkeypatch.setattr(methods, "_given", ())
    methods._all_of.cache_clear()
    yield folders
    methods._all_of.cache_clear()


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """Two slices of 24 pixels, 31 tilts: a file, and that of its tilts."""
    folder = tmp_path_factory.mktemp("series")
    images = np.random.default_rng(0).uniform(1, 2, (31, 2, 24)).astype(np.float32)
    images[:, :, 8:16] += 20  # a specimen
    with mrcfile.new(folder / "s.mrc") as file:
        file.set_data(images)
    (folder / "s.tlt").write_text("\n".join(map(str, range(-60, 61, 4))))
    return [str(folder / "s.mrc"), "--tilts", str(folder / "s.tlt")]


def mwgan(*arguments):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if done.exception is not None and not isinstance(done.exception, InputError):
        raise done.exception
    return done


def test_they_are_listed_with_where_they_come_from(installed):
    site, given = installed
    lines = {line.split()[0]: line for line in mwgan("methods", "--config-dir", given).output.splitlines()}
    assert {"tvm", "box", "mine"} <= set(lines)
    assert all(part in lines["box"] for part in ("A box", "size=6", str(site)))
    assert str(given) in lines["mine"]
    assert str(Path(methods.__file__).parent) not in lines["tvm"]
    message = mwgan("methods", "box").output
    assert "size (int): 6. Pixels of its side." in message


def test_they_reconstruct(installed, series, tmp_path):
    _, given = installed
    for name, options in (("box", []), ("mine", ["--config-dir", given, "--set", "size=10"])):
        assert mwgan("reconstruct", *series, "-o", tmp_path / f"{name}.mrc", "--method", name, *options).exit_code == 0
    filled = {name: int((mrcfile.read(tmp_path / f"{name}.mrc")[0] > 0).sum()) for name in ("box", "mine")}
    assert filled == {"box": 36, "mine": 100}


def test_they_are_compared_and_one_that_does_not_take_the_series_is_left_out(installed, series, tmp_path):
    _, given = installed
    options = ("--slice", 0, "-o", tmp_path / "c.png", "--config-dir", given)
    done = mwgan("compare", *series, *options, "--methods", "wbp,picky,box,mine", "--set", "mine.size=2", "--set", "filter=hann")
    assert done.exit_code == 0
    assert done.stderr == "warning: skipping picky: these tilts are not to its taste\n"
    assert pd.read_csv(tmp_path / "c.csv")["method"].tolist() == ["wbp", "box", "mine"]
    assert str(mwgan("compare", *series, *options, "--methods", "picky").exception).startswith(
        "no method is left to compare; skipping picky"
    )
    assert "no method or checkpoint 'pikcy'" in str(mwgan("compare", *series, *options, "--methods", "wbp,pikcy").exception)


def test_a_network_of_somebody_else_is_used_when_it_is_allowed(series, tmp_path, monkeypatch):
    (tmp_path / "othernet.py").write_text("from mwgan.recon import LearnedPrimalDual\nclass Net(LearnedPrimalDual):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    options = {"iterations": 1, "memory": 2, "dual_width": 4, "primal_width": 4, "primal_depth": 1}
    record = {
        "generator": {"_target_": "othernet.Net", **options},
        "task": {"_target_": "mwgan.recon.RestoreMeasurement"},
        "geometry": {"detector_size": 24, "step_deg": 4.0},
        "wedge_deg": [0.0, 90.0],
    }
    save_weights(tmp_path / "net.safetensors", LearnedPrimalDual(**options).state_dict(), record)
    command = ("reconstruct", *series, "-o", tmp_path / "v.mrc", "--method", tmp_path / "net.safetensors")
    assert "--allow othernet" in str(mwgan(*command).exception)
    assert not (tmp_path / "v.mrc").exists()
    assert mwgan(*command, "--allow", "othernet").exit_code == 0
    compared = mwgan("compare", *series, "--slice", 0, "-o", tmp_path / "c.png", "--methods", f"wbp,net={tmp_path / 'net.safetensors'}")
    assert "skipping net" in compared.stderr


def test_what_lies_in_the_users_own_folder_wins_over_a_package_and_a_package_over_ours(installed, tmp_path, monkeypatch):
    site, _ = installed
    for folder, name, label in ((site / "mymethods" / "conf", "sirt", "theirs"), (tmp_path, "sirt", "given"), (tmp_path, "tvm", "given")):
        (folder / "method").mkdir(exist_ok=True)
        (folder / "method" / f"{name}.yaml").write_text(METHOD.format(label=label, color="#000000", target="Box"))
    look_in_parts()

    def labels(*arguments):
        monkeypatch.setattr(sys, "argv", ["mwgan-evaluate", *map(str, arguments)])
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            nodes = compose("evaluate", overrides=["+method@methods.sirt=sirt"]).methods
        return [nodes[name].label for name in ("wbp", "tvm", "sirt")]

    try:
        assert labels() == ["WBP", "TVM", "theirs"]
        assert labels("--config-dir", tmp_path) == labels(f"-cd={tmp_path}") == ["WBP", "given", "given"]
    finally:
        (site / "mymethods" / "conf" / "method" / "sirt.yaml").unlink()
    methods.add_folder(tmp_path)
    assert [methods.known_methods()[name].label for name in ("wbp", "tvm", "sirt")] == ["WBP", "given", "given"]


def test_they_are_evaluated_by_a_sweep_too_and_drawn_under_their_names(installed, tmp_path, monkeypatch):
    site, given = installed
    quick = ["data.size=16", "step_deg=15", "images=1", "tuning_images=1", "kept_images=1", "methods.sart=null", "methods.tvm=null"]
    chosen = ["+method@methods.mine=mine", "+method@methods.box=box", f"table={tmp_path / 'results'}", f"paths.root={tmp_path}"]
    command = [sys.executable, "-m", "mwgan.cli.evaluate", "--config-dir", given, "-m", "wedges_deg=[30],[60]", *chosen, *quick]
    paths = {"PYTHONPATH": os.pathsep.join(map(str, [site, Path(methods.__file__).parents[1]]))}
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300, check=False, env={**os.environ, **paths})
    assert done.returncode == 0, done.stderr
    rows = pd.read_csv(tmp_path / "results.csv")
    assert set(rows["method"]) == {"wbp", "mine", "box"}
    assert set(rows["wedge_deg"]) == {30.0, 60.0}
    tried = pd.read_csv(tmp_path / "results.tuning.csv").groupby("method")["parameters"].unique()
    assert set(tried["mine"]) == set(tried["box"]) == {"size=2", "size=8"}

    drawn = {}
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda figure, *to, **how: (drawn.update(looks(figure)), save(figure, *to, **how)))
    options = [f"table={tmp_path / 'results'}", "figures=[psnr_by_wedge]", f"paths.root={tmp_path}"]
    monkeypatch.setattr(sys, "argv", ["mwgan-figures", "--config-dir", str(given), *options])
    figures.main()
    GlobalHydra.instance().clear()
    assert drawn == {"WBP": "#999999", "My own": "#654321", "A box": "#123456"}


def looks(figure):
    """Colours by label, of a figure's lines."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    lines = [getattr(handle, "lines", [handle])[0] for handle in handles]  # an error bar has several
    return {label: to_hex(line.get_color()) for line, label in zip(lines, labels, strict=True)}
