"""Runs logged to MLflow and to Trackio, on this machine: scalars, pictures and settings, and a run that is resumed."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from mwgan.cli.train import train
from mwgan.errors import InputError, MissingExtraError
from mwgan.runs.loggers import MLFLOW_ID, TRACKIO_ID

SMALL = ("debug=smoke", "model=irdm_pixel", "model.generator.depth=2")


@pytest.mark.parametrize("name", ["mlflow", "trackio"])
def test_a_missing_package_is_named_with_its_extra(name, run_config, monkeypatch):
    monkeypatch.setattr("mwgan.runs.loggers.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=rf"mwgan\[{name}\]"):
        train(run_config(*SMALL, f"logger={name}"))


def test_a_resumed_run_continues_in_mlflow(run_config, tmp_path):
    pytest.importorskip("mlflow", reason="this logger needs mlflow")
    from mlflow import MlflowClient

    store = f"sqlite:///{tmp_path.as_posix()}/new/mlflow.db"
    options = (*SMALL, "logger=mlflow", f"logger.mlflow.tracking_uri={store}", f"logger.mlflow.artifact_location={tmp_path.as_posix()}/art")
    train(run_config(*options))
    first = (tmp_path / "run" / MLFLOW_ID).read_text()
    train(run_config(*options, "trainer.max_epochs=2", f"resume='{tmp_path}/run/checkpoints/last.ckpt'"))
    assert (tmp_path / "run" / MLFLOW_ID).read_text() == first
    client = MlflowClient(store)
    (experiment,) = client.search_experiments(filter_string="name = 'mwgan'")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.run_id == first.strip()
    assert run.info.status == "FINISHED"
    assert {"val/psnr", "train/pixel_loss"} <= set(run.data.metrics)
    assert run.data.params["config/data/size"] == "32"
    assert len(client.get_metric_history(run.info.run_id, "val/psnr")) == 2
    pictures = [file.path for file in client.list_artifacts(run.info.run_id, "images")]
    assert any("val" in path and "images" in path and path.endswith(".png") for path in pictures)
    (tmp_path / "run" / MLFLOW_ID).write_text("0" * 32)
    with pytest.raises(InputError, match="MLflow can't log to"):
        train(run_config(*options, "trainer.max_epochs=3", f"resume='{tmp_path}/run/checkpoints/last.ckpt'"))


READ = """
import json, sys
from trackio.api import Api
(run,) = Api().runs("mwgan")
from trackio.sqlite_storage import SQLiteStorage
logs = SQLiteStorage.get_logs("mwgan", run.name)
print(json.dumps({"name": run.name, "config": run.config, "keys": sorted({key for row in logs for key in row}),
                  "psnr": sum("val/psnr" in row for row in logs)}))
"""


def test_a_resumed_run_continues_in_trackio(tmp_path):
    pytest.importorskip("trackio", reason="this logger needs trackio")
    environment = {**os.environ, "TRACKIO_DIR": str(tmp_path / "trackio"), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}

    def call(*command: str) -> str:
        done = subprocess.run([sys.executable, *command], capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    call("-m", "mwgan.cli.train", *SMALL, "logger=trackio", "threads=1", "paths.run_dir=run", "trainer.accelerator=cpu")
    call("-m", "mwgan.cli.train", "resume=run", "trainer.max_epochs=2")
    message = json.loads(call("-c", READ).splitlines()[-1])
    assert message["name"] == f"train {(tmp_path / 'run' / TRACKIO_ID).read_text().strip()}"
    assert {"val/psnr", "train/pixel_loss", "val/images", "val/spectra"} <= set(message["keys"])
    assert message["psnr"] == 2
    assert message["config"]["config/data/size"] == 32
