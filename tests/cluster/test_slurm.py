"""Runs by SLURM: one job a run or several ranks a job, and whatever ends a job, it continues when it was queued again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from mwgan.runs import folder as jobs

pytestmark = pytest.mark.cluster

PROGRAM = [sys.executable, "-m", "mwgan.cli.train"]
IMAGES, EPOCHS = 48, 20
QUIET = ("logger=csv", "threads=1", "callbacks.image_panels=null", "callbacks.progress_bar=null", "trainer.enable_progress_bar=false")
SMALL = ("debug=smoke", "model.generator.depth=2", f"data.train.count={IMAGES}", "trainer.accelerator=cpu", *QUIET)
LAUNCHED = ("launcher=slurm", "hydra.launcher.gpus_per_node=null", "hydra.launcher.cpus_per_task=1", "hydra.launcher.mem_gb=1")
GAME = ("model.discriminator.width=4", "trainer.strategy=ddp_find_unused_parameters_true")
KEPT = ("+callbacks.kept._target_=kept_weights.KeptWeights", "+callbacks.kept.folder=${paths.output_dir}")


@pytest.fixture
def environment(cluster):
    here = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**cluster.environment, "PYTHONPATH": os.pathsep.join(here), "MASTER_ADDR": "127.0.0.1"}  # the nodes' names are nobody's


@pytest.fixture
def submit(cluster, environment, tmp_path):
    """Hand a command for ``srun`` to ``sbatch``, with the lines that docs/cluster.md asks for; the job's number."""

    def submit(*command: str, tasks: int, nodes: int = 1) -> str:
        srun = f"srun --kill-on-bad-exit=1 {' '.join(repr(part) for part in command)}"
        (tmp_path / "job.sh").write_text(f"#!/bin/bash\n{srun}\n")
        options = (
            f"--nodes={nodes}",
            f"--ntasks-per-node={tasks}",
            "--requeue",
            "--signal=USR2@60",
            "--open-mode=append",
            "--output=job.log",
        )
        done = subprocess.run(
            ["sbatch", "--parsable", *options, "job.sh"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return submit


def epochs(run: Path) -> list[list[int]]:
    """The epochs of each part of a run, in the order they were trained."""
    log = run / "csv"
    parts = [*sorted(log.glob("metrics_*.csv")), log / "metrics.csv"]
    return [pd.read_csv(part).dropna(subset="train/pixel_loss")["epoch"].astype(int).tolist() for part in parts]


def check_went_on(run: Path) -> None:
    """A run that was stopped once is finished, and no epoch that had its checkpoint was trained a second time."""
    before, after = epochs(run)
    assert len(before) >= 1
    assert before + after == list(range(EPOCHS))
    assert jobs.is_finished(run)
    assert torch.load(run / jobs.LAST, weights_only=True)["epoch"] == EPOCHS - 1


def check_ranks_agree(run: Path) -> None:
    first, second = (torch.load(run / f"rank_{rank}_of_2.pt", weights_only=True) for rank in range(2))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    steps = 2 * EPOCHS * IMAGES // (2 * 4)  # of both networks; batches of 4 for each of two ranks
    assert torch.load(run / jobs.LAST, weights_only=True)["global_step"] == steps


def test_a_sweep_is_one_job_a_run_and_one_that_is_preempted_goes_on(cluster, environment, tmp_path):
    command = [*PROGRAM, "-m", "seed=0,1", "model=irdm_pixel", f"trainer.max_epochs={EPOCHS}", *SMALL, *LAUNCHED, "hydra.sweep.dir=sweep"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as sweep:
        cluster.wait("a first checkpoint", (tmp_path / "sweep" / "0" / jobs.LAST).exists)
        (job,) = (job for job in cluster.message("squeue", "--noheader", "--format=%i").split() if job.endswith("_0"))
        cluster.message("scancel", "--signal=USR2", job)
        said = sweep.communicate(timeout=300)[1]
    assert sweep.returncode == 0, said
    first, second = (tmp_path / "sweep" / number for number in "01")
    check_went_on(first)
    assert epochs(second) == [list(range(EPOCHS))]
    assert jobs.is_finished(second)
    assert cluster.fields(job)["Restarts"] == "1"


def test_ranks_on_two_nodes_share_a_run_make_room_and_go_on(cluster, submit, tmp_path):
    job = submit(*PROGRAM, f"trainer.max_epochs={EPOCHS}", *SMALL, *GAME, *KEPT, "trainer.num_nodes=2", tasks=1, nodes=2)
    run = tmp_path / "outputs" / "train" / "train" / f"slurm-{job}.0"
    cluster.wait("a first checkpoint", (run / jobs.LAST).exists)
    urgent = ("--partition=urgent", "--nodes=2", "--ntasks-per-node=2", f"--output={tmp_path}/urgent.log", "--wrap=srun true")
    cluster.message("sbatch", "--wait", *urgent)
    cluster.wait("the job's end", lambda: cluster.state(job) == "COMPLETED", 300)
    check_went_on(run)
    check_ranks_agree(run)
    assert cluster.fields(job)["Restarts"] == "1"
    assert list(run.parent.iterdir()) == [run]


def test_a_job_of_a_sweep_has_a_task_a_device(cluster, environment, tmp_path):
    options = (*SMALL, *GAME, *KEPT, *LAUNCHED, "trainer.devices=2", f"trainer.max_epochs={EPOCHS}", "hydra.sweep.dir=sweep")
    with subprocess.Popen(
        [*PROGRAM, "-m", *options], cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as sweep:
        run = tmp_path / "sweep" / "0"
        cluster.wait("a first checkpoint", (run / jobs.LAST).exists)
        (job,) = cluster.message("squeue", "--noheader", "--format=%i").split()
        cluster.message("scontrol", "requeue", job)
        said = sweep.communicate(timeout=300)[1]
    assert sweep.returncode == 0, said
    check_went_on(run)
    check_ranks_agree(run)


def test_a_run_of_stages_goes_on_with_the_stage_where_it_was(cluster, submit, tmp_path):
    options = ("experiment=ding2019/reduced/joint", "debug=smoke", "trainer.accelerator=cpu", "paths.run_dir=joint", *QUIET)
    job = submit(*PROGRAM, *options, tasks=1)
    cluster.wait("the second stage", (tmp_path / "joint" / "deartifact" / jobs.RECORD).exists)
    first = (tmp_path / "joint" / "inpainting" / jobs.LAST).stat().st_mtime_ns
    cluster.message("scancel", "--signal=USR2", job)
    cluster.wait("the job's end", lambda: cluster.state(job) == "COMPLETED", 300)
    assert jobs.is_finished(tmp_path / "joint")
    assert (tmp_path / "joint" / "inpainting" / jobs.LAST).stat().st_mtime_ns == first
    assert cluster.fields(job)["Restarts"] == "1"
    assert "stage 1 of 4" in (log := (tmp_path / "job.log").read_text())
    assert log.count("stage 1 of 4") == 1
    assert log.count("stage 2 of 4") == 2


def test_tasks_that_are_not_its_devices_are_refused(cluster, submit, tmp_path):
    job = submit(*PROGRAM, *SMALL, tasks=2)
    cluster.wait("the job's end", lambda: cluster.state(job) == "FAILED")
    assert "error: SLURM has started 2 tasks, and trainer.devices=1 and trainer.num_nodes=1 need 1" in (tmp_path / "job.log").read_text()
