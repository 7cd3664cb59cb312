"""Time per slice and peak memory of whole volumes: ``mwgan reconstruct`` from a series on disk to a volume on disk.

    python benchmarks/volumes.py --memory 6GB

Each case runs in its own process, on the first slices of a square series of dead leaves at 121 tilts (16-bit integers, MRC), with
as many at a time as the memory allows; its peak is that of the whole process, Python and torch included (Linux only). A row is
written after each case; a second call runs the missing cases only.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal

import mrcfile
import numpy as np
import torch
from growth import peak_mib
from machine import arguments, describe, provenance, write_csv
from rich.console import Console
from rich.table import Table

from mwgan.data import DeadLeaves
from mwgan.geometry import TiltGeometry
from mwgan.io import TiltSeries, open_series
from mwgan.operators import projector_for
from mwgan.recon.named import make_method
from mwgan.series import reconstruct_series
from mwgan.series.choice import make_choice
from mwgan.series.memory import band_bytes, parse_memory
from mwgan.series.slice_grid import SliceGrid

SIZES, AXES, METHODS, TILTS = (256, 512, 1024, 2048), ("y", "x"), ("wbp", "sirt", "tvm", "lpd"), np.linspace(-60, 60, 121)
PACKAGES = ("mwgan", "torch", "numpy", "numba")
SLICES = 8
LARGEST, NOISE = 10_000, 0.02


class FirstSlices:
    """The first slices of a series, with the read-ahead of the whole series."""

    def __init__(self, series: TiltSeries, slices: int) -> None:
        self._series, self.slices, self.path, self.geometry = series, slices, series.path, series.geometry
        self.voxel_sizes_angstrom, self.sinograms, self.reading_bytes = series.voxel_sizes_angstrom, series.sinograms, series.reading_bytes


def main() -> None:
    parser = arguments("Times volumes, and what memory they take.", "volumes.csv")
    parser.add_argument("--memory", default="6GB", help="limit for each process")
    parser.add_argument("--slices", type=int, default=SLICES, help="slices of each case")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.case:
        return print(json.dumps(measured(*json.loads(options.case))))
    rows = list(csv.DictReader(options.csv.open())) if options.csv.exists() else []
    columns = provenance(PACKAGES)
    for size in map(int, options.sizes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            series = None
            for method in options.methods.split(","):
                for axis in AXES:
                    if any((row["size"], row["method"], row["axis"]) == (str(size), method, axis) for row in rows):
                        continue
                    series = series or written(Path(folder) / "series.mrc", size)
                    case = json.dumps([str(series), method, axis, options.memory, options.slices])
                    command = [sys.executable, __file__, "--case", case, "--threads", str(options.threads)]
                    done = subprocess.run(command, capture_output=True, text=True, check=False)
                    if done.returncode:
                        sys.exit(done.stderr)
                    found = {"size": size, "method": method, "axis": axis, "memory": options.memory, "slices": options.slices}
                    rows.append({**found, **json.loads(done.stdout.splitlines()[-1]), **columns})
                    write_csv(options.csv, rows)
    Console().print(table(rows))
    print(describe(columns))
    return None


def written(path: Path, size: int) -> Path:
    """Write a series of dead leaves: the same slice with independent noise, 2 % of the largest of 10,000 counts."""
    generator = np.random.default_rng(0)
    image = torch.from_numpy(DeadLeaves(size, 1).image(0, np.random.default_rng(0)))[None, None]
    lines = projector_for(TiltGeometry(tuple(TILTS.tolist()), size))(image)[0, 0].numpy()
    lines *= LARGEST / lines.max()
    with mrcfile.new_mmap(path, (len(TILTS), size, size), mrc_mode=1) as file:
        for written, row in zip(file.data, lines, strict=True):
            noise = generator.standard_normal(written.shape, dtype=np.float32)
            written[:] = (row + NOISE * LARGEST * noise).round()
        file.set_image_stack()
    return path


def measured(path: str, method: str, axis: Literal["x", "y"], memory: str, slices: int) -> dict[str, object]:
    """Seconds per slice, with reading and writing, and the process' peak in MiB."""
    budget = parse_memory(memory)
    series = open_series(path, TILTS.tolist(), axis, band_bytes=band_bytes(budget))
    few = FirstSlices(series, min(slices, series.slices))
    reconstructor = make_choice(make_method(method), few, SliceGrid.of(series.geometry))  # once per series, not part of the time per slice
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        reconstruct_series(few, reconstructor, Path(folder) / "volume.mrc", memory=budget)
        seconds = (time.perf_counter() - started) / few.slices
    peak = 0.0
    with suppress(FileNotFoundError):
        peak = peak_mib()
    return {"seconds_per_slice": f"{seconds:.3f}", "peak_mib": f"{peak:.0f}"}


def table(rows: list[dict[str, object]]) -> Table:
    shown = Table(title="whole volumes", caption="peak: of the whole process")
    for column in ("size", "method", "axis", "s a slice", "peak MiB"):
        shown.add_column(column, justify="right")
    for row in rows:
        shown.add_row(*(str(row[name]) for name in ("size", "method", "axis", "seconds_per_slice", "peak_mib")))
    return shown


if __name__ == "__main__":
    main()
