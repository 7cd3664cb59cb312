"""Two programs that write to one name at once: nothing mixed, nothing lost, no leftovers."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from programs import GAME, RECONSTRUCT, SIMULATE, WRITERS, Ended, ended, leftovers, note, result_of, same, started

pytestmark = pytest.mark.faults

TRIES = 2
TABLE = (*WRITERS["mwgan-evaluate"][:-2], "table=x", "hydra.run.dir=log")
PAIRS = {  # two commands, and the files that they both write
    "mwgan reconstruct": ((*RECONSTRUCT, "--method", "sart", "-o", "x.mrc"), (*RECONSTRUCT, "--method", "wbp", "-o", "x.mrc"), ["x.mrc"]),
    "mwgan simulate": (
        ("mwgan", "simulate", "x.mrc", *SIMULATE[3:]),
        ("mwgan", "simulate", "x.mrc", *SIMULATE[3:], "--seed", "1"),
        ["x.mrc", "x.truth.mrc"],
    ),
    "mwgan-evaluate": (TABLE, TABLE, ["x.parquet"]),
    "mwgan-train": ((*GAME, "paths.run_dir=x"), (*GAME, "paths.run_dir=x"), ["x"]),
}


@pytest.mark.parametrize("program", PAIRS)
def test_two_programs_at_once_mix_nothing(program, tmp_path):
    first, second, names = PAIRS[program]
    chance = random.Random(program)
    results = []
    for command in dict.fromkeys((first, second)):
        alone = _prepared(tmp_path / f"alone {len(results)}")
        end = ended(command, alone)
        assert end.code == 0, end.message
        results.append([result_of(alone / name) for name in names])
    for count in range(TRIES):
        here = _prepared(tmp_path / str(count))
        one = started(first, here)
        time.sleep(chance.uniform(0.0, 1.0))
        other = started(second, here)
        ends = [
            Ended(process.returncode, message) for process, message in [(process, process.communicate()[1]) for process in (one, other)]
        ]
        left = leftovers(here)
        whole = any(same([result_of(here / name) for name in names], result) for result in results)
        codes, traceback = [end.code for end in ends], any(end.traceback for end in ends)
        note(
            fault="two at once", program=program, how=str(count + 1), exit=max(codes), traceback=traceback,
            leftovers=len(left), torn=not whole, equal=whole,
        )  # fmt: skip
        assert 0 in codes, ends
        assert set(codes) <= {0, 2}, ends
        assert whole, ends
        assert not left
        assert not traceback, ends


def _prepared(folder: Path) -> Path:
    folder.mkdir()
    assert ended(SIMULATE, folder).code == 0
    return folder
