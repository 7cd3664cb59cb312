"""The demo's commands are those of our programs; nothing of it is run here."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from mwgan.cli import demo
from mwgan.errors import InputError
from mwgan.paths import conf_dir

CONFIGURATIONS = {"mwgan-train": "train", "mwgan-evaluate": "evaluate", "mwgan-figures": "figures"}


@pytest.fixture
def commands(monkeypatch) -> list[list[str]]:
    """What would have been run."""
    message: list[list[str]] = []

    def run(command, check):
        message.append(command[1:])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    return message


def test_every_step_says_beforehand_what_it_takes(commands, tmp_path, capsys):
    demo.demo(tmp_path / "demo")
    message = capsys.readouterr().out
    steps = demo._steps(tmp_path / "demo")
    assert [line for line in message.splitlines() if line[:2] in {f"{number}/" for number in range(1, 10)}] == [
        f"{number}/{len(steps)} {step.title} (about {step.cpu_minutes:g} CPU minutes)" for number, step in enumerate(steps, start=1)
    ]
    assert sum(step.cpu_minutes for step in steps) <= 12
    assert len(commands) == sum(len(step.commands) for step in steps)
    assert {module for _, module, *_ in commands} == {f"mwgan.cli.{module}" for module in demo.MODULES.values()}


def test_what_the_demo_gives_our_programs_is_known_to_them(tmp_path):
    folder = tmp_path / "it's (new), a=1"
    found = {}
    for step in demo._steps(folder):
        for program, *options in step.commands:
            if program in CONFIGURATIONS:
                with initialize_config_dir(str(conf_dir()), version_base="1.3"):
                    found[program, options[0]] = compose(CONFIGURATIONS[program], overrides=[*options, "paths.root=unused"])
    pixel, adversarial = folder / "pixel", folder / "adversarial"
    assert found["mwgan-train", "experiment=demo/pixel"].paths.run_dir == str(pixel)
    assert found["mwgan-train", "experiment=demo/pixel"].init == "irdm_pixel"
    assert found["mwgan-train", "experiment=demo/adversarial"].init == str(pixel)
    evaluated = found["mwgan-evaluate", "experiment=demo/evaluate"]
    assert evaluated.table == str(folder / "results")
    assert dict(evaluated.checkpoints) == {
        **{"irdm_pixel": str(pixel), "irdm": str(adversarial)},
        **{"irdm_pixel_shipped": "irdm_pixel", "lpd_shipped": "lpd"},
    }
    trained = found["mwgan-train", "experiment=demo/pixel"]
    assert (evaluated.data.size, evaluated.step_deg) == (trained.data.size, trained.acquisition.step_deg)
    assert evaluated.noise.percent == trained.acquisition.noise.percent
    assert evaluated.data.test.offset >= trained.data.train.count + 1000  # behind those that are trained on and validated with


def test_the_needle_is_there():
    series = {option for step in demo._steps(Path("demo")) for command in step.commands for option in command if "needle." in option}
    assert {Path(option).name for option in series if Path(option).is_file()} == {"needle.mrc", "needle.tlt"}


def test_what_is_there_already_is_not_written_over(commands, tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(InputError, match="exists already: remove it, or give another folder"):
        demo.demo(tmp_path)
    assert commands == []


def test_the_demo_ends_where_a_program_fails(monkeypatch, tmp_path):
    monkeypatch.setattr(subprocess, "run", lambda command, check: subprocess.CompletedProcess(command, 2))
    with pytest.raises(SystemExit) as ended:
        demo.demo(tmp_path)
    assert ended.value.code == 2
