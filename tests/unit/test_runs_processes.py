"""Several processes of one training: what each is told, and how they part."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mwgan.errors import InputError
from mwgan.runs import processes
from mwgan.runs.processes import after_the_first, all_or_none, arguments_of_this_process, leave_group


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID", "TORCHELASTIC_RUN_ID", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(processes.atexit, "register", lambda function: None)


def test_the_first_process_alone_writes_down_the_run(monkeypatch):
    assert arguments_of_this_process(["--config-dir", "conf", "seed=1"]) == ["--config-dir", "conf", "seed=1"]
    monkeypatch.setenv("LOCAL_RANK", "1")
    told = arguments_of_this_process(["seed=1"])
    assert told == ["seed=1", "hydra.output_subdir=null", "hydra/job_logging=stdout"]


@pytest.mark.parametrize("folder", ["paths.run_dir=here", "hydra.run.dir=here"])
def test_processes_that_are_started_together_share_a_folder(folder, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert arguments_of_this_process([folder]) == [folder]
    with pytest.raises(InputError, match=r"need one folder: give it by paths\.run_dir="):
        arguments_of_this_process(["seed=1"])


def test_bad_input_is_said_by_the_first(monkeypatch):
    waited: list[float] = []
    monkeypatch.setattr(processes.time, "sleep", waited.append)
    assert after_the_first(lambda: 5) == 5

    def refused() -> None:
        raise InputError("no")

    with pytest.raises(InputError):
        after_the_first(refused)
    assert waited == [processes.GRACE]


def test_one_process_is_left_to_itself():
    trainer = SimpleNamespace(strategy=SimpleNamespace(launcher=None))
    with all_or_none(trainer):
        pass
    with pytest.raises(RuntimeError, match="a bug"), all_or_none(trainer):
        raise RuntimeError("a bug")


def test_those_that_were_started_are_ended_when_this_one_fails(monkeypatch):
    ended: list[int] = []

    def child(number: int) -> SimpleNamespace:
        return SimpleNamespace(kill=lambda: ended.append(number), wait=lambda: 0)

    environment = SimpleNamespace(creates_processes_externally=False)
    strategy = SimpleNamespace(launcher=SimpleNamespace(procs=[child(1), child(2)]), cluster_environment=environment)
    with pytest.raises(InputError), all_or_none(SimpleNamespace(strategy=strategy)):
        raise InputError("no")
    assert ended == [1, 2]


def test_a_group_that_was_never_formed_is_not_left():
    leave_group()
