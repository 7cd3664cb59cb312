"""What the logs of a run hold: scalars, pictures and settings; each job of a sweep a run of its own, also after a failure or a stop."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from mwgan.callbacks import PeakMemory
from mwgan.callbacks.dashboards import flat
from mwgan.callbacks.wedge_metrics import QualityByWedge
from mwgan.cli.train import train
from mwgan.errors import MissingExtraError

SMALL = ("debug=smoke", "model=irdm_pixel", "model.generator.depth=2")
QUIET = ("threads=1", "callbacks.progress_bar=null", "trainer.enable_progress_bar=false", "trainer.accelerator=cpu")


def test_tensorboard_shows_scalars_pictures_and_settings(run_config, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(run_config(*SMALL, "logger=default", "trainer.max_epochs=2", "wedge.min_deg=40", "wedge.max_deg=60"))
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    shown = events.Tags()
    assert {"val/psnr", "train/pixel_loss", "train/generator_lr", "train/images_per_second"} <= set(shown["scalars"])
    assert any(tag.startswith("val_by_wedge/psnr_") for tag in shown["scalars"])
    assert set(shown["images"]) == {"val/images", "val/spectra"}
    assert len(events.Images("val/spectra")) == 2
    settings = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    assert b"config/data/size" in settings
    assert b"commit" in settings


def test_quality_by_wedge_adds_up_to_the_whole(run_config, tmp_path):
    config = run_config(*SMALL, "logger=csv", "acquisition.step_deg=1", "wedge.min_deg=20", "wedge.max_deg=100", "data.validation.count=6")
    metrics = train(config)
    parts = {key: value for key, value in metrics.items() if key.startswith("val_by_wedge/psnr_")}
    assert {int(key.split("_")[-1]) for key in parts} <= set(range(20, 101, 5))
    assert len(parts) > 2
    assert min(parts.values()) <= metrics["val/psnr"] <= max(parts.values())
    log = pd.read_csv(tmp_path / "run" / "csv" / "metrics.csv")
    assert set(parts) <= set(log.columns)
    fixed = train(run_config(*SMALL, "logger=csv", "acquisition.step_deg=1", "wedge.min_deg=45", "wedge.max_deg=45", folder="fixed"))
    assert {key for key in fixed if key.startswith("val_by_wedge/psnr_")} == {"val_by_wedge/psnr_45"}
    for name in ("psnr", "ssim", "nrmse"):
        assert fixed[f"val_by_wedge/{name}_45"] == pytest.approx(fixed[f"val/{name}"])


def test_values_are_averaged_in_bins_of_five_degrees():
    quality = QualityByWedge()
    values = {name: torch.tensor([10.0, 20.0, 40.0]) for name in ("psnr", "ssim", "nrmse")}
    quality.update(values, torch.tensor([43.0, 47.0, 47.6]))
    quality.update(values, torch.tensor([0.0, 0.0, 0.0]))
    assert quality.compute()["psnr_45"] == 15.0
    assert quality.compute()["psnr_50"] == 40.0
    assert quality.compute()["psnr_0"] == pytest.approx(70 / 3)
    assert len(quality.compute()) == 9


def test_settings_are_flat_and_plain():
    record = {"config": {"data": {"size": 32, "half": "${data.size}"}, "wedge": [40, 60]}, "data": [{"name": "faces"}], "init": None}
    assert flat(record) == {"config/data/size": 32, "config/wedge": "[40, 60]", "data/0/name": "faces", "init": "None"}


def test_without_a_gpu_no_memory_is_told():
    cpu = torch.nn.Linear(1, 1)
    cpu.device = torch.device("cpu")
    PeakMemory().on_train_epoch_start(None, cpu)
    PeakMemory().on_train_epoch_end(None, cpu)


def test_a_missing_wandb_is_named_with_its_extra(run_config, monkeypatch):
    monkeypatch.setattr("mwgan.runs.loggers.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"mwgan\[wandb\]"):
        train(run_config(*SMALL, "logger=wandb"))


def records(file: Path) -> Iterator[Any]:
    """What Weights & Biases wrote down of an offline run: protocol buffers in LevelDB's log format."""
    from wandb.proto.wandb_internal_pb2 import Record

    raw, at, whole = file.read_bytes(), 7, b""
    while at + 7 <= len(raw):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        size, kind = struct.unpack("<HB", raw[at + 4 : at + 7])
        whole, at = whole + raw[at + 7 : at + 7 + size], at + 7 + size
        if kind in (1, 4):  # complete, or the last part
            record = Record()
            record.ParseFromString(whole)
            whole = b""
            yield record


def read_run(folder: Path) -> dict[str, Any]:
    """The one offline run of a job: its group, settings, status, and the pictures and scalars it was given."""
    (file,) = folder.glob("wandb/offline-run-*/run-*.wandb")
    found: dict[str, Any] = {"config": {}, "logged": set()}
    for record in records(file):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            found |= {"id": record.run.run_id, "group": record.run.run_group, "type": record.run.job_type, "name": record.run.display_name}
        elif kind == "config":
            found["config"] |= {update.key: json.loads(update.value_json) for update in record.config.update}
        elif kind == "history":
            found["logged"] |= {item.key or item.nested_key[0] for item in record.history.item}
        elif kind == "exit":
            found["exit"] = record.exit.exit_code
    return found


def run_program(*options: str, folder: Path) -> subprocess.CompletedProcess:
    """``mwgan-train`` with Weights & Biases kept offline."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_CONSOLE": "off"}
    command = [sys.executable, "-m", "mwgan.cli.train", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)


@pytest.mark.slow  # three trainings, and a start of wandb for each; what decides is in tests/unit/runs/test_loggers.py
def test_a_resumed_run_goes_on_in_its_own_and_a_new_one_does_not(tmp_path):
    pytest.importorskip("wandb", reason="this logger needs wandb")
    begin = (*SMALL, *QUIET, "logger=wandb", "paths.run_dir=run", "callbacks.image_panels=null")
    ids = []
    for options in (begin, ("resume=run", "trainer.max_epochs=2"), begin):
        done = run_program(*options, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        ids.append((tmp_path / "run" / "wandb_id").read_text().strip())
    assert ids[0] == ids[1] != ids[2]
    parts = sorted(file.stem.removeprefix("run-") for file in (tmp_path / "run").glob("wandb/offline-run-*/run-*.wandb"))
    assert parts == sorted(ids)


@pytest.mark.slow
def test_each_job_of_a_sweep_is_a_run_of_its_own_also_after_a_failure(tmp_path):
    pytest.importorskip("wandb", reason="this logger needs wandb")
    options = ("-m", "model.generator_optimizer.lr=1e30,1e-4", *SMALL, *QUIET, "logger=wandb", "hydra.sweep.dir=sweep")
    done = run_program(*options, folder=tmp_path)
    assert done.returncode == 2
    assert "the pixel loss is NaN" in done.stderr
    failed, good = (read_run(tmp_path / "sweep" / number) for number in "01")
    assert failed["id"] != good["id"]
    assert failed["group"] == good["group"] == "sweep"
    assert (failed["name"], good["name"]) == ("train 0", "train 1")
    assert good["type"] == "train"
    assert (failed["config"]["config/model/generator_optimizer/lr"], good["config"]["config/model/generator_optimizer/lr"]) == (1e30, 1e-4)
    assert good["config"]["commit"]
    assert (failed["exit"], good["exit"]) == (1, 0)
    assert {"val/psnr", "val/images", "val/spectra", "train/pixel_loss"} <= good["logged"]
    assert "train/images_per_second" not in failed["logged"]
