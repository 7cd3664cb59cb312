"""Time to generate a slice of each kind of three-dimensional specimen, and a stack of five neighbouring slices.

    python benchmarks/specimens.py

Processor time of this process, body included, so that other load on the machine matters little; the goal is 10 ms per slice of
64 pixels and 100 ms of 256.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
from machine import arguments, describe, provenance, write_csv
from rich.console import Console
from rich.table import Table

from mwgan.data import Specimens
from mwgan.data.specimens import KINDS

SIZES = (64, 128, 256)
STACK = 5


def main() -> None:
    parser = arguments("Time to generate specimens.", "specimens.csv")
    parser.add_argument("--images", type=int, default=24, help="specimens of each kind")
    options = parser.parse_args()
    columns = provenance(("mwgan", "numpy", "scipy"))
    table = Table(title="milliseconds a slice: mean (longest); of a stack of five: mean")
    for heading in ("kind", *(f"{size} px" for size in SIZES), *(f"five, {size} px" for size in SIZES)):
        table.add_column(heading, justify="left" if heading == "kind" else "right")
    rows = []
    for kind in KINDS:
        slices, stacks = [], []
        for size in SIZES:
            source = Specimens(size, options.images, kinds=[kind])
            for name, draw, cells in (("slice", source.image, slices), ("stack of 5", partial(source.stack, slices=STACK), stacks)):
                taken = [1000 * seconds_for(draw, index) for index in range(options.images)]
                cells.append(f"{np.mean(taken):.1f}" + (f" ({max(taken):.0f})" if name == "slice" else ""))
                measured = {"mean_ms": f"{np.mean(taken):.2f}", "longest_ms": f"{max(taken):.2f}"}
                rows.append({"kind": kind, "size": size, "drawn": name, "images": options.images, **measured, **columns})
        table.add_row(kind, *slices, *stacks)
    Console(width=120).print(table)
    print(describe(columns))
    write_csv(options.csv, rows)


def seconds_for(draw: Callable[[int, np.random.Generator], object], index: int) -> float:
    rng = np.random.default_rng(index)
    start = time.process_time()
    draw(index, rng)
    return time.process_time() - start


if __name__ == "__main__":
    main()
