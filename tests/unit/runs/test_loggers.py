"""A run's loggers: built as configured, the log of an earlier part kept, Weights & Biases resumed by its id."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from mwgan.errors import MissingExtraError
from mwgan.runs import loggers as module
from mwgan.runs.loggers import WANDB_ID, loggers


class Kept:
    """A logger that keeps what it was built with."""

    def __init__(self, **settings: object) -> None:
        self.settings = settings


class KeptWandb(Kept):
    """One that is taken for that of Weights & Biases."""


HERE = f"{__name__}.Kept"
WANDB = f"{__name__}.KeptWandb"


@pytest.fixture(autouse=True)
def first_process(monkeypatch):
    for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(module, "find_spec", lambda name: object())


def config(folder: Path, resume: str | None = None, **nodes: dict[str, object] | None):
    return OmegaConf.create({"paths": {"output_dir": str(folder)}, "resume": resume, "logger": nodes})


def test_loggers_are_those_that_are_configured(tmp_path):
    made = loggers(config(tmp_path, csv={"_target_": HERE, "name": "csv"}, tensorboard=None))
    assert [(type(one), one.settings) for one in made] == [(Kept, {"name": "csv"})]
    assert not (tmp_path / WANDB_ID).exists()


def test_the_log_of_the_part_before_is_set_aside(tmp_path):
    log = tmp_path / "csv"
    log.mkdir()
    for part in ("first", "second"):
        (log / "metrics.csv").write_text(part)
        loggers(config(tmp_path))
    assert {file.name: file.read_text() for file in log.iterdir()} == {"metrics_1.csv": "first", "metrics_2.csv": "second"}


def test_a_resumed_run_keeps_its_id_and_a_new_one_has_another(tmp_path):
    (first,) = loggers(config(tmp_path / "run", wandb={"_target_": WANDB, "id": None}))
    (resumed,) = loggers(config(tmp_path / "run", resume="run", wandb={"_target_": WANDB, "id": None}))
    (anew,) = loggers(config(tmp_path / "run", wandb={"_target_": WANDB, "id": None}))
    assert first.settings["id"] == resumed.settings["id"] != anew.settings["id"]
    assert (tmp_path / "run" / WANDB_ID).read_text().strip() == anew.settings["id"]
    (given,) = loggers(config(tmp_path / "run", wandb={"_target_": WANDB, "id": "mine"}))
    assert given.settings["id"] == "mine"


def test_a_process_beside_the_first_leaves_log_and_id_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "metrics.csv").touch()
    (other,) = loggers(config(tmp_path, wandb={"_target_": WANDB, "id": None}))
    assert other.settings["id"] is None
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["metrics.csv"]


def test_a_missing_package_is_named_with_its_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"mwgan\[wandb\]"):
        loggers(config(tmp_path, wandb={"_target_": WANDB, "id": None}))
