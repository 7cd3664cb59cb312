"""A program that is killed again and again, and continues each time as a user would have it continue."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from programs import Ended, ended, leftovers, note, result_of, same

KILLS = 15  # of each program
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
IN_A_ROW = 5
Command = tuple[str, ...]


class Killed(NamedTuple):
    """A program to be killed.

    Parameters
    ----------
    name
        What it is called in the table.
    begin
        The command; it writes into the folder it is started in.
    go_on
        The command that continues, if a folder holds something to resume from, else None: the first one is given again.
    result
        What it writes, in its folder.
    whole
        Whether the result is there wholly or not at all, at any moment.
    keeps
        Whether it keeps what it has done, under another name, for the next one to continue with.
    """

    name: str
    begin: Command
    go_on: Callable[[Path], Command | None]
    result: str
    whole: bool
    keeps: bool = False


def undisturbed(killed: Killed, prepared: Path, folder: Path) -> tuple[object, float]:
    """Its result, and the seconds that it takes: of the second of two runs, since the first one on a machine compiles kernels."""
    results: list[object] = []
    for name in ("first", "second"):
        here, begun = shutil.copytree(prepared, folder / name), time.monotonic()
        straight = ended(killed.begin, here)
        assert straight.code == 0, straight.message
        results.append(result_of(here / killed.result))
    assert same(*results), f"two runs of {killed.name} differ"
    return results[1], time.monotonic() - begun


def kill(killed: Killed, prepared: Path, folder: Path, seed: str) -> list[str]:
    """Kill a program :data:`KILLS` times at random moments; what went wrong, one sentence each.

    It is killed up to five times in a row, each time as it continues, then left to end, and its result compared. A program that
    has ended before its signal is no kill: another one is begun.
    """
    chance = random.Random(f"{seed} {killed.name}")
    numbers = [SIGNALS[count % len(SIGNALS)] for count in range(KILLS)]
    chance.shuffle(numbers)
    wrong: list[str] = []
    expected, seconds = undisturbed(killed, prepared, folder)
    tries = 0
    while numbers and tries < 4 * KILLS:
        tries += 1
        shutil.copytree(prepared, here := folder / str(tries))
        rows, complaints = [], []
        for _ in range(min(IN_A_ROW, len(numbers))):
            moment = chance.uniform(0.0, seconds)
            end = ended(killed.go_on(here) or killed.begin, here, numbers[-1], moment)
            if end.code == 0:
                break
            rows.append(_row(killed, here, numbers.pop(), moment / seconds, end, expected))
            if not _good(rows[-1]):
                complaints.append(f"{rows[-1]}: {end.message[-1500:]}")
        if rows:
            last = ended(killed.go_on(here) or killed.begin, here)
            equal = last.code == 0 and same(result_of(here / killed.result), expected)
            left = leftovers(here)
            for row in rows:
                note(**row, equal=equal)
            wrong += complaints
            if not equal or left or last.traceback:
                wrong.append(f"{killed.name} after {[row['how'] for row in rows]}: exit {last.code}, left {left}, {last.message[-800:]}")
        shutil.rmtree(here)
    assert not numbers, f"{killed.name} ended before its signals"
    return wrong


def _row(killed: Killed, here: Path, number: signal.Signals, moment: float, end: Ended, expected: object) -> dict[str, object]:
    result, torn = here / killed.result, False
    if killed.whole and result.exists():
        torn = not same(result_of(result), expected)
    left = [] if number == signal.SIGKILL or killed.keeps else leftovers(here)
    return {
        "fault": "killed",
        "program": killed.name,
        "how": number.name,
        "moment": f"{moment:.2f}",
        "exit": end.code,
        "traceback": end.traceback,
        "leftovers": len(left),
        "torn": torn,
    }


def _good(row: dict[str, object]) -> bool:
    number = signal.Signals[str(row["how"])]
    allowed = (-number, 128 + number, *([143] if number == signal.SIGHUP else []))
    return row["exit"] in allowed and not (row["leftovers"] or row["torn"] or row["traceback"])
