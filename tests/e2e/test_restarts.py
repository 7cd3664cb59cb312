"""Stopped and continued: nothing is trained twice or left out, and the end is the same to the last bit."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import forked
import pandas as pd
import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from mwgan.callbacks import CSVLog, LastCheckpoint
from mwgan.cli.train import train
from mwgan.errors import InputError
from mwgan.files.checkpoints import LAST, PREVIOUS
from mwgan.paths import conf_dir
from mwgan.runs import folder as jobs
from mwgan.runs.report import read_log
from mwgan.training import AdversarialModule

# A game with schedules, two epochs of six batches.
GAME = ("debug=smoke", "model.generator.depth=2", "model.discriminator.width=4", "callbacks.image_panels=null", "logger=csv")
GAME += ("model.discriminator_schedule.milestones=[1,2]", "data.train.count=24")
GAME += ("trainer.max_epochs=2", "callbacks.progress_bar=null", "trainer.enable_progress_bar=false", "threads=1")
GAME += ("trainer.accelerator=cpu",)
PROGRAM = [sys.executable, "-m", "mwgan.cli.train"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}

Step = Callable[..., object]


def game(folder: Path, *overrides: str) -> DictConfig:
    steps = [] if "schedule@model.generator_schedule=cosine" in overrides else ["model.generator_schedule.milestones=[1]"]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose("train", overrides=[*GAME, *steps, *overrides, f"paths.output_dir='{folder}'"])


def resumed(folder: Path, *overrides: str) -> DictConfig:
    return game(folder, f"resume='{folder}'", *overrides)


def checkpoint(folder: Path) -> dict:
    return torch.load(folder / LAST, weights_only=True)


def log(folder: Path) -> pd.DataFrame:
    """What was logged of each epoch, over all parts of a run."""
    parts = [pd.read_csv(part) for part in sorted((folder / "csv").glob("*.csv"), reverse=True)]
    return pd.concat(parts).groupby("epoch").max().drop(columns=["train/images_per_second", "train/tflops"])


@pytest.fixture(scope="module")
def straight(tmp_path_factory) -> Path:
    """The run that nobody stops."""
    folder = tmp_path_factory.mktemp("straight")
    train(game(folder))
    return folder


@pytest.fixture
def before_step(monkeypatch) -> Callable[[str, Step], None]:
    """``before_step("training", act)``: have ``act(module, batch)`` called in every step of training or validation."""

    def watch(stage: str, act: Step) -> None:
        step = getattr(AdversarialModule, f"{stage}_step")

        def watched(module, batch, index):
            act(module, batch)
            return step(module, batch, index)

        monkeypatch.setattr(AdversarialModule, f"{stage}_step", watched)

    return watch


def tell_at(batches: int, number: int = signal.SIGTERM) -> Step:
    """Send this process a signal in the step after so many batches, once."""
    left = [number]

    def tell(module, batch):
        if int(module.batches) == batches and left:
            os.kill(os.getpid(), left.pop())

    return tell


def assert_same_end(folder: Path, straight: Path) -> None:
    assert_same_state(folder, straight)
    pd.testing.assert_frame_equal(log(folder), log(straight), check_like=True)


def assert_same_state(folder: Path, straight: Path, shared: str = "") -> None:
    mine, theirs = checkpoint(folder), checkpoint(straight)
    for key, value in theirs["state_dict"].items():
        if "running" in shared and key.endswith(("running_mean", "running_var")):
            torch.testing.assert_close(mine["state_dict"][key], value)
        else:
            assert torch.equal(mine["state_dict"][key], value), key
    for one, other in zip(mine["optimizer_states"], theirs["optimizer_states"], strict=True):
        assert one["param_groups"] == other["param_groups"]
        for key, state in other["state"].items():
            assert all(torch.equal(one["state"][key][name], value) for name, value in state.items())
    for key in ("lr_schedulers", "epoch", "global_step"):
        assert mine[key] == theirs[key]


@pytest.mark.parametrize(
    ("stage", "batches", "workers"), [("training", 8, 0), ("training", 2, 1), ("validation", 6, 0), ("training", 11, 0)]
)
def test_a_run_that_is_told_to_end_goes_on_from_its_last_step(stage, batches, workers, straight, before_step, tmp_path):
    before_step(stage, tell_at(batches))
    with pytest.raises(SystemExit) as stopped:
        train(game(tmp_path, f"data.workers={workers}"))
    assert stopped.value.code == 143
    assert checkpoint(tmp_path)["state_dict"]["batches"] == (batches if stage == "validation" else batches + 1)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    train(resumed(tmp_path, f"data.workers={workers}"))
    assert_same_end(tmp_path, straight)


def test_a_crash_at_any_moment_costs_the_interval_at_most(straight, before_step, tmp_path):
    class Crash(BaseException):
        pass

    crashes = [1, 4, 6, 9]

    def crash(module, batch):
        if crashes and int(module.batches) == crashes[0]:
            crashes.pop(0)
            raise Crash

    before_step("training", crash)
    often = "callbacks.last_checkpoint.every_minutes=0"
    with pytest.raises(Crash):
        train(game(tmp_path, often))
    while crashes:
        with pytest.raises(Crash):
            train(resumed(tmp_path, often))
    assert checkpoint(tmp_path)["state_dict"]["batches"] == 9
    train(resumed(tmp_path))
    assert_same_end(tmp_path, straight)


def test_an_epoch_that_was_kept_and_not_yet_logged_is_logged_when_the_run_goes_on(straight, tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    last_kept = LastCheckpoint.on_train_epoch_end

    def kept_and_killed(callback, trainer, module):
        last_kept(callback, trainer, module)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(LastCheckpoint, "on_train_epoch_end", kept_and_killed)
        with pytest.raises(Killed):
            train(game(tmp_path))
    assert checkpoint(tmp_path)["state_dict"]["batches"] == 6
    assert "train/batches" not in pd.read_csv(tmp_path / "csv" / "metrics.csv")  # the validation of the epoch alone
    train(resumed(tmp_path))
    assert_same_end(tmp_path, straight)
    assert read_log(tmp_path)["train/batches"].dropna().tolist() == [6, 12]


def test_the_log_loses_no_row_to_a_new_column(tmp_path, monkeypatch):
    log = CSVLog(str(tmp_path), "csv", "")
    log.log_metrics({"epoch": 0, "a": 1.0}, 1)
    log.save()

    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("csv.DictWriter.writerows", full)
        log.log_metrics({"epoch": 1, "b": 2.0}, 2)
        with pytest.raises(OSError, match="No space"):
            log.save()
    assert pd.read_csv(tmp_path / "csv" / "metrics.csv")["a"].tolist() == [1.0]
    log.log_metrics({"epoch": 2, "b": 3.0}, 3)
    log.save()
    assert pd.read_csv(tmp_path / "csv" / "metrics.csv")["epoch"].tolist() == [0, 1, 2]


def test_each_sample_is_trained_on_once_whatever_the_batches_before_and_after_a_stop(before_step, tmp_path):
    seen: list[tuple[int, int]] = []
    before_step("training", lambda module, batch: seen.extend((module.current_epoch, int(index)) for index in batch.image_index))
    before_step("training", tell_at(3))
    with pytest.raises(SystemExit):
        train(game(tmp_path))
    with pytest.raises(InputError, match="after 16 samples of an epoch"):
        train(resumed(tmp_path, "data.batch_size=3"))
    train(resumed(tmp_path, "data.batch_size=8", "data.workers=1"))
    assert sorted(seen) == [(epoch, index) for epoch in (0, 1) for index in range(24)]
    assert checkpoint(tmp_path)["state_dict"]["images"] == 48
    assert log(tmp_path)["train/batches"].tolist() == [5, 8]
    assert log(tmp_path)["val/psnr"].notna().all()


def test_whoever_answered_a_signal_before_has_the_last_word(before_step, tmp_path, monkeypatch):
    """As submitit does, which hands a job back to SLURM and leaves, or has SIGTERM do nothing."""
    answered = []
    before = signal.signal(signal.SIGUSR2, lambda number, frame: answered.append(torch.load(tmp_path / LAST)["state_dict"]["batches"]))
    try:
        before_step("training", tell_at(4, signal.SIGUSR2))
        train(game(tmp_path, "trainer.max_epochs=1"))
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert answered == [5]
    assert checkpoint(tmp_path)["state_dict"]["batches"] == 6


def test_a_killed_process_goes_on_by_its_folder_alone(tmp_path):
    """Killed, then told to end as SLURM does it, every process of it; the second time the folder is all that is given."""
    often = ("callbacks.last_checkpoint.every_minutes=0", "data.workers=1", "trainer.max_epochs=1000")
    stopped, written = tmp_path / "run", 0
    for options, end, status in (
        ([*GAME, "model.generator_schedule.milestones=[1]", *often, f"paths.run_dir={stopped}"], signal.SIGKILL, -9),
        ([f"resume={stopped}"], signal.SIGTERM, 143),
    ):
        running = start_program(*options, folder=tmp_path)
        wait_for_newer(stopped / LAST, written, running)
        os.killpg(running.pid, end)
        message = running.communicate(timeout=60)[1]
        assert running.returncode == status, message
        assert "Traceback" not in message
        written = (stopped / LAST).stat().st_mtime_ns
    assert "asked to stop in epoch" in message
    assert not jobs.is_finished(stopped)
    end_of_epoch = f"trainer.max_epochs={checkpoint(stopped)['epoch'] + 1}"
    train(resumed(stopped, end_of_epoch))
    train(game(tmp_path / "straight", end_of_epoch))
    assert_same_state(stopped, tmp_path / "straight")


def start_program(*options: str, folder: Path) -> subprocess.Popen | forked.Running:
    if forked.AVAILABLE:
        return forked.Running(forked.TRAIN, options, folder, ENVIRONMENT)
    return subprocess.Popen(
        [*PROGRAM, *options], cwd=folder, env=ENVIRONMENT, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_newer(file: Path, written: int, running: subprocess.Popen | forked.Running) -> None:
    while not file.exists() or file.stat().st_mtime_ns <= written:
        assert running.poll() is None, running.communicate()[1]
        time.sleep(0.005)


def test_a_damaged_checkpoint_gives_way_to_the_one_before(straight, tmp_path):
    train(game(tmp_path, "trainer.max_epochs=1"))
    train(resumed(tmp_path, "data.workers=1"))
    assert_same_end(tmp_path, straight)
    content = bytearray((tmp_path / LAST).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / LAST).write_bytes(content)
    with pytest.warns(UserWarning, match=r"last\.ckpt is damaged: previous\.ckpt"):
        train(resumed(tmp_path))
    assert_same_end(tmp_path, straight)
    for name in (LAST, PREVIOUS):
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-5000])
    with pytest.raises(InputError, match="no intact one before it"):
        train(resumed(tmp_path))


def test_a_full_disk_ends_a_run_in_a_sentence_and_leaves_its_checkpoint(straight, tmp_path):
    train(game(tmp_path, "trainer.max_epochs=1"))
    before = (tmp_path / LAST).read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))
    try:
        with pytest.raises(InputError, match=r"no space is left for .*: free some there; then mwgan-train resume='.*' resumes"):
            train(resumed(tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / LAST).read_bytes() == before
    assert sorted(file.name for file in (tmp_path / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]
    train(resumed(tmp_path))
    assert_same_end(tmp_path, straight)


def test_a_run_that_is_extended_follows_the_schedule_of_the_longer_one(tmp_path):
    cosine = ("schedule@model.generator_schedule=cosine", "model.generator_optimizer.weight_decay=0.1", "data.train.count=8")
    train(game(tmp_path / "short", *cosine))
    train(resumed(tmp_path / "short", *cosine, "trainer.max_epochs=4", "model.generator_optimizer.weight_decay=0.2"))
    train(game(tmp_path / "long", *cosine, "trainer.max_epochs=4"))
    extended, planned = (log(tmp_path / folder)["train/generator_lr"] for folder in ("short", "long"))
    assert extended[[2, 3]].tolist() == planned[[2, 3]].tolist()
    assert planned[3] < planned[2] < extended[0]
    assert checkpoint(tmp_path / "short")["optimizer_states"][0]["param_groups"][0]["weight_decay"] == 0.2
    assert checkpoint(tmp_path / "short")["lr_schedulers"] == checkpoint(tmp_path / "long")["lr_schedulers"]


@pytest.mark.slow
def test_two_processes_stop_and_go_on_together(tmp_path):
    def run(*options: str) -> subprocess.Popen:
        command = [*PROGRAM, *options]
        return subprocess.Popen(command, cwd=tmp_path, env=ENVIRONMENT, start_new_session=True, stderr=subprocess.PIPE, text=True)

    pair = [*GAME, "trainer.devices=2", "data.train.count=96", "trainer.max_epochs=3"]
    with run(*pair, "paths.run_dir=straight") as whole:
        assert whole.wait(timeout=300) == 0, whole.communicate()[1]
    with run(*pair, "paths.run_dir=run", "callbacks.last_checkpoint.every_minutes=0") as running:
        wait_for_newer(tmp_path / "run" / LAST, 0, running)
        running.terminate()
        message = running.communicate(timeout=60)[1]
    assert running.returncode == 143, message
    assert "asked to stop in epoch" in message
    with run("resume=run") as rest:
        assert rest.wait(timeout=300) == 0, rest.communicate()[1]
    # Each process gathers batch norm's statistics itself: a checkpoint's are shared, which may round them, and validation sees it.
    assert_same_state(tmp_path / "run", tmp_path / "straight", shared="running statistics")
    mine, theirs = (log(tmp_path / folder).filter(like="train/") for folder in ("run", "straight"))
    pd.testing.assert_frame_equal(mine, theirs, check_like=True)
