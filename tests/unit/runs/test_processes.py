"""Several processes of one training: which of them keeps the books, and how all end when one fails."""

from __future__ import annotations

import signal
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from mwgan.errors import InputError
from mwgan.runs import processes

RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """No process beside this one, whatever these tests run on."""
    for name in (*RANKS, "TORCHELASTIC_RUN_ID", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(processes.atexit, "register", lambda function: None)


@pytest.mark.parametrize("rank", RANKS)
def test_one_process_alone_leaves_records_in_the_folder(rank, monkeypatch):
    assert processes.arguments_of_this_process(["seed=1"]) == ["seed=1"]
    monkeypatch.setenv(rank, "1")
    assert processes.arguments_of_this_process(["seed=1"]) == ["seed=1", "hydra.output_subdir=null", "hydra/job_logging=stdout"]


def test_processes_that_are_started_together_are_told_their_folder(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    assert processes.arguments_of_this_process(["seed=1"]) == ["seed=1"]  # torchrun of one process
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match=r"paths\.run_dir="):
        processes.arguments_of_this_process(["seed=1"])
    for folder in ("paths.run_dir=here", "+hydra.run.dir=here"):
        assert processes.arguments_of_this_process([folder])[0] == folder


def test_bad_input_is_told_by_the_first_process_first(monkeypatch):
    slept = []
    monkeypatch.setattr(processes.time, "sleep", slept.append)

    def refused():
        raise InputError("too small")

    with pytest.raises(InputError, match="too small"):
        processes.after_the_first(refused)
    assert slept == [processes.GRACE]
    assert processes.after_the_first(lambda: 3) == 3


class Other:
    """A process beside this one: it ends with a status when it is let go."""

    def __init__(self, status: int, ends: bool = True) -> None:
        self.status, self.killed, self.ended = status, False, threading.Event()
        if ends:
            self.ended.set()

    def wait(self) -> int:
        self.ended.wait(10)
        return self.status

    def kill(self) -> None:
        self.killed, self.status = True, -signal.SIGKILL
        self.ended.set()


def trainer(*others: Other, externally: bool = False) -> SimpleNamespace:
    launcher = SimpleNamespace(procs=list(others))
    environment = SimpleNamespace(creates_processes_externally=externally)
    return SimpleNamespace(strategy=SimpleNamespace(launcher=launcher, cluster_environment=environment))


@pytest.fixture
def ending(monkeypatch):
    """The status by which the watch ends this process, and when."""
    statuses: list[int] = []
    ended = threading.Event()

    def end(status: int) -> None:
        statuses.append(status)
        ended.set()

    monkeypatch.setattr(processes.os, "_exit", end)
    monkeypatch.setattr(processes, "GRACE", 0.2)
    return statuses, ended


@pytest.mark.parametrize(
    ("status", "ends_with", "said"),
    [
        (3, 3, "error: process 2 of 3 failed for the reason above (status 3)\n"),
        (2, 2, ""),  # bad input, which it has told itself
        (-9, 137, "error: process 2 of 3 was ended by signal 9\n"),
        (-15, 143, "error: process 2 of 3 was ended by signal 15\n"),
        (143, 143, "error: process 2 of 3 failed for the reason above (status 143)\n"),
    ],
)
def test_one_that_fails_ends_them_all(status, ends_with, said, ending, capsys):
    statuses, ended = ending
    failing, other = Other(status), Other(0, ends=False)
    with processes.all_or_none(trainer(failing, other)):
        assert ended.wait(10)
    assert statuses[0] == ends_with
    assert other.killed
    assert capsys.readouterr().err.startswith(said)


def test_nothing_is_said_where_all_end_well(ending, capsys):
    statuses, ended = ending
    with processes.all_or_none(trainer(Other(0), Other(0))):
        assert not ended.wait(0.5)
    assert statuses == []
    assert capsys.readouterr().err == ""


def test_one_that_ends_after_this_one_has_is_not_a_failure(ending):
    statuses, ended = ending
    late = Other(143, ends=False)
    with processes.all_or_none(trainer(late)):
        time.sleep(0.2)  # until it is watched
    late.ended.set()
    assert not ended.wait(0.5)
    assert statuses == []


def test_when_this_one_fails_the_others_are_ended(ending):
    others = Other(0, ends=False), Other(0, ends=False)
    with pytest.raises(InputError), processes.all_or_none(trainer(*others)):
        raise InputError("too small")
    assert [other.killed for other in others] == [True, True]


def test_a_broken_connection_is_the_end_of_another(ending):
    """The failure of the one that broke it is what is told."""
    statuses, ended = ending
    failing = Other(3, ends=False)
    threading.Timer(0.05, failing.ended.set).start()
    with pytest.raises(RuntimeError), processes.all_or_none(trainer(failing)):
        raise RuntimeError("connection lost")
    assert ended.wait(10)
    assert statuses == [3]


@pytest.mark.parametrize("watched", [SimpleNamespace(strategy=SimpleNamespace(launcher=None)), trainer(Other(3), externally=True)])
def test_one_process_or_one_that_others_watch_is_left_alone(watched, ending):
    statuses, ended = ending
    with processes.all_or_none(watched):
        assert not ended.wait(0.3)
    with pytest.raises(RuntimeError, match="a bug"), processes.all_or_none(watched):
        raise RuntimeError("a bug")
    assert statuses == []


@pytest.mark.parametrize(("available", "initialized", "leaves"), [(False, False, 0), (True, False, 0), (True, True, 1)])
def test_a_group_of_processes_is_left_where_there_is_one(available, initialized, leaves, monkeypatch):
    left = []
    distributed = SimpleNamespace(
        is_available=lambda: available, is_initialized=lambda: initialized, destroy_process_group=lambda: left.append(1)
    )
    monkeypatch.setitem(sys.modules, "torch.distributed", distributed)
    processes.leave_group()
    assert len(left) == leaves
    monkeypatch.delitem(sys.modules, "torch.distributed")
    processes.leave_group()
