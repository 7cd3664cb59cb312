"""The series of a recipe as jobs of SLURM: all volumes, one page, and a job that fails is told of."""

from __future__ import annotations

import csv
import subprocess
import sys

import pytest
import yaml

pytestmark = pytest.mark.cluster

MWGAN = [sys.executable, "-m", "mwgan.cli.main"]


def test_series_are_jobs(cluster, tmp_path):
    def mwgan(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*MWGAN, *arguments], cwd=tmp_path, env=cluster.environment, capture_output=True, text=True, timeout=300, check=False
        )

    (tmp_path / "raw").mkdir()
    for number in (1, 2):
        assert mwgan("simulate", f"raw/s{number}.mrc", "--size", "32", "--slices", "4", "--step", "6").returncode == 0
        (tmp_path / f"raw/s{number}.truth.mrc").unlink()
    (tmp_path / "raw/broken.mrc").write_bytes(b"no series")
    said = {
        "series": ["raw/*.mrc"],
        "output": "results",
        "align": False,
        "reconstruct": {"method": "sirt", "iterations": 5},
        "slurm": {"cpus_per_task": 1, "mem_gb": 1, "timeout_min": 5},
    }
    (tmp_path / "day.yaml").write_text(yaml.safe_dump(said))
    done = mwgan("run", "day.yaml", "--launcher", "slurm", "--jobs", "2")
    assert done.returncode == 2, done.stderr
    assert "broken" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.count(": job ") == 3
    rows = {row["series"]: row["state"] for row in csv.DictReader((tmp_path / "results/summary.csv").open())}
    assert rows["s1"] == rows["s2"] == "done"
    assert "broken.mrc" in rows["broken"]
    (tmp_path / "raw/broken.mrc").unlink()
    again = mwgan("run", "day.yaml")
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("is already finished") == 2
