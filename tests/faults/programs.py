"""The programs as a user starts them, the smallest runs of each, and what is noted of how they end."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import mrcfile
import numpy as np
import pandas as pd
import torch

MODULES = {"mwgan": "mwgan.cli.main", **{f"mwgan-{name}": f"mwgan.cli.{name}" for name in ("train", "evaluate", "figures")}}
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
COLUMNS = ("fault", "program", "how", "moment", "exit", "traceback", "leftovers", "torn", "equal")
QUIET = ("callbacks.progress_bar=null", "trainer.enable_progress_bar=false", "callbacks.image_panels=null", "logger=csv", "threads=1")
TRAIN = ("mwgan-train", "debug=smoke", *QUIET, "trainer.accelerator=cpu", "model.generator.depth=2", "data.train.count=24")
TRAIN += ("callbacks.last_checkpoint.every_minutes=0",)
GAME = (*TRAIN, "model.discriminator.width=4", "trainer.max_epochs=3")
SWEEP = (*TRAIN, "-m", "model=irdm_pixel", "trainer.max_epochs=2", "seed=0,1")
EVALUATE = ("mwgan-evaluate", "data.size=48", "step_deg=5", "images=8", "tuning_images=2", "wedges_deg=[50,60,70,80]", "~methods.tvm")
EVALUATE += ("methods.sart.tune.iterations=[20,40]",)
SIMULATE = ("mwgan", "simulate", "s.mrc", "--size", "32", "--slices", "8", "--step", "6")
RECONSTRUCT = ("mwgan", "reconstruct", "s.mrc", "--tilts", "s.tlt", "--block", "1")
SIRT = (*RECONSTRUCT, "--method", "sirt", "--iterations", "600")


OUT = "out"  # the folder that every program below writes into, and into nothing else
WRITERS = {
    "mwgan simulate": ("mwgan", "simulate", f"{OUT}/x.mrc", "--size", "48", "--slices", "16", "--step", "6"),
    "mwgan reconstruct": (*RECONSTRUCT, "--method", "wbp", "-o", f"{OUT}/x.mrc"),
    "mwgan reconstruct --trust": (*RECONSTRUCT, "--method", "wbp", "--trust", "-o", f"{OUT}/x.mrc"),
    "mwgan compare": ("mwgan", "compare", "s.mrc", "--tilts", "s.tlt", "--slice", "2", "--methods", "wbp,sart", "-o", f"{OUT}/x.png"),
    "mwgan data check": ("mwgan", "data", "check", "dead_leaves", "-o", f"{OUT}/x.png"),
    "mwgan weights export": ("mwgan", "weights", "export", "trained", "-o", f"{OUT}/x.safetensors"),
    "mwgan weights split": ("mwgan", "weights", "split", "trained", "-o", f"{OUT}/x"),
    "mwgan weights join": ("mwgan", "weights", "join", "pieces", "-o", f"{OUT}/x.ckpt"),
    "mwgan-train": (*GAME, f"paths.run_dir={OUT}/x"),
    "mwgan-evaluate": (*EVALUATE, f"table={OUT}/x", f"hydra.run.dir={OUT}/log"),
    "mwgan-figures": ("mwgan-figures", "table=table", f"folder={OUT}/x", f"hydra.run.dir={OUT}/log", "figures=[comparison_panel]"),
}


class Ended(NamedTuple):
    """How a program ended."""

    code: int
    message: str

    @property
    def traceback(self) -> bool:
        """Whether it showed its insides. Before a program has begun, Ctrl-C is answered by Python, in its way."""
        return self.code != -signal.SIGINT and ("Traceback" in self.message or "terminate called" in self.message)


def started(command: tuple[str, ...], folder: Path) -> subprocess.Popen[str]:
    name, *arguments = command
    return subprocess.Popen(
        [sys.executable, "-m", MODULES[name], *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(command: tuple[str, ...], folder: Path, number: signal.Signals | None = None, after_s: float = 0.0) -> Ended:
    """A program that is sent the signal ``number``, it and all it has started, when it has run for so long, if it hasn't ended."""
    with started(command, folder) as process:
        if number is not None:
            wait_until, moment = time.monotonic() + after_s, 0.0
            while process.poll() is None and (moment := time.monotonic()) < wait_until:
                time.sleep(min(0.002, wait_until - moment))
            if process.poll() is None:
                os.killpg(process.pid, number)
        message = process.communicate(timeout=300)[1]
        return Ended(process.returncode, message)


def prepare(folder: Path) -> None:
    """What the programs read: a series, a table, a training and a file in pieces."""
    trained = (*GAME, "paths.run_dir=trained", "trainer.max_epochs=1")
    table = (*EVALUATE, "wedges_deg=[40,60,80]", "~methods.sart", "table=table", "hydra.run.dir=log")
    for command in (SIMULATE, trained, table, ("mwgan", "weights", "split", "trained", "-o", "pieces")):
        end = ended(command, folder)
        assert end.code == 0, end.message


def is_one_sentence(message: str) -> bool:
    """Whether a program that was refused has said why, once."""
    return sum(line.startswith("error: ") for line in message.splitlines()) == 1


def leftovers(folder: Path) -> list[str]:
    """Files that were to have another name when they were whole."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.name.endswith((".partial", ".tmp")))


def result_of(path: Path) -> object:
    """What a result says, for comparison by :func:`same`: a volume's voxels, a table's rows without their times, a run's end."""
    if path.is_dir() and not any(path.rglob("last.ckpt")):
        return {file.name: file.read_bytes() for file in path.iterdir()}
    if path.is_dir():
        return {run: (_learned(path / run), _log(path / run)) for run in _runs(path)}
    if path.suffix == ".mrc":
        return np.array(mrcfile.read(path))
    if path.suffix != ".parquet":
        return path.read_bytes()
    rows = pd.read_parquet(path)
    return rows.drop(columns=[name for name in ("seconds", "peak_mib", "commit") if name in rows]).to_dict("list")


def _runs(folder: Path) -> list[str]:
    return sorted(str(path.parents[1].relative_to(folder)) for path in folder.rglob("last.ckpt"))


def _learned(run: Path) -> dict[str, object]:
    """What a run knows and where it stands."""
    checkpoint = torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    return {key: checkpoint[key] for key in ("state_dict", "optimizer_states", "lr_schedulers", "epoch", "global_step")}


def _log(run: Path) -> list[dict[str, float]]:
    """What was logged of each epoch, over all parts of a run, and how often; speeds may differ."""
    rows = pd.concat([pd.read_csv(part) for part in sorted((run / "csv").glob("*.csv"), reverse=True)])
    epochs = rows.drop(columns=["train/images_per_second", "train/tflops"]).sort_index(axis=1).groupby("epoch")
    return [*epochs.max().reset_index().to_dict("records"), *epochs.count().reset_index().to_dict("records")]


def same(one: object, other: object) -> bool:
    """Whether two results are the same to the bit."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.array_equal(one, other, equal_nan=True)
    return one == other or (one != one and other != other)


def note(**row: object) -> None:
    """Add a row to the csv that MWGAN_FAULTS names, if it does: what docs/reliability.md counts."""
    if file := os.environ.get("MWGAN_FAULTS"):
        with Path(file).open("a", newline="", encoding="utf-8") as stream:
            csv.DictWriter(stream, COLUMNS, lineterminator="\n").writerow(row)
