"""The gain of a network from neighbouring slices, on synthetic specimens.

    python benchmarks/neighbours.py

Two unseen specimens of each kind, 64 pixels, tilts of 3 degrees; neighbours have the same wedge and independent noise.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from machine import arguments, describe, provenance, write_csv
from rich.console import Console
from rich.table import Table
from torch import Tensor

from mwgan.acquisition import Acquisition, GaussianNoise
from mwgan.data import Specimens
from mwgan.metrics import image_metrics
from mwgan.recon import TVM, load_reconstructor

SIZE, STEP_DEG, SEED, SLICES = 64, 3.0, 0, 5
WEDGES_DEG, NOISE_PERCENT = (30.0, 60.0, 80.0), (0.0, 0.5, 2.0, 5.0)
UNSEEN = 501_600  # the first specimen of data=specimens' test part


def main() -> None:
    parser = arguments(__doc__.splitlines()[0], "neighbours.csv")
    parser.add_argument("--networks", nargs="+", default=["lpd_guided"], help="names, weights or run folders")
    parser.add_argument("--specimens", type=int, default=24, help="a multiple of twelve has equally many of each kind")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    source = Specimens(SIZE, options.specimens, SEED, UNSEEN)
    stacks = torch.from_numpy(np.stack([source.stack(index, np.random.default_rng(0), SLICES) for index in range(len(source))]))
    columns = provenance(("mwgan", "torch"))
    methods = {"tvm_auto": TVM(weight=None, iterations=400), **{name: load_reconstructor(name) for name in options.networks}}
    rows = []
    for percent in NOISE_PERCENT:
        for wedge in WEDGES_DEG:
            given = Acquisition(SIZE, STEP_DEG, (wedge, wedge), GaussianNoise(percent))(stacks, torch.arange(len(stacks))).only_measured()
            for name, method in methods.items():
                shown = {"alone": replace(given, neighbours=None)} | ({"neighbours": given} if getattr(method, "neighbours", 0) else {})
                for how, measurement in shown.items():
                    what = {"method": name, "given": how, "noise_percent": percent, "wedge_deg": wedge}
                    rows.append({**what, **quality(method(measurement), stacks)})
    Console(width=140).print(table_of(rows))
    print(describe(columns))
    write_csv(options.csv, [{**row, "specimens": len(stacks), "seed": SEED, **columns} for row in rows])


def quality(tomogram: Tensor, stacks: Tensor) -> dict[str, str]:
    middle = stacks.shape[1] // 2
    found = image_metrics(tomogram, stacks[:, middle : middle + 1])
    return {name: f"{float(found[name].mean()):.4f}" for name in ("psnr", "ssim")}


def table_of(rows: list[dict[str, object]]) -> Table:
    table = Table(title="PSNR in dB")
    for heading in ("noise", "wedge"):
        table.add_column(heading, justify="right")
    columns = list(dict.fromkeys((row["method"], row["given"]) for row in rows))
    for method, given in columns:
        table.add_column(f"{method}, {given}", justify="right")
    for percent in NOISE_PERCENT:
        for wedge in WEDGES_DEG:
            here = {(row["method"], row["given"]): row for row in rows if (row["noise_percent"], row["wedge_deg"]) == (percent, wedge)}
            table.add_row(f"{percent:g} %", f"{wedge:g}°", *(f"{float(str(here[column]['psnr'])):.2f}" for column in columns))
    return table


if __name__ == "__main__":
    main()
