"""The clock of a training, with time that the test makes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mwgan.callbacks import ImagesPerSecond, images_per_second


class Module:
    """Counts images and keeps what is logged."""

    def __init__(self) -> None:
        self.images, self.logged = 0, {}

    def log(self, name: str, value: float) -> None:
        self.logged[name] = value


@pytest.fixture
def clock(monkeypatch) -> SimpleNamespace:
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(images_per_second.time, "perf_counter", lambda: now.seconds)
    return now


def test_an_epoch_is_timed_without_its_validation(clock):
    callback, module = ImagesPerSecond(), Module()
    callback.on_train_start(None, module)
    clock.seconds = 5.0  # what comes before the epoch
    callback.on_train_epoch_start(None, module)
    clock.seconds, module.images = 7.0, 12
    callback.on_validation_start(None, module)
    clock.seconds = 50.0
    callback.on_train_epoch_end(None, module)
    assert module.logged == {"train/images_per_second": 6.0}


def test_an_epoch_without_validation_and_one_that_is_resumed_are_timed_too(clock):
    callback, module = ImagesPerSecond(), Module()
    module.images = 100  # of before the stop
    callback.on_train_start(None, module)
    clock.seconds, module.images = 4.0, 108
    callback.on_train_epoch_end(None, module)
    assert module.logged == {"train/images_per_second": 2.0}


def test_an_epoch_whose_steps_were_all_done_has_no_speed(clock):
    callback, module = ImagesPerSecond(), Module()
    callback.on_validation_start(None, module)  # nothing was begun
    callback.on_train_epoch_end(None, module)
    assert module.logged == {"train/images_per_second": 0.0}
