"""Trainings of several stages: in order, resumed where they stopped, one file at the end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from mwgan.acquisition import Acquisition, GaussianNoise
from mwgan.errors import InputError
from mwgan.files.record import TrainedGeometry, TrainingRecord
from mwgan.paths import conf_dir
from mwgan.recon import JointModel, load_reconstructor
from mwgan.runs import stages
from mwgan.runs.stages import run_stages

SMOKE = ("debug=smoke", "threads=1", "callbacks.progress_bar=null", "trainer.enable_progress_bar=false", "logger=csv")


def composed(folder: Path, *overrides: str) -> DictConfig:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose("train", overrides=["experiment=ding2019/reduced/joint", *overrides, f"paths.output_dir='{folder}'"])


def run_program(folder: Path, *options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "mwgan.cli.train", "experiment=ding2019/reduced/joint", *options, *SMOKE]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"})


@pytest.fixture
def told(monkeypatch, tmp_path):
    """The commands that stages would run; each leaves a checkpoint and ends with the status of its name in ``ends``."""
    commands: list[list[str]] = []

    def pretend(command):
        commands.append(command[3:])
        folder = Path(next(option for option in command if option.startswith("paths.run_dir=")).split("=", 1)[1].strip("'"))
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        torch.save({}, folder / "checkpoints" / "last.ckpt")
        return ends.get(folder.name, 0)

    ends: dict[str, int] = {}
    monkeypatch.setattr(stages, "_run", pretend)
    record = TrainingRecord({"_target_": "a"}, {"_target_": "b"}, TrainedGeometry(8, 1.0), (0.0, 90.0))
    monkeypatch.setattr(stages, "read_weights", lambda path: (record, {"w": torch.zeros(1)}))
    return commands, ends


def test_stages_run_in_order_and_hand_over(told, tmp_path):
    commands, _ = told
    run_stages(composed(tmp_path / "run"), ["experiment=ding2019/reduced/joint", "paths.run_dir=x", "seed=3"])
    assert [command[0] for command in commands] == [
        f"experiment=ding2019/reduced/{name}" for name in ("inpainting", "deartifact", "finetune", "joint_finish")
    ]
    assert f"init={{generator.inpainter:'{tmp_path / 'run' / 'inpainting'}'}}" in commands[1]
    assert f"init='{tmp_path / 'run' / 'deartifact'}'" in commands[2]
    assert all(command[-1] == "seed=3" and "paths.run_dir=x" not in command for command in commands)
    assert (tmp_path / "run" / "weights.safetensors").is_file()


def test_a_stage_that_fails_ends_the_run_with_its_status(told, tmp_path):
    commands, ends = told
    ends["deartifact"] = 2
    with pytest.raises(SystemExit) as stopped:
        run_stages(composed(tmp_path / "run"), [])
    assert stopped.value.code == 2
    assert len(commands) == 2
    assert not (tmp_path / "run" / "weights.safetensors").exists()


def test_a_stopped_run_goes_on_at_the_stage_where_it_was(told, tmp_path):
    commands, ends = told
    ends["deartifact"] = -15
    with pytest.raises(SystemExit):
        run_stages(composed(tmp_path / "run"), [])
    ends.clear()
    commands.clear()
    run_stages(composed(tmp_path / "elsewhere", f"resume='{tmp_path / 'run'}'"), [f"resume={tmp_path / 'run'}"])
    assert [command[0].split("/")[-1] for command in commands] == ["deartifact", "finetune", "joint_finish"]
    assert f"resume='{tmp_path / 'run' / 'deartifact'}'" in commands[0]
    assert not any(option.startswith("resume=") for option in commands[1])


def test_a_run_is_not_gone_on_with_unasked(told, tmp_path):
    run_stages(composed(tmp_path / "run"), [])
    with pytest.raises(InputError, match="holds a run of these stages"):
        run_stages(composed(tmp_path / "run"), ["seed=7"])


def test_options_of_one_stage_are_not_given_to_all(told, tmp_path):
    commands, _ = told
    with pytest.raises(InputError, match="is for one stage"):
        run_stages(composed(tmp_path / "other"), ["init=irdm"])
    run_stages(composed(tmp_path / "run"), ["cache=kept"])
    assert [command[0].split("/")[-1] for command in commands if "cache=kept" in command] == ["deartifact"]


def test_a_training_that_is_told_to_end_does_not_end_well(tmp_path):
    command = [sys.executable, "-m", "mwgan.cli.train", "experiment=ding2019/reduced/inpainting", "paths.run_dir=run", *SMOKE]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen([*command, "trainer.max_epochs=100000"], stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment) as run:
        assert run.stdout.readline().startswith("epoch 1 of")
        run.terminate()
        assert run.wait(timeout=60) == 143


def test_there_must_be_something_to_resume(tmp_path):
    with pytest.raises(InputError, match="holds none of the stages"):
        run_stages(composed(tmp_path / "run", f"resume='{tmp_path / 'nothing'}'"), [])


def test_a_stage_takes_from_those_before_it_alone(told, tmp_path):
    config = composed(tmp_path / "run", "+stages.inpainting.init=finetune")
    with pytest.raises(InputError, match="'finetune', which is not a stage before it"):
        run_stages(config, [])


def test_what_stops_the_run_stops_its_stage(tmp_path):
    """The stage says that it was told to end; it must have ended when the run has."""
    stage = (
        "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: (print('told'), sys.exit(7)))\n"
        "print('up', flush=True)\ntime.sleep(60)"
    )
    program = f"import sys; from mwgan.runs.stages import _run; sys.exit(_run([sys.executable, '-c', {stage!r}]))"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout.readline() == "up\n"
        running.terminate()
        assert running.stdout.read() == "told\n"
        assert running.wait(timeout=30) == 143


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
