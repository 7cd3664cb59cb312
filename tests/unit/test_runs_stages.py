"""What the stages of a training are told: by whom they begin, which options are theirs, and the user's configuration."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from mwgan.errors import InputError
from mwgan.files.checkpoints import write_checkpoint
from mwgan.files.record import TrainedGeometry, TrainingRecord
from mwgan.files.weights import read_weights
from mwgan.runs import stages
from mwgan.runs.folder import FINISHED
from mwgan.runs.stages import run_stages

RECORD = TrainingRecord({"_target_": "a.B"}, {"_target_": "c.D"}, TrainedGeometry(8, 1.0), (0.0, 90.0), command="mwgan-train", commit="abc")
STAGES = {
    "first": {"experiment": "a"},
    "second": {"experiment": "b", "init": {"generator.inpainter": "first"}, "takes": ["cache"], "options": ["seed=7"]},
    "third": {"experiment": "c", "init": "second"},
}


@pytest.fixture
def commands(monkeypatch) -> list[list[str]]:
    """The commands of the stages, of which each leaves a checkpoint."""
    told: list[list[str]] = []

    def pretend(command: list[str]) -> int:
        told.append(command)
        option = next(option for option in command if option.startswith("paths.run_dir="))
        folder = Path(option.split("=", 1)[1].strip("'"))
        content = {"mwgan": RECORD.to_plain(), "state_dict": {"generator.w": torch.ones(1)}}
        write_checkpoint(folder / "checkpoints" / "last.ckpt", lambda stream: torch.save(content, stream))
        return 0

    monkeypatch.setattr(stages, "_run", pretend)
    return told


def cfg(root: Path, told: dict[str, object] = STAGES, resume: Path | None = None) -> DictConfig:
    return OmegaConf.create({"paths": {"output_dir": str(root)}, "resume": resume and str(resume), "stages": told})


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
    with pytest.raises(InputError, match=r"configuration folder .* is not there"):
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
    told = {"first": {"experiment": "a", "init": init}, "third": {"experiment": "c"}}
    with pytest.raises(InputError, match=r"stage first takes init from 'third', which is not a stage before it \(none\)"):
        run_stages(cfg(tmp_path, told), [])
