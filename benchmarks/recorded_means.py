"""Reference values of ``mwgan.benchmark``: the means of experiments/beyond/wedge_sweep, and their conditions.

Writes mwgan/evaluation/recorded/wedge_sweep.csv and .json, which are shipped with the package. To be run after the experiment:

    python benchmarks/recorded_means.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from mwgan.paths import PACKAGE

RECORDED = Path(__file__).resolve().parents[1] / "experiments/beyond/wedge_sweep"
SHIPPED = PACKAGE / "evaluation/recorded"
BY = ["method", "source", "noise_percent", "wedge_deg"]
METRICS = ["psnr", "ssim", "nrmse", "residual", "residual_of_truth", "frc_inside", "frc_outside"]
CORRECTED = " + data"  # suffix of a method's name in the recorded table if its tomograms are corrected by the data


def means() -> pd.DataFrame:
    """A row per method, source, noise and wedge: means over the images, in the order of the recorded table."""
    rows = pd.read_parquet(RECORDED / "results.parquet")
    groups = rows.groupby(BY, sort=False)
    found = groups[METRICS].mean().reset_index()
    found.insert(4, "images", groups.size().to_numpy())
    found.insert(1, "data_consistency", found["method"].str.endswith(CORRECTED))
    return found


def conditions() -> dict[str, Any]:
    """The tilt step, the seed, the test images, and their fingerprints."""
    conditions_json = json.loads((RECORDED / "results.conditions.json").read_text())
    rows = pd.read_parquet(RECORDED / "results.parquet", columns=["seed"])
    (seed,) = rows["seed"].unique()
    tests = {name: node["test"] for name, node in conditions_json["tests"].items()}
    fingerprints = {name: conditions_json[f"images of {name}"][f"test {name}"] for name in tests if f"images of {name}" in conditions_json}
    return {"step_deg": conditions_json["step_deg"], "seed": int(seed), "tests": tests, "fingerprints": fingerprints}


def main() -> None:
    SHIPPED.mkdir(exist_ok=True)
    means().to_csv(SHIPPED / "wedge_sweep.csv", index=False, float_format="%.5g", lineterminator="\n")
    (SHIPPED / "wedge_sweep.json").write_text(json.dumps(conditions(), indent=2) + "\n")


if __name__ == "__main__":
    main()
