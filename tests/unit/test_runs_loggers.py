"""The loggers of a run, and the log that stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf
from pytorch_lightning.loggers import CSVLogger

from mwgan.errors import MissingExtraError
from mwgan.runs import loggers as of_a_run
from mwgan.runs.loggers import WANDB_ID, loggers

CSV = {"_target_": "pytorch_lightning.loggers.CSVLogger", "save_dir": "${paths.output_dir}", "name": "csv", "version": ""}
WANDB = {"_target_": "pytorch_lightning.loggers.WandbLogger", "id": None}


def configured(folder: Path, resume: str | None = None, **nodes: object):
    return OmegaConf.create({"paths": {"output_dir": str(folder)}, "resume": resume, "logger": nodes})


def test_loggers_are_those_that_are_named(tmp_path):
    made = loggers(configured(tmp_path, csv=CSV, tensorboard=None))
    assert [type(one) for one in made] == [CSVLogger]


def test_the_log_of_a_resumed_run_is_set_aside(tmp_path):
    (tmp_path / "csv").mkdir()
    for part in ("first", "second"):
        (tmp_path / "csv" / "metrics.csv").write_text(part)
        loggers(configured(tmp_path, csv=CSV))
    assert [(tmp_path / "csv" / f"metrics_{number}.csv").read_text() for number in (1, 2)] == ["first", "second"]


def test_a_run_keeps_its_name_on_a_dashboard_and_a_new_one_gets_another(tmp_path, monkeypatch):
    asked: list[object] = []
    monkeypatch.setattr(of_a_run, "find_spec", lambda name: True)
    monkeypatch.setattr(of_a_run, "build", lambda node, **arguments: asked.append(arguments["id"]))
    for resume in (None, "run", None):
        loggers(configured(tmp_path, resume, wandb=WANDB))
    loggers(configured(tmp_path, wandb={**WANDB, "id": "mine"}))
    assert asked[0] == asked[1] != asked[2]
    assert asked[3] == "mine"
    assert (tmp_path / WANDB_ID).read_text().strip() == asked[2]
    monkeypatch.setenv("LOCAL_RANK", "1")
    loggers(configured(tmp_path / "other", wandb=WANDB))
    assert (asked[4], (tmp_path / "other").exists()) == (None, False)


def test_a_missing_package_is_named_with_its_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(of_a_run, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"mwgan\[wandb\]"):
        loggers(configured(tmp_path, wandb=WANDB))
