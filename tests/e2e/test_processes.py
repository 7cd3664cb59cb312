"""Training in two processes (gloo, on the CPU) is the training of one with the whole batch."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from ten_steps import BATCHES, EPOCHS, GAMES, WHOLE_BATCH, gradients, scores, ten_steps

from mwgan.cli.train import train
from mwgan.configuration import build
from mwgan.errors import InputError

EQUAL = [game for game in GAMES if game not in ("batch_norm", "ralsgan_apart")]
UNTIMED = ("images_per_second", "tflops")


@pytest.fixture(scope="module")
def of_two(tmp_path_factory) -> list[dict]:
    """What each of two processes found."""
    folder = tmp_path_factory.mktemp("two")
    command = [sys.executable, str(Path(__file__).with_name("ten_steps.py")), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return [torch.load(folder / f"{rank}.pt") for rank in (0, 1)]


def differences(one: list[dict[str, float]], other: list[dict[str, float]]) -> dict[str, float]:
    """The largest difference of each metric in any epoch, as a share of its value."""
    assert [set(epoch) for epoch in one] == [set(epoch) for epoch in other]
    names = [name for name in one[-1] if not name.endswith(UNTIMED)]
    return {
        name: max(abs(a[name] - b[name]) / max(abs(b[name]), 1e-3) for a, b in zip(one, other, strict=True) if name in b) for name in names
    }


@pytest.mark.parametrize("game", GAMES)
def test_two_processes_end_with_the_same_weights_to_the_bit(game, of_two):
    (curves, first), (others, second) = of_two[0][game], of_two[1][game]
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert first["batches"] == EPOCHS * BATCHES
    assert first["images"] == EPOCHS * BATCHES * WHOLE_BATCH
    assert len(curves) == EPOCHS
    assert max(differences(curves, others).values()) == 0


@pytest.mark.parametrize("game", EQUAL)
def test_two_processes_learn_what_one_learns_from_the_whole_batch(game, of_two, tmp_path):
    curves, state = of_two[0][game]
    expected, weights = ten_steps(game, 1, tmp_path)
    found = differences(curves, expected)
    assert {"train/pixel_loss", "val/psnr", "val/ssim", "train/images"} <= set(found)
    assert any(name.startswith("val_by_wedge/psnr") for name in found)
    assert max(found.values()) < 1e-4, found
    for name, value in weights.items():
        torch.testing.assert_close(state[name], value, rtol=1e-4, atol=1e-5)
    assert abs(expected[-1]["val/psnr"] - expected[0]["val/psnr"]) > 0.1  # or there would be nothing to compare


def test_running_statistics_are_the_means_over_both_processes(of_two, tmp_path):
    _, expected = ten_steps("batch_norm", 1, tmp_path)
    state = of_two[0]["batch_norm"][1]
    torch.testing.assert_close(state["generator.0.running_mean"], expected["generator.0.running_mean"], rtol=1e-5, atol=0)
    torch.testing.assert_close(state["generator.0.running_var"], expected["generator.0.running_var"], rtol=0.05, atol=0)


def test_each_process_comparing_with_its_own_batch_alone_is_another_game(of_two):
    together, apart = (of_two[0][game][0] for game in ("ralsgan", "ralsgan_apart"))
    found = differences(together, apart)
    assert found["train/discriminator_loss"] > 1e-3
    assert found["train/images"] == 0


def test_gradients_through_the_global_mean_are_those_of_the_whole_batch(of_two):
    whole = gradients(*scores())
    for rank, found in enumerate(of_two):
        for mine, expected in zip(found["gradients"], whole, strict=True):
            torch.testing.assert_close(mine / 2, expected[rank::2])  # data-parallel training averages over two


# The first process of two: it starts another and works for a while, or fails.
FIRST = """
import subprocess, sys, time
from types import SimpleNamespace
from mwgan.runs import exit
from mwgan.runs import processes
from mwgan.errors import InputError
processes.GRACE = 1.0
def train():
    launcher = SimpleNamespace(procs=[])
    alone = SimpleNamespace(creates_processes_externally=False)
    with processes.all_or_none(SimpleNamespace(strategy=SimpleNamespace(launcher=launcher, cluster_environment=alone))):
        launcher.procs.append(subprocess.Popen(["sh", "-c", sys.argv[1]]))
        {here}
        launcher.procs[0].wait()
exit.run(train)
"""


@pytest.mark.parametrize(
    ("other", "here", "status", "said"),
    [
        ("exit 0", "pass", 0, ""),
        ("exit 3", "time.sleep(60)", 3, "error: process 2 of 2 failed for the reason above (status 3)"),
        ("echo error: too large >&2; exit 2", "time.sleep(60)", 2, "error: too large"),
        ("kill -9 $$", "time.sleep(60)", 137, "error: process 2 of 2 was ended by signal 9"),
        ("sleep 0.2; exit 3", "raise RuntimeError('connection lost')", 3, "error: process 2 of 2 failed for the reason above (status 3)"),
        ("exec sleep 60", "raise InputError('too small')", 2, "error: too small"),
    ],
    ids=[
        "all well",
        "the other fails",
        "the other is refused",
        "the other is killed",
        "the other fails and breaks this one",
        "this one fails",
    ],
)
def test_processes_end_together_with_one_sentence_and_the_status_of_the_one_that_failed(other, here, status, said):
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", FIRST.format(here=here), other], capture_output=True, text=True, check=False, timeout=50)
    assert (done.returncode, done.stderr.strip()) == (status, said)
    assert time.monotonic() - started < 40


def test_a_broken_process_says_so():
    done = subprocess.run(
        [sys.executable, "-c", FIRST.format(here="raise RuntimeError('a bug')"), "exec sleep 60"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "unexpected error in mwgan (RuntimeError: a bug): the full traceback is in " in done.stderr


def test_batch_norm_over_processes_keeps_the_names_of_the_weights(run_config):
    module = build(run_config("debug=smoke").model)
    names = list(module.state_dict())
    synced = torch.nn.SyncBatchNorm.convert_sync_batchnorm(module)
    assert any(isinstance(layer, torch.nn.SyncBatchNorm) for layer in synced.modules())
    assert list(synced.state_dict()) == names


def test_batch_norm_over_processes_wants_gpus(run_config):
    with pytest.raises(InputError, match="sync_batchnorm"):
        train(run_config("debug=smoke", "trainer=ddp_cpu", "trainer.sync_batchnorm=true"))
