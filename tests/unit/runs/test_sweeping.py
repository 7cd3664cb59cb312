"""How a sweep starts, how each of its jobs ends, and what is said when all are over."""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
from omegaconf import DictConfig, OmegaConf

from mwgan.errors import InputError
from mwgan.runs import folder as jobs
from mwgan.runs import sweeping
from mwgan.runs.folder import FAILED, INTERRUPTED, REQUEUE, TERMINATED
from mwgan.runs.sweeping import SweepStart, job_of_sweep

BASIC = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"
JOBLIB = "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"
OPTUNA = "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"


def sweep(folder: Path, *options: str, hydra: tuple[str, ...] = (), sweeper: str = BASIC, launcher: str = "basic") -> DictConfig:
    """The configuration that Hydra's callbacks are given."""
    return OmegaConf.create({
        "hydra": {
            "sweep": {"dir": str(folder)},
            "sweeper": {"_target_": sweeper, "params": None},
            "launcher": {"_target_": launcher},
            "overrides": {"task": list(options), "hydra": list(hydra)},
        },
        "data": {"missing": "error"},
        "half": "${data.missing}",
    })  # fmt: skip


@pytest.fixture
def signals(monkeypatch):
    """The handlers that were set, by signal, instead of setting them."""
    handlers: dict[int, object] = {}
    monkeypatch.setattr(sweeping.signal, "signal", handlers.__setitem__)
    return handlers


def start(config: DictConfig) -> None:
    SweepStart().on_multirun_start(config, config_name="train")


def end(config: DictConfig) -> None:
    SweepStart().on_multirun_end(config)


def test_a_sweep_is_recorded_before_its_first_job(signals, tmp_path):
    start(sweep(tmp_path / "new", "seed=0,1"))
    recorded = (tmp_path / "new" / "multirun.yaml").read_text()
    assert "seed=0,1" in recorded
    assert "half: ${data.missing}" in recorded  # resolved by whoever resumes it
    assert signals == {}


def test_jobs_side_by_side_are_ended_with_the_sweep(signals, tmp_path):
    start(sweep(tmp_path, "seed=0,1", launcher=JOBLIB))
    assert list(signals) == [sweeping.signal.SIGTERM]


def test_the_same_sweep_goes_on_and_another_is_refused(signals, tmp_path, capsys):
    start(sweep(tmp_path, "seed=0,1", "wedge.min_deg=40", "threads=1"))
    start(sweep(tmp_path, "seed=5,6"))  # no job was begun: nothing would be mistaken
    start(sweep(tmp_path, "seed=0,1", "wedge.min_deg=40", "threads=1"))
    (tmp_path / "0").mkdir()
    jobs.record_start(tmp_path / "0", ["seed=0"])
    start(sweep(tmp_path, "wedge.min_deg=40", "seed=0,1", "threads=2"))
    before = (tmp_path / "multirun.yaml").read_bytes()
    with pytest.raises(SystemExit) as refused:
        start(sweep(tmp_path, "seed=5,6"))
    assert refused.value.code == 2
    assert "holds another sweep (wedge.min_deg=40 seed=0,1 threads=2): resume that one" in capsys.readouterr().err
    assert (tmp_path / "multirun.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("hydra", "same"),
    [
        (("hydra.sweeper.n_trials=9",), True),
        (("hydra.sweep.dir=elsewhere",), True),
        (("hydra.sweep.subdir=x",), False),
        (("hydra/sweeper=optuna",), False),
        (("hydra.sweeper.seed=2",), False),
    ],
)
def test_hydras_options_that_make_a_sweep_another_one(hydra, same, signals, tmp_path):
    start(sweep(tmp_path, "seed=0,1", hydra=("hydra.sweeper.n_trials=3",)))
    (tmp_path / "0").mkdir()
    jobs.record_start(tmp_path / "0", ["seed=0"])
    again = sweep(tmp_path, "seed=0,1", hydra=hydra)
    if same:
        start(again)
    else:
        with pytest.raises(SystemExit):
            start(again)


def test_the_same_sweep_by_older_names_goes_on(signals, tmp_path):
    start(sweep(tmp_path, "inpainters=a,b"))
    (tmp_path / "0").mkdir()
    jobs.record_start(tmp_path / "0", ["inpainters=a"])
    start(sweep(tmp_path, "init={generator.inpainter:a},{generator.inpainter:b}"))


def test_the_order_of_swept_keys_is_that_of_the_jobs(signals, tmp_path):
    start(sweep(tmp_path, "seed=0,1", "data=d1,d2"))
    (tmp_path / "0").mkdir()
    jobs.record_start(tmp_path / "0", ["seed=0", "data=d1"])
    with pytest.raises(SystemExit):
        start(sweep(tmp_path, "data=d1,d2", "seed=0,1"))


def test_a_misspelt_word_is_refused_before_a_folder_is_made(signals, tmp_path, capsys):
    config = sweep(tmp_path / "new", "data.missing=subsitute")
    config.data.missing = "subsitute"
    with pytest.raises(SystemExit):
        start(config)
    assert "neither error nor substitute" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_failed_jobs_are_counted_in_the_end(tmp_path, capsys):
    end(sweep(tmp_path))
    for name in ("0", "2", "10"):
        (tmp_path / name).mkdir()
    jobs.record_start(tmp_path / "0", [])
    for name in ("10", "2"):
        (tmp_path / name / FAILED).write_text("why\n")
    with pytest.raises(SystemExit) as ended:
        end(sweep(tmp_path))
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"error: 2 of 3 jobs failed: 2, 10; mwgan-train resume='{tmp_path}' tries them again\n"
    end(sweep(tmp_path, sweeper=OPTUNA))  # which continues with what its trials were worth


@pytest.fixture
def job(monkeypatch, tmp_path):
    """The third job of a sweep, and what it ends with: ``job(cfg_changes, ending)``."""

    def run(ending: object, sweeper: str = BASIC) -> tuple[DictConfig, object]:
        folder = tmp_path / "sweep" / "2"
        folder.mkdir(parents=True, exist_ok=True)
        hydra = {
            "sweep": SimpleNamespace(dir=str(folder.parent)),
            "sweeper": SimpleNamespace(_target_=sweeper),
            "job": SimpleNamespace(num=2),
            "overrides": SimpleNamespace(task=["seed=3", "data=d1"]),
        }
        monkeypatch.setattr(sweeping, "HydraConfig", SimpleNamespace(get=lambda: SimpleNamespace(**hydra)))

        def answer(cfg: DictConfig, train: object) -> object:
            assert not (folder / FAILED).exists()
            if isinstance(ending, BaseException):
                raise ending
            return ending

        monkeypatch.setattr(sweeping, "answer", answer)
        cfg = OmegaConf.create({"paths": {"output_dir": str(folder)}, "name": "train", "sweep": None, "label": "train"})
        return cfg, job_of_sweep(cfg, dict)

    return run


def test_a_job_knows_its_sweep_and_gives_its_metrics(job, tmp_path):
    (tmp_path / "sweep" / "2").mkdir(parents=True)
    (tmp_path / "sweep" / "2" / FAILED).write_text("the last time")
    cfg, metrics = job({"val/psnr": 20.0})
    assert metrics == {"val/psnr": 20.0}
    assert (cfg.sweep, cfg.label) == ("sweep", "train 2")
    assert not (tmp_path / "sweep" / "2" / FAILED).exists()


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        (InputError("the wedge is too wide"), "the wedge is too wide"),
        (ZeroDivisionError("a bug"), "ZeroDivisionError: a bug"),
        (SystemExit(1), "one of its stages failed"),
    ],
)
def test_a_job_that_fails_says_so_and_lets_the_others_run(ending, reason, job, tmp_path, capsys):
    assert job(ending)[1] is None
    sentence = f"job 2 of the sweep (seed=3, data=d1) failed: {reason}\n"
    message = capsys.readouterr().err
    assert message.endswith(sentence)
    assert ("Traceback" in message) == isinstance(ending, ZeroDivisionError)
    assert (tmp_path / "sweep" / "2" / FAILED).read_text() == sentence


def test_a_search_hears_of_a_job_that_fails(job):
    with pytest.raises(InputError, match=r"job 2 of the sweep .* failed: ZeroDivisionError: a bug"):
        job(ZeroDivisionError("a bug"), OPTUNA)


@pytest.mark.parametrize("status", [TERMINATED, INTERRUPTED, REQUEUE])
def test_a_job_that_is_told_to_end_ends_the_sweep(status, job, tmp_path):
    with pytest.raises(SystemExit) as ended:
        job(SystemExit(status))
    assert ended.value.code == status
    assert not (tmp_path / "sweep" / "2" / FAILED).exists()


def test_a_sweep_that_is_told_to_end_waits_for_jobs_that_write_their_checkpoint(monkeypatch, tmp_path):
    before, said = signal.getsignal(signal.SIGTERM), []
    monkeypatch.setattr(sweeping.multiprocessing, "active_children", lambda: [SimpleNamespace(terminate=lambda: said.append("end"))] * 2)
    (tmp_path / "0").mkdir()
    jobs.record_start(tmp_path / "0", [])
    with ExitStack() as training:
        training.enter_context(jobs.claimed(tmp_path / "0"))

        def wait(seconds: float) -> None:
            said.append("wait")
            if said.count("wait") == 2:
                training.close()

        monkeypatch.setattr(sweeping.time, "sleep", wait)
        try:
            start(sweep(tmp_path, launcher=JOBLIB))
            with pytest.raises(SystemExit) as ended:
                signal.raise_signal(signal.SIGTERM)
        finally:
            signal.signal(signal.SIGTERM, before)
    assert ended.value.code == TERMINATED
    assert said == ["end", "end", "wait", "wait"]


def test_it_does_not_wait_for_ever(monkeypatch, tmp_path):
    (tmp_path / "0").mkdir()
    jobs.record_start(tmp_path / "0", [])
    seconds = iter(range(0, sys.maxsize, 30))
    slept = []
    monkeypatch.setattr(sweeping.multiprocessing, "active_children", list)
    monkeypatch.setattr(sweeping, "is_claimed", lambda folder: True)
    monkeypatch.setattr(sweeping.time, "sleep", slept.append)
    monkeypatch.setattr(sweeping.time, "monotonic", lambda: next(seconds))
    with pytest.raises(SystemExit):
        sweeping._end_jobs(tmp_path, 15, None)
    assert 0 < len(slept) < 5
