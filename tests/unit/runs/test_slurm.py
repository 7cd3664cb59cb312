"""A run as tasks of SLURM, seen from inside: what is refused, how its folder is named, and how its job is queued again."""

from __future__ import annotations

import os
import signal
import sys

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from mwgan.errors import InputError
from mwgan.paths import conf_dir
from mwgan.runs import slurm
from mwgan.runs.folder import REQUEUE, TERMINATED

STEP = {"SLURM_JOB_ID": "12", "SLURM_STEP_ID": "0", "SLURM_PROCID": "0", "SLURM_NTASKS": "8", "SLURM_NTASKS_PER_NODE": "4"}


@pytest.fixture(autouse=True)
def outside(monkeypatch):
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv(slurm.FOLDER_NAME, raising=False)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def task(monkeypatch):
    """This process is the first of eight tasks on two nodes."""
    for name, value in STEP.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def queued(monkeypatch, tmp_path):
    """A ``scontrol`` that notes in the file this gives what it was message, and says of a job what the file ``job`` says."""
    program, note = tmp_path / "scontrol", tmp_path / "note"
    program.write_text(f'#!/bin/sh\necho "$@" >> {note}\ncat {tmp_path}/job\n')
    (tmp_path / "job").write_text("JobId=12 JobState=RUNNING PreemptTime=None\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return note


def composed(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose("train", overrides=list(overrides))


@pytest.mark.parametrize("devices", ["4", "[0,1,2,3]", "auto"])
def test_one_task_a_device_is_as_it_should_be(task, devices):
    slurm.check_tasks(composed(f"trainer.devices={devices}", "trainer.num_nodes=2"))


def test_tasks_that_would_wait_for_each_other_are_refused(task, monkeypatch):
    with pytest.raises(InputError, match=r"started 8 tasks, and .*num_nodes=1 need 4: ask for --nodes=1 --ntasks-per-node=4"):
        slurm.check_tasks(composed("trainer.devices=4"))
    with pytest.raises(InputError, match="can't share SLURM's tasks"):
        slurm.check_tasks(composed("experiment=ding2019/reduced/joint"))
    monkeypatch.delenv("SLURM_NTASKS_PER_NODE")
    with pytest.raises(InputError, match="ask for --nodes=2 --ntasks-per-node=4 instead of --ntasks"):
        slurm.check_tasks(composed("trainer.devices=4", "trainer.num_nodes=2"))


def test_several_nodes_want_srun(monkeypatch):
    slurm.check_tasks(composed("trainer.num_nodes=2"))
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    with pytest.raises(InputError, match="is started by srun"):
        slurm.check_tasks(composed("trainer.num_nodes=2"))


def test_the_tasks_of_a_step_name_one_folder(task):
    assert "slurm" not in composed().paths.run_dir
    slurm.name_folder()
    assert composed("name=x").paths.run_dir == "outputs/train/x/slurm-12.0"


def test_lightning_leaves_the_queue_to_us(task, monkeypatch):
    (environment,) = slurm.environments()
    assert (environment.world_size(), environment.auto_requeue) == (8, False)
    monkeypatch.delenv("SLURM_STEP_ID")
    (environment,) = slurm.environments()
    assert environment.world_size() == 1  # a batch script's one process is no rank among others
    monkeypatch.delenv("SLURM_JOB_ID")
    assert slurm.environments() == []


def test_a_run_whose_time_is_up_is_queued_again(task, queued):
    with pytest.raises(SystemExit) as ended, slurm.requeued_on_signal():
        signal.raise_signal(signal.SIGUSR2)
    assert ended.value.code == REQUEUE
    assert queued.read_text() == "requeue 12\n"
    assert signal.getsignal(signal.SIGUSR2) == signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.parametrize(
    ("state", "again"),
    [
        ("JobState=RUNNING PreemptTime=2026-01-01T00:00:00", True),  # it has the time that is left to end
        ("JobState=CANCELLED PreemptTime=2026-01-01T00:00:00", False),
        ("JobState=RUNNING PreemptTime=None", False),
        ("JobState=COMPLETING", False),
    ],
)
def test_one_that_is_told_to_end_is_queued_again_where_it_makes_room_for_another(state, again, task, queued, tmp_path):
    (tmp_path / "job").write_text(f"JobId=12 {state} Requeue=1\n")
    with pytest.raises(SystemExit) as ended, slurm.requeued_on_signal():
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == TERMINATED
    assert queued.read_text().splitlines() == ["--oneliner show job 12", *(["requeue 12"] if again else [])]


def test_one_that_fails_or_is_outside_of_slurm_is_not(task, queued, monkeypatch):
    with pytest.raises(SystemExit), slurm.requeued_on_signal():
        sys.exit(1)
    for name in ("SLURM_STEP_ID", "SLURM_JOB_ID"):  # a batch script without srun, where nothing would tell the folder; no job at all
        monkeypatch.delenv(name)
        with slurm.requeued_on_signal():
            assert signal.getsignal(signal.SIGUSR2) == signal.SIG_DFL
    assert not queued.exists()


def test_a_queue_that_does_not_take_it_is_told_of(task, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit), slurm.requeued_on_signal():
        sys.exit(REQUEUE)
    assert "did not requeue job 12" in capsys.readouterr().err


def test_the_launchers_own_handler_has_the_last_word(task, queued):
    message: list[int] = []
    before = signal.signal(signal.SIGUSR2, lambda number, frame: message.append(number))
    try:
        with pytest.raises(SystemExit), slurm.requeued_on_signal():
            signal.raise_signal(signal.SIGUSR2)
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert message == [signal.SIGUSR2]
    assert not queued.exists()


@pytest.mark.parametrize("number", [signal.SIGUSR2, signal.SIGTERM])
def test_the_first_task_alone_asks(number, task, queued, monkeypatch):
    monkeypatch.setenv("SLURM_PROCID", "1")
    with pytest.raises(SystemExit) as ended, slurm.requeued_on_signal():
        signal.raise_signal(number)
    assert not ended.value.code  # a bad status may end the first task before it has asked
    assert not queued.exists()
