"""Trainings of several stages: in order, resumed where they stopped, one file at the end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mwgan.acquisition import Acquisition, GaussianNoise
from mwgan.recon import JointModel, load_reconstructor

SMOKE = ("debug=smoke", "threads=1", "callbacks.progress_bar=null", "trainer.enable_progress_bar=false", "logger=csv")


def run_program(folder: Path, *options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "mwgan.cli.train", "experiment=ding2019/reduced/joint", *options, *SMOKE]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"})


def test_a_training_that_is_told_to_end_does_not_end_well(tmp_path):
    command = [sys.executable, "-m", "mwgan.cli.train", "experiment=ding2019/reduced/inpainting", "paths.run_dir=run", *SMOKE]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen([*command, "trainer.max_epochs=100000"], stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment) as run:
        assert run.stdout.readline().startswith("epoch 1 of")
        run.terminate()
        assert run.wait(timeout=60) == 143


@pytest.mark.slow  # seven processes that each load torch; what follows on what is in tests/unit/runs/test_stages.py
def test_the_joint_model_is_trained_by_one_command_and_goes_on_after_a_stop(tmp_path):
    stopped = run_program(tmp_path, "paths.run_dir=joint", '+stages.deartifact.options=["trainer.accelerator=gpu"]')
    assert (stopped.returncode, "finds no GPU" in stopped.stderr) == (2, True)  # in its second stage
    first = (tmp_path / "joint" / "inpainting" / "checkpoints" / "last.ckpt").stat().st_mtime_ns
    done = run_program(tmp_path, "resume=joint")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "joint" / "inpainting" / "checkpoints" / "last.ckpt").stat().st_mtime_ns == first
    joint = load_reconstructor(tmp_path / "joint")
    assert isinstance(joint.generator, JointModel)
    assert set(joint.record["stages"]) == {"inpainting", "deartifact", "finetune", "finish"}
    image = torch.rand(2, 1, 32, 32)
    measurement = Acquisition(32, 6.0, (45.0, 45.0), GaussianNoise(2.0))(image, torch.arange(2))
    assert joint(measurement).shape == image.shape
