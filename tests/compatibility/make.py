"""Makes ``version_before.tar.gz``: what version 0.1.0 leaves behind, so that later versions are tested to open it.

The archive in the repository was made with the last commit before the package was divided into rooms, 61aa660, by

    git worktree add /srv/mwgan 61aa660
    cd /srv && python REPOSITORY/tests/compatibility/make.py /srv/mwgan

where REPOSITORY is the checkout that this script lies in. It takes some minutes. Records and checkpoints tell the folders they were made
in: take neutral ones. Nothing in the archive was edited afterwards; what no test reads (pictures, logs of Hydra, the checkpoints of
stages that are done) is left out.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import torch

ARCHIVE = Path(__file__).with_name("version_before.tar.gz")
QUIET = ("threads=1", "trainer.accelerator=cpu", "callbacks.image_panels=null", "callbacks.progress_bar=null")
QUIET += ("trainer.enable_progress_bar=false", "logger=csv")
SMALL = ("debug=smoke", "model.generator.depth=2", "model.generator.width=2", "data.train.count=64", "model.generator_optimizer.lr=0.02")
ABSENT = ("data=d2", "data.missing=substitute", "paths.data=nowhere")  # phantom faces stand in for scans
SMALL_INPAINTER = ("width=4", "growth=2")
SMALL_JOINT = (*(f"inpainter.{option}" for option in SMALL_INPAINTER), "restorer.width=2", "restorer.depth=2")
SMALL_STAGES = [
    f"+stages.{stage}.options={[f'model.generator.{option}' for option in options]}"
    for stage, options in {"inpainting": SMALL_INPAINTER, **dict.fromkeys(("deartifact", "finetune", "finish"), SMALL_JOINT)}.items()
]
NETWORKS = ("run", "stopped/checkpoints/last.ckpt", "exported.safetensors", "shards", "sweep/0", "joint/deartifact", "joint.safetensors")
TOMOGRAMS = f"""
import numpy as np
import torch
from mwgan.data import PhantomFaces
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.operators import ParallelBeam
from mwgan.recon import load_reconstructor

geometry = TiltGeometry.full(32, 6.0)
face = torch.from_numpy(PhantomFaces(32, 1).image(0, np.random.default_rng(0)))[None, None]
measurement = Measurement(ParallelBeam(geometry)(face), geometry.measured(45.0), geometry)
tomograms = {{path: load_reconstructor(path)(measurement)[0, 0].numpy() for path in {NETWORKS}}}
np.savez_compressed("tomograms.npz", sinogram=measurement.sinogram[0, 0].numpy(), **tomograms)
"""
UNREAD = ("train.log", "best.ckpt", "hparams.yaml", "log")


def main() -> None:
    checkout, folder = Path(sys.argv[1]).resolve(), Path("version_before")
    folder.mkdir()
    os.environ |= {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    os.chdir(folder)
    make()
    for path in sorted(Path().rglob("*")):
        if path.name in UNREAD:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    os.chdir("..")
    with tarfile.open(ARCHIVE, "w:gz", compresslevel=9) as archive:
        archive.add(folder, filter=anonymous)
    shutil.rmtree(folder)
    print(f"{ARCHIVE}: {ARCHIVE.stat().st_size / 1e6:.2f} MB")


def make() -> None:
    # A finished run of the game, and one that was told to end within its second epoch of 16 batches, each two steps.
    game = ("model=irdm", "model.discriminator.width=1", *SMALL, *QUIET)
    train(*game, *ABSENT, "trainer.max_epochs=2", "paths.run_dir=run")
    drawn = (*game, "data=drawn", "trainer.max_epochs=3")
    train(*drawn, "paths.run_dir=stopped", stop_at="stopped", steps=40)
    train(*drawn, "paths.run_dir=uninterrupted")
    for name in ("checkpoints", "csv", ".hydra"):
        shutil.rmtree(Path("uninterrupted", name))
    # Weights that leave the machine: one file, shards, and a checkpoint in pieces.
    run("main", "weights", "export", "run", "-o", "exported.safetensors")
    run("main", "weights", "split", "run", "-o", "pieces")
    record_in_shards = "from mwgan.recon.learned import *; state = read_weights(find_weights('run'))[::-1]; "
    subprocess.run([sys.executable, "-c", f"{record_in_shards}save_sharded_weights(Path('shards'), *state, 12_000)"], check=True)
    # A sweep whose second job was not begun.
    train("-m", "seed=0,1", "model=irdm_pixel", *SMALL, "trainer.max_epochs=2", *QUIET, "hydra.sweep.dir=sweep")
    shutil.rmtree("sweep/1")
    # The joint model, its second stage told to end; and one that was trained to the end.
    joint = ("experiment=ding2019/reduced/joint", "debug=smoke", *QUIET, *SMALL_STAGES)
    train(*joint, "paths.run_dir=finished_joint")
    run("main", "weights", "export", "finished_joint", "-o", "joint.safetensors")
    shutil.rmtree("finished_joint")
    train(*joint, "data.train.count=64", "trainer.max_epochs=3", "paths.run_dir=joint", stop_at="joint/deartifact", steps=20)
    # A table of two networks trained on stand-ins and classical methods, each once more corrected by the data.
    methods = ("methods.sart=null", "methods.tvm.tune.weight=[0.01,0.03]", "methods.tvm.reconstructor.iterations=10")
    small = ("data.size=32", "step_deg=6", "wedges_deg=[40,60]", "images=2", "tuning_images=1", "kept_images=1", "threads=1")
    networks = "checkpoints={irdm_d2: run, irdm_drawn: stopped}"
    run("evaluate", *ABSENT, *small, *methods, networks, "data_consistency=[0.15]", "table=table/results", "paths.root=table")
    # What that version makes of them: tomograms by each network, and the means that its figures draw.
    subprocess.run([sys.executable, "-c", TOMOGRAMS], check=True)
    run("figures", "table=table/results", "figures=[means_table,nrmse_table]", "folder=means", "paths.root=table")


def train(*options: str, stop_at: str | None = None, steps: int = 0) -> None:
    """Train; with ``stop_at`` until the checkpoint in that folder has so many steps, a checkpoint being written after each."""
    command = [sys.executable, "-m", "mwgan.cli.train", *options]
    if stop_at is None:
        subprocess.run(command, check=True)
        return
    last = Path(stop_at, "checkpoints", "last.ckpt")
    with subprocess.Popen([*command, "callbacks.last_checkpoint.every_minutes=0"]) as training:
        while not last.exists() or torch.load(last, weights_only=True)["global_step"] < steps:
            assert training.poll() is None, "it ended before it could be stopped"
            time.sleep(0.002)
        training.send_signal(signal.SIGTERM)
    assert training.returncode == 128 + signal.SIGTERM
    assert torch.load(last, weights_only=True)["epoch"] == 1


def run(program: str, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", f"mwgan.cli.{program}", *arguments], check=True)


def anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    main()
