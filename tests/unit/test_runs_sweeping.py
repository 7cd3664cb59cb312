"""A sweep's start and end, and its jobs: what is recorded, refused, counted and passed on."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from mwgan.errors import InputError
from mwgan.runs import sweeping
from mwgan.runs.folder import FAILED, QUEUE_AGAIN, TERMINATED, begin, claimed
from mwgan.runs.hydra_records import SWEEP, read_yaml
from mwgan.runs.sweeping import SweepStart, job_of_sweep

BASIC = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"
SEARCH = "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"


def sweep(folder: Path, *task: str, sweeper: str = BASIC, launcher: str = "basic") -> DictConfig:
    hydra = {"sweep": {"dir": str(folder)}, "sweeper": {"_target_": sweeper, "params": None}, "launcher": {"_target_": launcher}}
    return OmegaConf.create({"hydra": {**hydra, "overrides": {"task": list(task), "hydra": []}}, "data": {"missing": "error"}})


@pytest.fixture
def job(tmp_path, monkeypatch) -> DictConfig:
    """A job of a sweep, and what Hydra says of it."""
    told = sweep(tmp_path, "seed=3").hydra
    told.job = {"num": 4}
    monkeypatch.setattr(HydraConfig, "get", staticmethod(lambda: told))
    (tmp_path / "4").mkdir()
    return OmegaConf.create({"paths": {"output_dir": str(tmp_path / "4")}, "sweep": None, "label": None, "name": "demo"})


def test_a_sweep_is_recorded_as_it_begins(tmp_path):
    SweepStart().on_multirun_start(sweep(tmp_path / "sweep", "seed=0,1"))
    assert read_yaml(tmp_path / "sweep" / SWEEP)["hydra"]["overrides"]["task"] == ["seed=0,1"]


def test_another_sweep_is_refused_and_the_same_by_older_names_is_not(tmp_path, capsys):
    SweepStart().on_multirun_start(sweep(tmp_path, "inpainters=a,b", "threads=1"))
    (tmp_path / "0").mkdir()
    begin(tmp_path / "0", ["inpainters=a"])
    SweepStart().on_multirun_start(sweep(tmp_path, "init={generator.inpainter:a},{generator.inpainter:b}", "threads=2"))
    with pytest.raises(SystemExit) as refused:
        SweepStart().on_multirun_start(sweep(tmp_path, "seed=0,1"))
    assert refused.value.code == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path} holds another sweep (init=")


def test_jobs_that_failed_are_counted_at_the_end_but_not_those_of_a_search(tmp_path, capsys):
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        begin(tmp_path / str(number), [f"seed={number}"])
    (tmp_path / "1" / FAILED).write_text("why\n")
    SweepStart().on_multirun_end(sweep(tmp_path, sweeper=SEARCH))
    with pytest.raises(SystemExit) as ended:
        SweepStart().on_multirun_end(sweep(tmp_path))
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"error: 1 of 3 jobs failed: 1; mwgan-train resume='{tmp_path}' tries them again\n"
    (tmp_path / "1" / FAILED).unlink()
    SweepStart().on_multirun_end(sweep(tmp_path))


def test_a_job_is_named_by_its_sweep(job, tmp_path, monkeypatch):
    monkeypatch.setattr(sweeping, "answer", lambda cfg, train: {"sweep": cfg.sweep, "label": cfg.label})
    assert job_of_sweep(job, dict) == {"sweep": tmp_path.name, "label": "demo 4"}


@pytest.mark.parametrize(
    ("error", "reason"),
    [(InputError("too wide"), "too wide"), (SystemExit(1), "one of its stages failed"), (KeyError("x"), "KeyError: 'x'")],
)
def test_a_job_that_fails_is_noted_and_the_next_one_goes_on(error, reason, job, monkeypatch, capsys):
    def fail(cfg, train):
        raise error

    monkeypatch.setattr(sweeping, "answer", fail)
    note = Path(job.paths.output_dir) / FAILED
    assert job_of_sweep(job, dict) is None
    assert note.read_text() == f"job 4 of the sweep (seed=3) failed: {reason}\n"
    assert capsys.readouterr().err.endswith(note.read_text())
    HydraConfig.get().sweeper._target_ = SEARCH
    with pytest.raises(InputError, match="job 4 of the sweep"):
        job_of_sweep(job, dict)
    monkeypatch.setattr(sweeping, "answer", lambda cfg, train: 1.0)
    assert job_of_sweep(job, dict) == 1.0
    assert not note.exists()


@pytest.mark.parametrize("status", [TERMINATED, QUEUE_AGAIN])
def test_a_job_that_was_told_to_end_ends_the_sweep(status, job, monkeypatch):
    def stop(cfg, train):
        raise SystemExit(status)

    monkeypatch.setattr(sweeping, "answer", stop)
    with pytest.raises(SystemExit) as ended:
        job_of_sweep(job, dict)
    assert ended.value.code == status
    assert not (Path(job.paths.output_dir) / FAILED).exists()


def test_jobs_side_by_side_are_told_to_end_and_waited_for(tmp_path, monkeypatch):
    told: list[str] = []

    class Child:
        def terminate(self) -> None:
            told.append("terminate")

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(sweeping.multiprocessing, "active_children", lambda: [Child(), Child()])
    (tmp_path / "0").mkdir()
    begin(tmp_path / "0", [])
    held = claimed(tmp_path / "0")
    held.__enter__()

    def waits(seconds: float) -> None:
        told.append("wait")
        held.__exit__(None, None, None)

    monkeypatch.setattr(sweeping.time, "sleep", waits)
    try:
        SweepStart().on_multirun_start(sweep(tmp_path, launcher="hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"))
        with pytest.raises(SystemExit) as ended:
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (ended.value.code, told) == (TERMINATED, ["terminate", "terminate", "wait"])
