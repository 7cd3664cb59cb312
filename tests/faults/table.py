"""The table of docs/reliability.md, from what the tests noted: ``python tests/faults/table.py CSV``."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from programs import COLUMNS

HEADINGS = ("fault", "program", "how often", "how it ended", "tracebacks", "leftovers", "half-written or mixed", "later run equal")


def table(noted: Path) -> str:
    """Markdown: a row for each fault and program, with its counts."""
    rows = pd.read_csv(noted, names=COLUMNS)
    lines = [HEADINGS, ("---", "---", "---:", "---", *4 * ["---:"])]
    for (fault, program), tries in rows.groupby(["fault", "program"], sort=True):
        exits = tries["exit"].value_counts().sort_index(ascending=False)
        message = ", ".join(f"{code} ({count})" for code, count in exits.items())
        wrong = [int(tries[name].sum()) for name in ("traceback", "leftovers", "torn")]
        equal = "" if str(fault).startswith("fuzzed") else f"{int(tries['equal'].sum())} of {len(tries)}"  # there is no later run
        lines.append((str(fault), f"`{program}`", str(len(tries)), message, *map(str, wrong), equal))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    print(table(Path(sys.argv[1])), end="")
