"""Trainings of several stages: in order, each with what it takes from those before it, resumed where they stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from mwgan.errors import InputError
from mwgan.files.weights import read_weights
from mwgan.paths import conf_dir
from mwgan.runs import stages
from mwgan.runs.folder import FINISHED, QUEUE_AGAIN, TERMINATED
from mwgan.runs.stages import run_stages

RECORD = {"command": "mwgan-train", "commit": "abc1234", "device": "CPU"}


def composed(folder: Path, *overrides: str) -> DictConfig:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose("train", overrides=["experiment=ding2019/reduced/joint", *overrides, f"paths.output_dir='{folder}'"])


@pytest.fixture
def trained(monkeypatch):
    """The commands that stages would run; each leaves a checkpoint and ends with the status of its name in ``ends``."""
    commands: list[list[str]] = []
    ends: dict[str, int] = {}

    def pretend(command):
        commands.append(command[3:])
        folder = Path(next(option for option in command if option.startswith("paths.run_dir=")).split("=", 1)[1].strip("'"))
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        torch.save({}, folder / "checkpoints" / "last.ckpt")
        return ends.get(folder.name, 0)

    monkeypatch.setattr(stages, "_run", pretend)
    monkeypatch.setattr(stages, "read_weights", lambda path: ({**RECORD, "of": path.parent.parent.name}, {"w": torch.zeros(1)}))
    return commands, ends


def test_stages_run_in_order_and_hand_over(trained, tmp_path):
    commands, _ = trained
    root = run_stages(composed(tmp_path / "run"), ["experiment=ding2019/reduced/joint", "paths.run_dir=x", "seed=3"])
    assert root == tmp_path / "run"
    assert [command[0] for command in commands] == [
        f"experiment=ding2019/reduced/{name}" for name in ("inpainting", "deartifact", "finetune", "joint_finish")
    ]
    assert any(str(tmp_path / "run" / "inpainting") in option for option in commands[1] if not option.startswith("paths"))
    assert f"init='{tmp_path / 'run' / 'deartifact'}'" in commands[2]
    assert all(command[-1] == "seed=3" and "paths.run_dir=x" not in command for command in commands)


def test_what_the_last_stage_gives_is_left_with_where_it_comes_from(trained, tmp_path):
    run_stages(composed(tmp_path / "run"), [])
    record, state = read_weights(tmp_path / "run" / "weights.safetensors")
    assert record["of"] == "finish"
    assert record["stages"] == dict.fromkeys(("inpainting", "deartifact", "finetune", "finish"), RECORD)
    assert list(state) == ["w"]


def test_a_run_inside_the_working_folder_does_not_tell_where_that_is(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    commands, _ = trained
    assert run_stages(composed(tmp_path / "run"), []) == Path("run")
    assert not any(str(tmp_path) in option for command in commands for option in command)


@pytest.mark.parametrize(("status", "code"), [(2, 2), (-9, 137)])
def test_a_stage_that_fails_ends_the_run_with_its_status(status, code, trained, tmp_path):
    commands, ends = trained
    ends["deartifact"] = status
    with pytest.raises(SystemExit) as stopped:
        run_stages(composed(tmp_path / "run"), [])
    assert stopped.value.code == code
    assert len(commands) == 2
    assert not (tmp_path / "run" / "weights.safetensors").exists()


def test_a_stopped_run_goes_on_at_the_stage_where_it_was(trained, tmp_path):
    commands, ends = trained
    ends["deartifact"] = -15
    with pytest.raises(SystemExit):
        run_stages(composed(tmp_path / "run"), [])
    ends.clear()
    commands.clear()
    run_stages(composed(tmp_path / "elsewhere", f"resume='{tmp_path / 'run'}'"), [f"resume={tmp_path / 'run'}"])
    assert [command[0].split("/")[-1] for command in commands] == ["deartifact", "finetune", "joint_finish"]
    assert f"resume='{tmp_path / 'run' / 'deartifact'}'" in commands[0]
    assert not any(option.startswith("resume=") for option in commands[1])


def test_finished_stages_are_not_trained_again(trained, tmp_path):
    commands, _ = trained
    run_stages(composed(tmp_path / "run"), [])
    assert all((tmp_path / "run" / name / FINISHED).is_file() for name in ("inpainting", "deartifact", "finetune", "finish"))
    commands.clear()
    run_stages(composed(tmp_path / "run", f"resume='{tmp_path / 'run'}'"), [])
    assert commands == []


def test_a_run_is_not_gone_on_with_unasked(trained, tmp_path):
    run_stages(composed(tmp_path / "run"), [])
    with pytest.raises(InputError, match="holds a run of these stages"):
        run_stages(composed(tmp_path / "run"), ["seed=7"])


def test_there_must_be_something_to_resume(tmp_path):
    with pytest.raises(InputError, match="holds none of the stages"):
        run_stages(composed(tmp_path / "run", f"resume='{tmp_path / 'nothing'}'"), [])


def test_options_of_one_stage_are_not_given_to_all(trained, tmp_path):
    commands, _ = trained
    with pytest.raises(InputError, match="is for one stage"):
        run_stages(composed(tmp_path / "other"), ["init=irdm"])
    run_stages(composed(tmp_path / "run"), ["cache=kept"])
    assert [command[0].split("/")[-1] for command in commands if "cache=kept" in command] == ["deartifact"]


def test_a_stage_has_options_of_its_own_before_those_of_all(trained, tmp_path):
    commands, _ = trained
    own = '+stages.deartifact.options=["seed=1","trainer.max_epochs=2"]'
    run_stages(composed(tmp_path / "run", own), ["seed=3"])
    assert [option for option in commands[1] if option.startswith(("seed", "trainer"))] == ["seed=1", "trainer.max_epochs=2", "seed=3"]
    assert "seed=1" not in commands[0]


def test_a_stage_takes_from_those_before_it_alone(trained, tmp_path):
    config = composed(tmp_path / "run", "+stages.inpainting.init=finetune")
    with pytest.raises(InputError, match="'finetune', which is not a stage before it"):
        run_stages(config, [])


def test_a_stage_is_a_process_whose_status_is_given():
    assert stages._run([sys.executable, "-c", "import sys; sys.exit(7)"]) == 7


def test_a_stage_ends_by_the_word_of_its_run():
    """The signal may reach it too, on clusters that tell the children of a task: it must not end by that."""
    stage = "import os, signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); "
    stage += "os.kill(os.getpid(), signal.SIGUSR2); os.kill(os.getppid(), signal.SIGUSR2); time.sleep(60)"
    begun = time.monotonic()
    assert stages._run([sys.executable, "-c", stage]) == QUEUE_AGAIN
    assert time.monotonic() - begun < 30
    assert signal.getsignal(signal.SIGUSR2) == signal.SIG_DFL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_run_that_is_told_to_end_ends_its_stage(number):
    before = signal.getsignal(number)
    stage = f"import os, signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); os.kill(os.getppid(), {int(number)}); "
    assert stages._run([sys.executable, "-c", stage + "time.sleep(60)"]) == TERMINATED  # although the stage ended well
    assert signal.getsignal(number) == before


def test_ctrl_c_waits_for_what_the_stage_has_to_say():
    """It reaches the stage as well, which may be writing its checkpoint."""
    stage = "import os, signal, sys, time; os.kill(os.getppid(), signal.SIGINT); time.sleep(0.2); sys.exit(130)"
    assert stages._run([sys.executable, "-c", stage]) == 130


def test_what_stops_the_run_stops_its_stage():
    """The stage says that it was told to end; it must have ended when the run has."""
    stage = (
        "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: (print('told'), sys.exit(7)))\n"
        "print('up', flush=True)\ntime.sleep(60)"
    )
    program = f"import sys; from mwgan.runs.stages import _run; sys.exit(_run([sys.executable, '-c', {stage!r}]))"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=os.environ) as running:
        assert running.stdout.readline() == "up\n"
        running.terminate()
        assert running.stdout.read() == "told\n"
        assert running.wait(timeout=30) == 143
