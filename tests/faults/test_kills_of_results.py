"""Evaluations and reconstructions that are killed at random moments leave nothing half-written, and give the same the next time."""

from __future__ import annotations

import pytest
from kills import Killed, kill
from programs import EVALUATE, SIMULATE, SIRT, ended

pytestmark = pytest.mark.faults

EVALUATION = Killed(
    "mwgan-evaluate", (*EVALUATE, "table=results", "hydra.run.dir=log"), lambda folder: None, "results.parquet", whole=False
)
RECONSTRUCTION = Killed("mwgan reconstruct", (*SIRT, "-o", "o.mrc"), lambda folder: None, "o.mrc", whole=True, keeps=True)


@pytest.mark.parametrize("program", [EVALUATION, RECONSTRUCTION], ids=lambda one: one.name)
def test_a_killed_program_gives_the_same_the_next_time(program, tmp_path):
    (prepared := tmp_path / "prepared").mkdir()
    assert ended(SIMULATE, prepared).code == 0
    assert kill(program, prepared, tmp_path, "results") == []
