"""Sweeps: killed in the middle they resume where they were, a failure stops no other job, and their folder can be read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import forked
import pandas as pd
import pytest
import torch
from omegaconf import OmegaConf

from mwgan.cli.train import main
from mwgan.runs import folder as jobs
from mwgan.runs.sweeps import runs_of

PROGRAM = [sys.executable, "-m", "mwgan.cli.train"]
SMOKE = ("debug=smoke", "model=irdm_pixel", "model.generator.depth=2", "logger=csv", "callbacks.image_panels=null", "threads=1")
SMOKE += ("callbacks.progress_bar=null", "trainer.enable_progress_bar=false", "trainer.accelerator=cpu")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def run_program(*arguments: str, folder: Path, anew: bool = False) -> subprocess.CompletedProcess:
    """``mwgan-train``; ``anew``: by a process that loads everything itself, as processes of its own do."""
    if forked.AVAILABLE and not anew:
        return forked.run(forked.TRAIN, arguments, folder, ENVIRONMENT)
    return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, check=False, cwd=folder, env=ENVIRONMENT)


def start_program(*arguments: str, folder: Path) -> subprocess.Popen | forked.Running:
    """``mwgan-train``, in a session of its own."""
    if forked.AVAILABLE:
        return forked.Running(forked.TRAIN, arguments, folder, ENVIRONMENT)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*PROGRAM, *arguments], text=True, cwd=folder, env=ENVIRONMENT, start_new_session=True, **pipes)


def wait_for(file: Path, process: subprocess.Popen | forked.Running) -> None:
    while not file.exists():
        assert process.poll() is None, "the sweep ended before it could be killed"
        time.sleep(0.01)


def epochs(log: Path) -> list[int]:
    """The epochs that a log holds to their end; a run that is killed as it has written its checkpoint has logged less, or nothing."""
    if not log.exists():
        return []
    return pd.read_csv(log).reindex(columns=["epoch", "train/pixel_loss"]).dropna()["epoch"].tolist()


def last_epoch(run: Path) -> int:
    return torch.load(run / jobs.LAST, weights_only=True)["epoch"]


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_killed_sweep_goes_on_where_it_was(tmp_path):
    options = ("-m", "seed=0,1,2", *SMOKE, "data.train.count=96", "trainer.max_epochs=5", "hydra.sweep.dir=sweep")
    running = start_program(*options, folder=tmp_path)
    wait_for(tmp_path / "sweep" / "1" / jobs.LAST, running)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate(timeout=60)
    first, second, third = (tmp_path / "sweep" / str(number) for number in range(3))
    assert [run.finished for run in runs_of(tmp_path / "sweep")] == [True, False]
    untouched, stopped_after = (first / jobs.LAST).stat().st_mtime_ns, last_epoch(second)
    done = run_program("resume=sweep", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (first / jobs.LAST).stat().st_mtime_ns == untouched
    before, after = epochs(second / "csv" / "metrics_1.csv"), epochs(second / "csv" / "metrics.csv")
    assert sorted([*before, *after]) == [0, 1, 2, 3, 4]  # each epoch once, whatever moment it was killed in
    assert set(after) >= set(range(stopped_after + 1, 5))
    assert epochs(third / "csv" / "metrics.csv") == [0, 1, 2, 3, 4]
    assert [last_epoch(folder) for folder in (first, second, third)] == [4, 4, 4]
    assert all(run.finished for run in runs_of(tmp_path / "sweep"))
    assert [run.train_seed for run in runs_of(tmp_path / "sweep")] == [0, 1, 2]


@pytest.mark.slow
def test_jobs_run_side_by_side_and_one_that_fails_is_tried_again(tmp_path):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="this launcher needs hydra-joblib-launcher")
    done = run_program("-m", "launcher=joblib", "wedge.min_deg=40,70", *SMOKE, "hydra.sweep.dir=sweep", folder=tmp_path, anew=True)
    assert done.returncode == 2
    assert "40 <= max_deg" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last == "error: 1 of 2 jobs failed: 1; mwgan-train resume='sweep' tries them again"
    assert done.stderr.count("70 to 60") == 1
    good, bad = (tmp_path / "sweep" / number for number in "01")
    assert (jobs.is_finished(good), jobs.is_finished(bad)) == (True, False)
    untouched = (good / jobs.LAST).stat().st_mtime_ns
    again = run_program("resume=sweep", folder=tmp_path, anew=True)
    assert again.returncode == 2
    assert (good / jobs.LAST).stat().st_mtime_ns == untouched
    assert [run.method for run in runs_of(tmp_path / "sweep")] == ["irdm_pixel_min_deg=40", "irdm_pixel_min_deg=70"]


def test_a_job_that_fails_does_not_stop_those_after_it(tmp_path):
    done = run_program("-m", "wedge.min_deg=70,40,71", *SMOKE, "hydra.sweep.dir=sweep", folder=tmp_path)
    assert done.returncode == 2
    assert [run.finished for run in runs_of(tmp_path / "sweep")] == [False, True, False]
    assert "Traceback" not in done.stderr
    assert [line.split(" (")[0] for line in done.stderr.strip().splitlines() if "job" in line] == [
        "job 0 of the sweep",
        "job 2 of the sweep",
        "error: 2 of 3 jobs failed: 0, 2; mwgan-train resume='sweep' tries them again",
    ]


def test_another_sweep_is_refused_before_it_writes_over_the_first(tmp_path):
    done = run_program("-m", "wedge.min_deg=40,50", "seed=3", *SMOKE, "hydra.sweep.dir=sweep", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    before = contents(tmp_path / "sweep")
    for other in (["-m", "wedge.min_deg=41,51", "seed=4", *SMOKE, "hydra.sweep.dir=sweep"], ["resume=sweep", "trainer.max_epochs=2"]):
        refused = run_program(*other, folder=tmp_path)
        assert refused.returncode == 2
        assert refused.stderr.startswith("error: sweep holds another sweep (wedge.min_deg=40,50 seed=3 ")
        assert refused.stderr.count("\n") == 1
        assert "tries" not in refused.stderr
        assert contents(tmp_path / "sweep") == before
    again = run_program("resume=sweep", "threads=2", folder=tmp_path)
    assert (again.returncode, again.stdout.count("already finished")) == (0, 2)
    runs = [(run.method, run.train_seed) for run in runs_of(tmp_path / "sweep")]
    assert runs == [("irdm_pixel_min_deg=40", 3), ("irdm_pixel_min_deg=50", 3)]


def test_ctrl_c_ends_a_run_and_a_sweep_in_a_sentence(tmp_path):
    for options, log in ((["paths.run_dir=run"], "run"), (["-m", "seed=0,1", "hydra.sweep.dir=sweep"], "sweep/0")):
        running = start_program(*options, *SMOKE, "data.train.count=96", "trainer.max_epochs=500", folder=tmp_path)
        wait_for(tmp_path / log / jobs.LAST, running)
        running.send_signal(signal.SIGINT)
        message = running.communicate(timeout=60)[1]
        assert running.returncode == 130
        assert message.strip().splitlines()[-1] == "interrupted: finished results are kept"
        assert "Traceback" not in message
    assert not (tmp_path / "sweep" / "1").exists()


def test_a_misspelt_word_for_missing_data_is_refused_before_any_job(tmp_path):
    misspelt = "data.missing=subsitute"
    for command in ([misspelt, "paths.run_dir=run"], ["-m", "data=d1,d2", misspelt, "hydra.sweep.dir=sweep"]):
        done = run_program(*command, *SMOKE, folder=tmp_path)
        assert done.returncode == 2
        assert done.stderr.startswith("error: data.missing=subsitute is neither error nor substitute")
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "sweep").exists()
    assert not (tmp_path / "run" / jobs.BEGUN).exists()


def test_a_stage_that_fails_does_not_stop_the_other_jobs(monkeypatch, capsys, tmp_path):
    def stage_failed(cfg, options, added):
        sys.exit(1)

    monkeypatch.setattr("mwgan.runs.one_run.run_stages", stage_failed)
    monkeypatch.chdir(tmp_path)
    options = ("experiment=ding2019/reduced/joint", "seed=0,1", "threads=1", "hydra.sweep.dir=sweep")
    monkeypatch.setattr(sys, "argv", ["mwgan-train", "-m", *options])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    message = capsys.readouterr().err
    assert message.count("one of its stages failed") == 2
    assert "2 of 2 jobs failed: 0, 1" in message


def test_a_run_folder_alone_is_gone_on_with_in_place(tmp_path):
    run_program(*SMOKE, "paths.run_dir=run", "trainer.max_epochs=2", folder=tmp_path)
    note = json.loads((tmp_path / "run" / jobs.FINISHED).read_text())
    assert note["metrics"]["val/psnr"] > 0
    assert "trainer.max_epochs=2" in note["overrides"]
    again = run_program("resume=run", folder=tmp_path)
    assert (again.returncode, "already finished" in again.stdout) == (0, True)
    further = run_program("resume=run", "trainer.max_epochs=3", folder=tmp_path)
    assert further.returncode == 0, further.stderr
    assert epochs(tmp_path / "run" / "csv" / "metrics.csv") == [2]
    assert [folder.name for folder in tmp_path.iterdir()] == ["run"]


def test_a_search_maximises_its_objective_and_goes_on_with_the_same_trials(tmp_path):
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper", reason="a search needs hydra-optuna-sweeper")
    done = run_program("-m", "search=optuna_pixel", "hydra.sweeper.n_trials=2", *SMOKE, "hydra.sweep.dir=search", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = (tmp_path / "search" / number for number in "01")
    results = tmp_path / "search" / "optimization_results.yaml"
    assert OmegaConf.load(results).best_value == max(jobs.metrics_of(job)["val/psnr"] for job in (first, second))
    assert set(OmegaConf.load(results).best_params) == {"model.generator_optimizer.lr", "model.gradient_clip"}
    untouched = [(job / jobs.LAST).stat().st_mtime_ns for job in (first, second)]
    further = run_program("resume=search", "hydra.sweeper.n_trials=3", folder=tmp_path)
    assert further.returncode == 0, further.stderr
    assert [(job / jobs.LAST).stat().st_mtime_ns for job in (first, second)] == untouched
    assert jobs.is_finished(tmp_path / "search" / "2")


def test_a_sweep_on_one_machine_uses_one_device_a_job(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["mwgan-train", "-m", "seed=0,1", *SMOKE, "trainer.devices=2", f"paths.root={tmp_path}"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert "use trainer.devices=1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "plugin", "extra"),
    [
        ("launcher=joblib", "joblib_launcher", "sweep"),
        ("launcher=slurm", "submitit_launcher", "slurm"),
        ("search=optuna", "optuna_sweeper", "search"),
    ],
)
def test_a_missing_plugin_is_named_with_its_extra(option, plugin, extra, monkeypatch, capsys, tmp_path):
    if find_spec(f"hydra_plugins.hydra_{plugin}"):
        pytest.skip("it is installed")
    monkeypatch.setattr(sys, "argv", ["mwgan-train", "-m", option, "debug=smoke", f"paths.root={tmp_path}"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert f"pip install 'mwgan[{extra}]'" in capsys.readouterr().err
