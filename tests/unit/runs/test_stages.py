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
from omegaconf import DictConfig, OmegaConf

from mwgan.errors import InputError
from mwgan.files.checkpoints import write_checkpoint
from mwgan.files.record import TrainedGeometry, TrainingRecord
from mwgan.files.weights import read_weights
from mwgan.runs import stages
from mwgan.runs.folder import FINISHED, REQUEUE, TERMINATED
from mwgan.runs.stages import run_stages

RECORD = TrainingRecord({"_target_": "a.B"}, {"_target_": "c.D"}, TrainedGeometry(8, 1.0), (0.0, 90.0), command="mwgan-train", commit="abc")
STAGES = {
    "first": {"experiment": "a"},
    "second": {"experiment": "b", "init": {"generator.inpainter": "first"}, "takes": ["cache"], "options": ["seed=7"]},
    "third": {"experiment": "c", "init": "second"},
}


@pytest.fixture
def ends() -> dict[str, int]:
    """The statuses that stages end with, by name; 0 where nothing is said."""
    return {}


@pytest.fixture
def commands(monkeypatch, ends) -> list[list[str]]:
    """The commands of the stages, of which each leaves a checkpoint."""
    given: list[list[str]] = []

    def pretend(command: list[str]) -> int:
        given.append(command)
        option = next(option for option in command if option.startswith("paths.run_dir="))
        folder = Path(option.split("=", 1)[1].strip("'"))
        content = {"mwgan": RECORD.to_plain(), "state_dict": {"generator.w": torch.ones(1)}}
        write_checkpoint(folder / "checkpoints" / "last.ckpt", lambda stream: torch.save(content, stream))
        return ends.get(folder.name, 0)

    monkeypatch.setattr(stages, "_run", pretend)
    return given


def cfg(root: Path, stages: dict[str, object] = STAGES, resume: Path | None = None) -> DictConfig:
    return OmegaConf.create({"paths": {"output_dir": str(root)}, "resume": resume and str(resume), "stages": stages})


def test_each_stage_begins_with_what_came_before_it(commands, tmp_path):
    run_stages(cfg(tmp_path), ["experiment=all", "paths.run_dir=x", "threads=1"])
    inits = [[option for option in command if option.startswith("init=")] for command in commands]
    assert inits == [[], [f"init={{generator.inpainter:'{tmp_path / 'first'}'}}"], [f"init='{tmp_path / 'second'}'"]]
    assert [command[:4] for command in commands] == [[sys.executable, "-m", "mwgan.cli.train", f"experiment={one}"] for one in "abc"]
    assert all(command[-1] == "threads=1" and "experiment=all" not in command for command in commands)
    assert "seed=7" in commands[1]
    assert "seed=7" not in commands[2]


def test_an_option_that_a_stage_takes_is_for_no_other(commands, tmp_path):
    run_stages(cfg(tmp_path), ["cache=kept", "+seed=3"])
    assert ["cache=kept" in command for command in commands] == [False, True, False]
    assert all("+seed=3" in command for command in commands)


def test_the_users_configuration_goes_along_as_seen_from_here(commands, tmp_path, monkeypatch):
    (tmp_path / "conf").mkdir()
    monkeypatch.chdir(tmp_path)
    run_stages(cfg(tmp_path / "run"), [], tmp_path / "conf")
    assert all(command[3:5] == ["--config-dir", "conf"] for command in commands)
    assert "paths.run_dir='run/first'" in commands[0]
    with pytest.raises(InputError, match=r"configuration folder .* is missing"):
        run_stages(cfg(tmp_path / "other"), [], tmp_path / "gone")


def test_the_last_stage_is_the_run_and_its_record_tells_of_all(commands, tmp_path):
    assert run_stages(cfg(tmp_path), []) == tmp_path
    record, state = read_weights(tmp_path / "weights.safetensors")
    assert record.stages == {name: {"command": "mwgan-train", "commit": "abc", "device": None} for name in STAGES}
    assert state == {"w": torch.ones(1)}


def test_finished_stages_are_not_run_again(commands, tmp_path):
    run_stages(cfg(tmp_path), [])
    commands.clear()
    (tmp_path / "third" / FINISHED).unlink()
    run_stages(cfg(tmp_path, resume=tmp_path), [f"resume={tmp_path}"])
    assert [command[3] for command in commands] == ["experiment=c"]
    assert f"resume='{tmp_path / 'third'}'" in commands[0]


def test_a_run_inside_the_working_folder_does_not_tell_where_that_is(commands, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_stages(cfg(tmp_path / "run"), []) == Path("run")
    assert not any(str(tmp_path) in option for command in commands for option in command[1:])


@pytest.mark.parametrize(("status", "code"), [(2, 2), (-9, 137)])
def test_a_stage_that_fails_ends_the_run_with_its_status(status, code, commands, ends, tmp_path):
    ends["second"] = status
    with pytest.raises(SystemExit) as stopped:
        run_stages(cfg(tmp_path), [])
    assert stopped.value.code == code
    assert len(commands) == 2
    assert not (tmp_path / "weights.safetensors").exists()


def test_a_stopped_run_is_resumed_at_the_stage_where_it_was(commands, ends, tmp_path):
    ends["second"] = -15
    with pytest.raises(SystemExit):
        run_stages(cfg(tmp_path / "run"), [])
    ends.clear()
    commands.clear()
    run_stages(cfg(tmp_path / "elsewhere", resume=tmp_path / "run"), [f"resume={tmp_path / 'run'}"])
    assert [command[3] for command in commands] == ["experiment=b", "experiment=c"]
    assert f"resume='{tmp_path / 'run' / 'second'}'" in commands[0]
    assert not any(option.startswith("resume=") for option in commands[1])
    assert (tmp_path / "run" / "weights.safetensors").is_file()


def test_a_run_is_not_resumed_unasked(commands, tmp_path):
    run_stages(cfg(tmp_path), [])
    with pytest.raises(InputError, match="holds a run of these stages"):
        run_stages(cfg(tmp_path), ["seed=7"])


def test_there_must_be_something_to_resume(tmp_path):
    with pytest.raises(InputError, match="has none of the stages first, second, third"):
        run_stages(cfg(tmp_path, resume=tmp_path / "nothing"), [])


def test_stages_of_an_earlier_version_are_read_by_todays_names(commands, tmp_path):
    older = {"first": {"experiment": "a"}, "second": {"experiment": "b", "inpainters": "first"}}
    run_stages(cfg(tmp_path, older), ["cache=kept"])
    assert f"init={{generator.inpainter:'{tmp_path / 'first'}'}}" in commands[1]
    assert ["cache=kept" in command for command in commands] == [False, True]


@pytest.mark.parametrize("option", ["init=irdm", "+init=irdm", "inpainters=run"])
def test_what_one_stage_begins_with_is_not_for_all(option, commands, tmp_path):
    with pytest.raises(InputError, match=r"init=.* is for one stage: give it in stages\.<stage>\.options"):
        run_stages(cfg(tmp_path), [option])
    assert commands == []


@pytest.mark.parametrize("init", ["third", {"generator.inpainter": "third"}])
def test_a_stage_cannot_begin_with_one_after_it(init, commands, tmp_path):
    stages = {"first": {"experiment": "a", "init": init}, "third": {"experiment": "c"}}
    with pytest.raises(InputError, match=r"stage first takes init from 'third', which is not a stage before it \(none\)"):
        run_stages(cfg(tmp_path, stages), [])


def test_a_stage_is_a_process_whose_status_is_given():
    assert stages._run([sys.executable, "-c", "import sys; sys.exit(7)"]) == 7


def test_a_stage_ends_by_the_word_of_its_run():
    """The signal may reach it too, on clusters that tell the children of a task: it must not end by that."""
    stage = "import os, signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); "
    stage += "os.kill(os.getpid(), signal.SIGUSR2); os.kill(os.getppid(), signal.SIGUSR2); time.sleep(60)"
    begun = time.monotonic()
    assert stages._run([sys.executable, "-c", stage]) == REQUEUE
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
        "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: (print('ended'), sys.exit(7)))\n"
        "print('up', flush=True)\ntime.sleep(60)"
    )
    program = f"import sys; from mwgan.runs.stages import _run; sys.exit(_run([sys.executable, '-c', {stage!r}]))"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=os.environ) as running:
        assert running.stdout.readline() == "up\n"
        running.terminate()
        assert running.stdout.read() == "ended\n"
        assert running.wait(timeout=30) == 143
