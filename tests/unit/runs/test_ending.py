"""How a training's end becomes the program's."""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from pytorch_lightning.utilities.exceptions import SIGTERMException

from mwgan.callbacks import LastCheckpoint, Stopped
from mwgan.errors import InputError
from mwgan.runs.ending import ending
from mwgan.runs.folder import TERMINATED

QUIET = SimpleNamespace(callbacks=[])


@pytest.fixture
def closed(monkeypatch) -> list[int]:
    """The statuses that Weights & Biases was closed with."""
    statuses: list[int] = []
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(finish=lambda exit_code: statuses.append(exit_code)))
    return statuses


def raises(error: BaseException) -> Callable[[], None]:
    def task() -> None:
        raise error

    return task


def ended(folder, task: Callable[[], object], trainer=QUIET) -> object:
    with ending(folder, trainer):
        return task()


def test_a_training_that_ends_by_itself_gives_what_it_gives(tmp_path, closed):
    assert ended(tmp_path, lambda: {"val/psnr": 20.0}) == {"val/psnr": 20.0}
    assert closed == [0]


def test_what_was_told_to_end_ends_with_the_status_of_that(tmp_path, closed, monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    for error in (Stopped(signal.SIGTERM), SIGTERMException()):
        with pytest.raises(SystemExit) as stop:
            ended(tmp_path, raises(error))
        assert stop.value.code == TERMINATED
    with pytest.raises(KeyboardInterrupt):
        ended(tmp_path, raises(Stopped(signal.SIGINT)))
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(SystemExit) as stop:
        ended(tmp_path, raises(Stopped(signal.SIGTERM)))
    assert stop.value.code is None  # the first process says it
    assert closed == [1] * 4


def test_lightnings_exit_after_ctrl_c_is_ctrl_c(tmp_path):
    def interrupted() -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            sys.exit(1)

    with pytest.raises(KeyboardInterrupt):
        ended(tmp_path, interrupted)
    with pytest.raises(SystemExit) as stop:
        ended(tmp_path, raises(SystemExit(3)))
    assert stop.value.code == 3


def test_a_full_disk_is_a_sentence_with_the_remedy(tmp_path):
    with pytest.raises(InputError, match=rf"no space is left for {tmp_path} .*; then mwgan-train resume='{tmp_path}' resumes"):
        ended(tmp_path, raises(OSError(errno.ENOSPC, "No space left on device")))


@pytest.mark.parametrize("error", [OSError(errno.EACCES, "not yours"), RuntimeError("a bug"), InputError("bad input")])
def test_any_other_failure_stays_what_it_is(error, tmp_path, closed):
    with pytest.raises(type(error)) as failed:
        ended(tmp_path, raises(error))
    assert failed.value is error
    assert closed == [1]


def test_a_signal_of_the_last_moment_is_passed_on_after_all_is_closed(tmp_path, closed):
    heard: list[tuple[int, int]] = []
    last = LastCheckpoint(str(tmp_path))
    last.signals.received = signal.SIGTERM
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append((number, len(closed))))
    try:
        ended(tmp_path, lambda: None, SimpleNamespace(callbacks=[object(), last]))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [(signal.SIGTERM, 1)]
