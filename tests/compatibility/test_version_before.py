"""What version 0.1.0 left behind still opens: runs, sweeps, stages and tables are resumed, weights give the tomograms they gave.

``make.py`` beside this file tells how ``version_before.tar.gz`` was made.
"""

from __future__ import annotations

import importlib
import json
import sys
import tarfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from mwgan.cli.main import app
from mwgan.files.checkpoints import LAST
from mwgan.files.weights import find_weights, read_weights
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.recon import JointModel, load_reconstructor
from mwgan.results.reading import read_rows
from mwgan.runs import folder as jobs
from mwgan.runs.report import write_report
from mwgan.runs.sweeps import runs_of

ARCHIVE = Path(__file__).with_name("version_before.tar.gz")
NETWORKS = ("run", "stopped/checkpoints/last.ckpt", "exported.safetensors", "shards", "sweep/0", "joint/deartifact", "joint.safetensors")
EPOCHS, BATCHES = 3, 16  # of the runs that were stopped, and of each of their epochs
SELDOM = "callbacks.last_checkpoint.every_minutes=15"  # not after every step, by which make.py knew when to stop them
# The options that the table was made with.
EVALUATION = (
    *("data=d2", "data.missing=substitute", "paths.data=nowhere", "data.size=32", "step_deg=6", "wedges_deg=[40,60]", "images=2"),
    *("tuning_images=1", "kept_images=1", "threads=1", "methods.sart=null", "methods.tvm.tune.weight=[0.01,0.03]"),
    *("methods.tvm.reconstructor.iterations=10", "checkpoints={irdm_d2: run, irdm_drawn: stopped}", "data_consistency=[0.15]"),
    *("table=table/results", "paths.root=table"),
)
ROWS = 8 * 2 * 2  # four methods and each corrected by the data, wedges, images


@pytest.fixture
def left(tmp_path, monkeypatch) -> Path:
    """The folder that the version before worked in, moved elsewhere, and the test in it."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    monkeypatch.chdir(tmp_path / "version_before")
    return tmp_path / "version_before"


@pytest.fixture
def program(left, monkeypatch):
    """``program("train", ...)``: mwgan-train as from a command line, in this process."""
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)

    def run(name: str, *arguments: str) -> None:
        monkeypatch.setattr(sys, "argv", [f"mwgan-{name}", *arguments, "hydra/job_logging=none", "hydra/hydra_logging=none"])
        importlib.import_module(f"mwgan.cli.{name}").main()

    return run


def mwgan(*arguments: str) -> None:
    done = CliRunner().invoke(app, arguments)
    if done.exception is not None:
        raise done.exception


def checkpoint(run: str | Path) -> dict:
    return torch.load(Path(run) / LAST, weights_only=True)


def logged(run: str | Path, part: str = "metrics") -> pd.DataFrame:
    """The epochs that a part of a run's log holds, by their last step."""
    return pd.read_csv(Path(run) / "csv" / f"{part}.csv").groupby("epoch").last()


def test_a_run_that_was_stopped_within_an_epoch_is_resumed_there(program):
    assert checkpoint("stopped")["epoch"] == 1
    program("train", "resume=stopped", SELDOM)
    last = checkpoint("stopped")
    assert (last["epoch"], last["global_step"]) == (EPOCHS - 1, 2 * EPOCHS * BATCHES)  # of both networks
    before, after = logged("stopped", "metrics_1"), logged("stopped")
    assert after["train/pixel_loss"].dropna().index.tolist() == [1, 2]
    assert set(before["val/psnr"].dropna().index) == {0}
    assert after["train/batches"].iloc[-1] == EPOCHS * BATCHES
    # It learned what the version before would have learned.
    then = json.loads(Path("uninterrupted", jobs.FINISHED).read_text())["metrics"]
    now = jobs.metrics_of(Path("stopped"))
    assert now["val/psnr"] == pytest.approx(then["val/psnr"], abs=0.5)
    assert now["train/pixel_loss"] == pytest.approx(then["train/pixel_loss"], rel=0.1)
    assert set(then) <= set(now)


def test_a_finished_run_says_so(program, capsys):
    metrics = jobs.metrics_of(Path("run"))
    program("train", "resume=run")
    assert "run is already finished" in capsys.readouterr().out
    assert jobs.metrics_of(Path("run")) == metrics


@pytest.mark.slow
def test_a_finished_run_is_trained_further_when_asked(program):
    program("train", "resume=run", "trainer.max_epochs=3")
    assert checkpoint("run")["epoch"] == 2
    assert logged("run")["train/pixel_loss"].dropna().index.tolist() == [2]


def test_a_sweep_is_swept_on(program):
    assert [(run.method, run.train_seed, run.finished) for run in runs_of("sweep")] == [("irdm_pixel", 0, True)]
    untouched = (Path("sweep/0") / LAST).stat().st_mtime_ns
    program("train", "resume=sweep")
    assert (Path("sweep/0") / LAST).stat().st_mtime_ns == untouched
    assert [(run.train_seed, run.finished) for run in runs_of("sweep")] == [(0, True), (1, True)]
    assert checkpoint("sweep/1")["epoch"] == 1
    assert "2 runs: 2 finished" in write_report(Path("sweep")).read_text()


def test_a_stage_that_learns_from_an_inpainter_is_resumed(program):
    """Its command named the inpainter by an option of its own: inpainters=."""
    assert "inpainters='joint/inpainting'" in jobs.options_of(Path("joint/deartifact"))
    assert checkpoint("joint/deartifact")["epoch"] == 1
    program("train", "resume=joint/deartifact", SELDOM)
    assert checkpoint("joint/deartifact")["epoch"] == EPOCHS - 1
    _, inpainter = read_weights(find_weights("joint/inpainting"))
    _, joint = read_weights(find_weights("joint/deartifact"))
    assert all(torch.equal(joint[f"inpainter.{name}"], value) for name, value in inpainter.items())  # frozen


@pytest.mark.slow
def test_a_run_of_stages_goes_on_at_the_stage_where_it_was(program):
    first = (Path("joint/inpainting") / LAST).stat().st_mtime_ns
    program("train", "resume=joint", SELDOM)
    assert (Path("joint/inpainting") / LAST).stat().st_mtime_ns == first
    assert logged("joint/deartifact")["train/pixel_loss"].dropna().index.tolist() == [1, 2]
    assert all(jobs.is_finished(Path("joint", stage)) for stage in ("inpainting", "deartifact", "finetune", "finish"))
    finished = load_reconstructor("joint")
    assert isinstance(finished.generator, JointModel)
    assert list(finished.record["stages"]) == ["inpainting", "deartifact", "finetune", "finish"]


@pytest.mark.slow
def test_a_joint_model_is_begun_from_an_inpainter_by_the_option_of_that_version(program):
    kept = [option for option in jobs.options_of(Path("joint/deartifact")) if not option.startswith(("paths", "trainer.max", "data.train"))]
    program("train", *kept, "paths.run_dir=again", "trainer.max_epochs=1", "data.train.count=8")
    record, joint = read_weights(find_weights("again"))
    _, inpainter = read_weights(find_weights("joint/inpainting"))
    assert all(torch.equal(joint[f"inpainter.{name}"], value) for name, value in inpainter.items())
    assert record["commit"] != read_weights(find_weights("joint/inpainting"))[0]["commit"]


@pytest.mark.parametrize("source", ["run", *(pytest.param(name, marks=pytest.mark.slow) for name in ("exported.safetensors", "shards"))])
def test_a_training_begins_with_weights_of_that_version(source, program):
    kept = [
        option for option in jobs.options_of(Path("run")) if not option.startswith(("paths.run_dir", "trainer.max", "data.train.count"))
    ]
    still = ("model.generator_optimizer.lr=0", "trainer.max_epochs=1", "data.train.count=4")
    program("train", *kept, *still, f"init={source}", "paths.run_dir=new")
    theirs, begun_with = read_weights(find_weights(source))
    record, trained = read_weights(find_weights("new"))
    learned = [name for name in begun_with if name.endswith("weight")]  # unlike the statistics of batches, moved by the rate alone
    assert learned
    assert all(torch.equal(trained[name].half(), begun_with[name].half()) for name in learned)
    assert record["init"]["commit"] == theirs["commit"]


def test_a_run_of_other_options_is_refused_with_what_differs(program, capsys):
    with pytest.raises(SystemExit) as refused:
        program("train", "resume=run", "trainer.max_epochs=3", "model.generator.width=3")
    assert refused.value.code == 2
    assert "was trained with generator" in capsys.readouterr().err
    assert jobs.is_finished(Path("run"))


@pytest.mark.parametrize("source", NETWORKS)
def test_a_network_gives_the_tomogram_that_it_gave(source, left):
    kept = np.load("tomograms.npz")
    geometry = TiltGeometry.full(32, 6.0)
    measurement = Measurement(torch.from_numpy(kept["sinogram"])[None, None], geometry.measured(45.0), geometry)
    network = load_reconstructor(source)
    tomogram = network(measurement)[0, 0].numpy()
    assert kept[source].std() > 0.02  # or it would be no picture
    np.testing.assert_allclose(tomogram, kept[source], atol=1e-4)
    assert network.record["commit"] == "61aa6608c214"


def test_an_evaluation_goes_on_in_the_table(program):
    table, trials = Path("table/results.parquet"), Path("table/results.tuning.csv").read_text()
    recorded, kept = read_rows(table), pd.read_parquet("table/results.tomograms.parquet")
    assert len(recorded) == ROWS
    untouched = table.read_bytes()
    program("evaluate", *EVALUATION)
    assert table.read_bytes() == untouched
    program("evaluate", *EVALUATION, "images=3")
    rows = read_rows(table)
    old, new = rows[:ROWS], rows[ROWS:]
    pd.testing.assert_frame_equal(old[recorded.columns], recorded, check_dtype=False)
    assert len(new) == ROWS // 2
    assert new["image"].eq(2).all()
    # What that version told in names alone is told of old rows as of new ones.
    message = ["method", "reconstructor", "data_consistency", "train_data", "stand_ins", "checkpoint", "sinogram", "wedge_deg", "source"]
    assert set(new[message].itertuples(index=False, name=None)) == set(old[message].itertuples(index=False, name=None))
    assert old["data_consistency"].sum() == ROWS // 2
    assert old["stand_ins"].eq("brain, ct").sum() == ROWS // 4
    assert Path("table/results.tuning.csv").read_text() == trials
    assert len(pd.read_parquet("table/results.tomograms.parquet")) >= len(kept)


def test_an_evaluation_under_other_conditions_is_refused_the_table(program, capsys):
    before = Path("table/results.csv").read_bytes()
    with pytest.raises(SystemExit) as refused:
        program("evaluate", *EVALUATION, "methods.tvm.reconstructor.iterations=11")
    assert refused.value.code == 2
    assert "method tvm" in capsys.readouterr().err
    assert Path("table/results.csv").read_bytes() == before


def test_figures_are_drawn_from_the_table(program):
    program("figures", "table=table/results", "figures=[means_table,nrmse_table,comparison_panel,nrmse_by_wedge]", "folder=drawn")
    for name in ("means_table", "nrmse_table"):
        then, now = (pd.read_csv(Path(folder, f"{name}.csv")) for folder in ("means", "drawn"))
        pd.testing.assert_frame_equal(now[then.columns], then)
    assert all(Path("drawn", f"{name}.png").read_bytes().startswith(b"\x89PNG") for name in ("comparison_panel", "nrmse_by_wedge"))


@pytest.mark.slow
def test_the_curves_of_a_run_are_drawn(program):
    program("figures", "run=run", "folder=drawn")
    assert Path("drawn/training_curves.png").read_bytes().startswith(b"\x89PNG")


def test_pieces_and_shards_are_joined(left):
    mwgan("weights", "join", "pieces", "-o", "joined.ckpt")
    assert Path("joined.ckpt").read_bytes() == (Path("run") / LAST).read_bytes()
    mwgan("weights", "join", "shards", "-o", "joined.safetensors")
    (record, state), (theirs, same) = read_weights(Path("joined.safetensors")), read_weights(Path("exported.safetensors"))
    assert record == theirs
    assert all(torch.equal(state[name], value) for name, value in same.items())


def test_a_run_is_split_and_exported(left):
    mwgan("weights", "split", "run", "-o", "cut")
    theirs = json.loads(Path("pieces/pieces.json").read_text())
    assert json.loads(Path("cut/pieces.json").read_text())["sha256"] == theirs["sha256"]
    mwgan("weights", "export", "run", "-o", "new.safetensors")
    (record, state), (exported, same) = read_weights(Path("new.safetensors")), read_weights(Path("exported.safetensors"))
    assert record == exported
    assert all(torch.equal(state[name], value) for name, value in same.items())
