"""Trainings and sweeps that are killed at random moments continue and end as if nobody had stopped them."""

from __future__ import annotations

from pathlib import Path

import pytest
from kills import Command, Killed, kill
from programs import GAME, SWEEP

pytestmark = pytest.mark.faults


def go_on(folder: Path) -> Command | None:
    """The folder is all that is given, if it holds what tells of the run."""
    started = any((folder / "run" / file).is_file() for file in (".hydra/overrides.yaml", "multirun.yaml"))
    return ("mwgan-train", "resume=run") if started else None


TRAININGS = [
    Killed("mwgan-train", (*GAME, "paths.run_dir=run"), go_on, "run", whole=False),
    Killed("mwgan-train -m", (*SWEEP, "hydra.sweep.dir=run"), go_on, "run", whole=False),
]


@pytest.mark.parametrize("training", TRAININGS, ids=lambda one: one.name)
def test_a_killed_training_ends_as_if_nobody_had_stopped_it(training, tmp_path):
    (prepared := tmp_path / "prepared").mkdir()
    assert kill(training, prepared, tmp_path, "training") == []
