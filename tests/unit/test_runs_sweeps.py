"""What the folder of a sweep holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from mwgan.errors import InputError
from mwgan.runs.folder import begin, finish
from mwgan.runs.hydra_records import SWEEP
from mwgan.runs.sweeps import runs_of, swept_keys


def recorded(*task: str, params: dict[str, str] | None = None) -> object:
    return OmegaConf.create({"hydra": {"sweeper": {"params": params}, "overrides": {"task": list(task)}}, "seed": 5})


def test_the_swept_keys_are_those_with_several_values_by_todays_names():
    assert swept_keys(recorded("data=d1,d2", "seed=1", "inpainters=a,b", params={"model.x": "interval(0, 1)"})) == [
        "model.x",
        "data",
        "init",
    ]


def test_runs_say_their_method_seed_and_whether_they_are_finished(tmp_path):
    OmegaConf.save(recorded("wedge.min_deg=40,50", "seed=0,1"), tmp_path / SWEEP)
    for number, (degrees, seed) in enumerate(((40, 0), (50, 1))):
        folder: Path = tmp_path / str(number)
        folder.mkdir()
        begin(folder, [f"wedge.min_deg={degrees}", f"seed={seed}"], "irdm")
    finish(tmp_path / "1", [], {})
    told = [(run.method, run.train_seed, run.finished, run.folder.name) for run in runs_of(tmp_path)]
    assert told == [("irdm_min_deg=40", 0, False, "0"), ("irdm_min_deg=50", 1, True, "1")]


def test_a_folder_without_a_sweep_or_without_a_job_is_refused(tmp_path):
    with pytest.raises(InputError, match="not the folder of a sweep"):
        runs_of(tmp_path)
    OmegaConf.save(recorded("seed=0,1"), tmp_path / SWEEP)
    with pytest.raises(InputError, match="no job of the sweep"):
        runs_of(tmp_path)
