"""``make gpu-study`` on the CPU, with seconds instead of minutes: it is stopped, continues, and leaves small files."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch

from mwgan.recon import load_reconstructor

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")]
ENDLESS = "trainer.max_epochs=100000 data.train.count=64 trainer.limit_train_batches=4 callbacks.image_panels=null logger=csv"


def study(folder: Path, minutes: float, *flags: str) -> subprocess.Popen[str]:
    """The program as a user starts it, with the tests' own Python, in a group of processes of its own."""
    given = [f"BIN={Path(sys.executable).parent}", f"GPU_STUDY={folder}", f"MINUTES={minutes}", "SCALE=smoke", f"OPTIONS={ENDLESS}"]
    command = ["make", *flags, "-o", "install", "gpu-study", *given]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def steps(folder: Path) -> int:
    return int(torch.load(folder / "checkpoints/last.ckpt", weights_only=True, map_location="cpu")["global_step"])


def test_a_study_is_stopped_goes_on_and_leaves_weights_in_pieces(tmp_path):
    folder = tmp_path / "study"
    first = study(folder, 0.1)
    while not (folder / "irdm/checkpoints/last.ckpt").exists():
        assert first.poll() is None, first.stdout.read()
        time.sleep(0.1)
    os.killpg(first.pid, signal.SIGTERM)
    assert first.wait(timeout=300) != 0
    assert not (folder / "joint").exists()
    lpd = steps(folder / "lpd")

    second = study(folder, 0.1)
    message, _ = second.communicate(timeout=900)
    assert second.returncode == 0, message
    assert f"the run in {folder / 'lpd'} is already finished" in message
    assert steps(folder / "lpd") == lpd > 0
    table = pd.read_csv(folder / "results_0.1_minutes.csv")
    assert {"wbp", "sart", "tvm", "lpd", "irdm", "joint"} <= set(table["method"])
    assert table["psnr"].notna().all()
    for name in ("lpd", "irdm", "joint"):
        load_reconstructor(folder / "weights" / name)
        assert all(file.stat().st_size <= 16 * 2**20 for file in (folder / "weights" / name).iterdir())

    further = study(folder, 0.2, "-n")  # what it would run
    message, _ = further.communicate(timeout=60)
    assert [message.count(f"resume={folder / name}") for name in ("lpd", "irdm", "joint", "inpainting")] == [1, 1, 1, 0]
    assert "init=" not in message
