"""What a network gains where it is given the neighbouring slices of each: `lpd_guided` on specimens, with and without them.

    python benchmarks/neighbours.py

Two specimens of each kind that training has not seen, 64 pixels, tilts of 3 degrees; neighbours have the same wedge and noise of their own.
"""

from __future__ import annotations

import numpy as np
import torch
from machine import arguments, describe, provenance, write_csv
from rich.console import Console
from rich.table import Table
from torch import Tensor

from mwgan.acquisition import Acquisition, GaussianNoise
from mwgan.data import Specimens
from mwgan.geometry import Measurement
from mwgan.metrics import image_metrics
from mwgan.recon import load_reconstructor

SIZE, STEP_DEG, SEED = 64, 3.0, 0
WEDGES_DEG, NOISE_PERCENT = (30.0, 60.0, 80.0), (0.0, 0.5, 2.0, 5.0)
UNSEEN = 501_600  # the first specimen of data=specimens' test part


def main() -> None:
    parser = arguments(__doc__.splitlines()[0], "neighbours.csv")
    parser.add_argument("--network", default="lpd_guided", help="its name, weights or run folder")
    parser.add_argument("--specimens", type=int, default=24, help="as many of each kind where they are a multiple of twelve")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    network = load_reconstructor(options.network)
    source = Specimens(SIZE, options.specimens, SEED, UNSEEN)
    slices = 2 * network.neighbours + 1
    stacks = torch.from_numpy(np.stack([source.stack(index, np.random.default_rng(0), slices) for index in range(len(source))]))
    columns = provenance(("mwgan", "torch"))
    table = Table(title=f"{options.network}: PSNR in dB alone / with {network.neighbours} neighbours on either side, by missing wedge")
    for heading in ("noise", *(f"{wedge:g}°" for wedge in WEDGES_DEG)):
        table.add_column(heading, justify="right")
    rows = []
    for percent in NOISE_PERCENT:
        cells = []
        for wedge in WEDGES_DEG:
            given = Acquisition(SIZE, STEP_DEG, (wedge, wedge), GaussianNoise(percent))(stacks, torch.arange(len(stacks)))
            given = given.only_measured()
            found = {"alone": Measurement(given.sinogram, given.measured, given.geometry), "neighbours": given}
            means = {name: quality(network(one), stacks) for name, one in found.items()}
            cells.append(f"{means['alone']['psnr']:.2f} / {means['neighbours']['psnr']:.2f}")
            for name, values in means.items():
                told = {key: f"{value:.4f}" for key, value in values.items()}
                rows.append({"network": options.network, "noise_percent": percent, "wedge_deg": wedge, "given": name, **told})
        table.add_row(f"{percent:g} %", *cells)
    Console(width=120).print(table)
    print(describe(columns))
    write_csv(options.csv, [{**row, "specimens": len(stacks), "seed": SEED, **columns} for row in rows])


def quality(tomogram: Tensor, stacks: Tensor) -> dict[str, float]:
    middle = stacks.shape[1] // 2
    found = image_metrics(tomogram, stacks[:, middle : middle + 1])
    return {name: float(found[name].mean()) for name in ("psnr", "ssim")}


if __name__ == "__main__":
    main()
