"""Growth of the projector's time and memory with image size, tilts and batch, compared with the machine's limits.

    python benchmarks/growth.py

Each case runs in its own process, whose peak memory is read at the end (Linux only), minus the memory of Python, torch and the
compiled kernels.
The machine's limits are measured, not looked up: products of large matrices for arithmetic, copies of large arrays for memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from machine import arguments, describe, provenance, write_csv
from rich.console import Console
from rich.table import Table

from mwgan.geometry import TiltGeometry
from mwgan.operators import ParallelBeam

SIZES = [(size, 180, 1) for size in (128, 256, 512, 1024, 2048)]
TILTS = [(256, tilts, 32) for tilts in (45, 90, 180, 360)]
BATCHES = [(256, 180, batch) for batch in (1, 2, 4, 8, 16, 32, 64)]
PACKAGES = ("mwgan", "torch", "numpy", "numba")
WEIGHTS = 3  # multiplications and additions per pixel and tilt


def main() -> None:
    parser = arguments("Times the projector as sizes grow, and what memory it takes.", "growth.csv")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each case; the shortest counts")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.case:
        return print(json.dumps(measured(*json.loads(options.case), options.repeats)))
    flops, bandwidth = arithmetic_limit(), memory_limit()
    columns = provenance(PACKAGES)
    rows = []
    for size, tilts, batch in dict.fromkeys([*SIZES, *TILTS, *BATCHES]):
        command = [sys.executable, __file__, "--case", json.dumps([size, tilts, batch])]
        command += ["--threads", str(options.threads), "--repeats", str(options.repeats)]
        done = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        row = {"size": size, "tilts": tilts, "batch": batch}
        for direction in ("forward", "back"):
            row[f"{direction}_ms_per_image"] = f"{1000 * done[direction] / batch:.3f}"
            row[f"{direction}_share_of_arithmetic"] = f"{done['operations'] / done[direction] / flops:.3f}"
        row["peak_mib"] = f"{done['peak_mib']:.0f}"
        rows.append({**row, "machine_gflops": f"{flops / 1e9:.0f}", "machine_gb_per_s": f"{bandwidth / 1e9:.0f}", **columns})
    Console().print(table(rows))
    print(describe(columns))
    print(f"the machine's matrix products: {flops / 1e9:.0f} GFLOP/s; its copies: {bandwidth / 1e9:.0f} GB/s read and written")
    write_csv(options.csv, rows)
    return None


def measured(size: int, tilts: int, batch: int, repeats: int) -> dict[str, float]:
    """Seconds of both directions for the whole batch, operations, and peak memory in MiB."""
    geometry = TiltGeometry.full(size, 180 / tilts)
    small = ParallelBeam(TiltGeometry.full(16, 60.0))
    small.adjoint(small(torch.rand(batch, 1, 16, 16)))  # compiles the kernels, or loads them
    before = peak_mib()
    projector = ParallelBeam(geometry)
    image, sinogram = torch.rand(batch, 1, size, size), torch.rand(batch, 1, tilts, size)
    seconds = {"forward": shortest(lambda: projector(image), repeats), "back": shortest(lambda: projector.adjoint(sinogram), repeats)}
    seen = float(ParallelBeam(geometry).adjoint(torch.ones(1, 1, tilts, size)).sum())  # pairs of pixel and tilt on the detector
    return {**seconds, "operations": 2 * WEIGHTS * seen * batch, "peak_mib": peak_mib() - before}


def peak_mib() -> float:
    """Peak memory of this process; not getrusage's, which starts with that of the parent process."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def shortest(run: Callable[[], object], repeats: int) -> float:
    run()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return min(times)


def arithmetic_limit() -> float:
    """Operations per second of a product of two large float32 matrices."""
    one, other = torch.rand(2, 4096, 4096)
    return 2 * 4096**3 / shortest(lambda: one @ other, 3)


def memory_limit() -> float:
    """Bytes per second, read and written, when copying an array larger than the caches."""
    array, copy = torch.rand(1 << 27), torch.empty(1 << 27)
    return 2 * 4 * len(array) / shortest(lambda: copy.copy_(array), 3)


def table(rows: list[dict[str, object]]) -> Table:
    shown = Table(title="the projector as sizes grow", caption="share: of the arithmetic of matrix products; peak: beyond Python and torch")
    for column in ("size", "tilts", "batch", "forward ms", "share", "back ms", "share", "peak MiB"):
        shown.add_column(column, justify="right")
    for row in rows:
        names = ("size", "tilts", "batch", "forward_ms_per_image", "forward_share_of_arithmetic")
        names += ("back_ms_per_image", "back_share_of_arithmetic", "peak_mib")
        shown.add_row(*(str(row[name]) for name in names))
    return shown


if __name__ == "__main__":
    main()
