"""What of a stranger's folder may become a command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwgan.errors import InputError
from mwgan.runs.recorded_options import check_options, checked_folder

RUNS_SOMETHING = [
    "hydra.launcher.setup=[reboot]",
    "++hydra.callbacks.mine._target_=os.system",
    "hydra.job_logging.handlers.mine.class=evil.Handler",
    "hydra/job_logging=mine",
    "hydra.searchpath=[file:///evil]",
    "+hydra.launcher.python=evil",
    "hydra.job.env_set.PATH=evil",
    "--config-dir=evil",
    "-m",
]


@pytest.mark.parametrize("option", RUNS_SOMETHING)
def test_what_could_run_something_is_refused(option):
    with pytest.raises(InputError, match="could run code: if it is yours, give that option with resume="):
        check_options(Path("run"), ["seed=1", option])


def test_what_says_how_much_and_where_passes():
    check_options(Path("run"), ["seed=1", "model.task._target_=mine.Task", "hydra/launcher=submitit_slurm", "hydra.launcher.mem_gb=8"])
    check_options(Path("run"), ["hydra.sweeper.params.seed='0,1'", "hydra.mode=MULTIRUN", "hydra.sweep.dir=x"])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("experiment/mine.yaml", "defaults:\n  - override /hydra/launcher: mine\n"),
        ("experiment/mine.yaml", "# @package hydra\ncallbacks: {}\n"),
        ("hydra/launcher/basic.yaml", "_target_: os.system\n"),
        ("train.yml", "hydra: {job_logging: null}\n"),
    ],
)
def test_a_recorded_folder_that_sets_what_hydra_does_is_refused(name, text, tmp_path):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match="give the folder again by --config-dir"):
        checked_folder(tmp_path)


def test_other_folders_pass(tmp_path):
    (tmp_path / "mine.yaml").write_text("# @package _global_\nname: ${hydra:job.name}\n")
    assert checked_folder(tmp_path) == tmp_path
    assert checked_folder(None) is None
    assert checked_folder(tmp_path / "gone") == tmp_path / "gone"
