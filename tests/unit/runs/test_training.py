"""One training from its configuration to its metrics, with nothing in it trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from mwgan.errors import InputError
from mwgan.runs import training
from mwgan.runs.training import train

CFG = SimpleNamespace(paths=SimpleNamespace(output_dir="run"))
TRAINER = SimpleNamespace(global_step=3)
PREPARED = SimpleNamespace(trainer=TRAINER)


@pytest.fixture
def happened(monkeypatch) -> list[object]:
    """What was done, in its order."""
    done: list[object] = []

    @contextmanager
    def ending(folder: Path, trainer: object) -> Iterator[None]:
        done.append(("begins", folder, trainer))
        try:
            yield
        finally:
            done.append("ends")

    monkeypatch.setattr(training, "prepare", lambda cfg: done.append(("prepared", cfg)) or PREPARED)
    monkeypatch.setattr(training, "ending", ending)
    monkeypatch.setattr(training, "fit", lambda prepared: done.append(("fitted", prepared)) or {"val/psnr": 1.0})
    return done


def test_a_training_is_prepared_fitted_and_ended_in_its_folder(happened):
    assert train(CFG) == {"val/psnr": 1.0}
    assert happened == [("prepared", CFG), ("begins", Path("run"), TRAINER), ("fitted", PREPARED), "ends"]


def test_one_that_fails_is_ended_too(happened, monkeypatch):
    def fail(prepared: object) -> dict[str, float]:
        raise RuntimeError("a bug")

    monkeypatch.setattr(training, "fit", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        train(CFG)
    assert happened[-1] == "ends"


def test_one_that_is_refused_has_nothing_to_end(happened, monkeypatch):
    def refuse(cfg: object) -> object:
        raise ValueError("too wide")

    monkeypatch.setattr(training, "prepare", refuse)
    with pytest.raises(InputError, match=r"the configuration can't be used \(too wide\): check what was given"):
        train(CFG)
    assert happened == []


def test_what_fails_before_the_first_step_is_the_configurations(happened, monkeypatch):
    def fail(prepared: object) -> dict[str, float]:
        raise TypeError("no such thing")

    monkeypatch.setattr(training, "fit", fail)
    monkeypatch.setattr(TRAINER, "global_step", 0)
    with pytest.raises(InputError, match="no such thing"):
        train(CFG)
    assert happened[-1] == "ends"
