"""An ablation of the second version of LPD at inference, and variants of its use: without training.

    python benchmarks/lpd_parts.py --brain ../data/brain --dogs ../data/dogs

Twelve images of a kind unseen in training, 64 pixels, tilts of 3 degrees, a wedge of 60 degrees.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from fine_tuning import image_arguments, images
from machine import describe, provenance, write_csv
from rich.console import Console
from rich.table import Table
from torch import Tensor

from mwgan.acquisition import GaussianNoise
from mwgan.evaluation import Conditions
from mwgan.geometry import Measurement
from mwgan.metrics import image_metrics
from mwgan.recon import TVM, WBP, DataConsistent, LearnedReconstructor, load_reconstructor
from mwgan.recon.guided import GuidedMeasurement
from mwgan.trust.uncertainty import mirrored

IMAGES, STEP_DEG, WEDGE_DEG, SEED = 12, 3.0, 60.0, 0
NOISE_PERCENT = (0.0, 0.5, 2.0, 5.0)
DATA_WEIGHTS = (0.003, 0.1)  # best without noise, and at 0.5 %


def main() -> None:
    parser = image_arguments(__doc__.splitlines()[0], "lpd_parts.csv")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    columns = provenance(("mwgan", "torch"))
    network, first = load_reconstructor("lpd_guided"), load_reconstructor("lpd")
    rows: list[dict[str, object]] = []
    for name, source in images(options.brain, options.dogs, IMAGES):
        for percent in NOISE_PERCENT:
            case = Conditions(STEP_DEG, [WEDGE_DEG], GaussianNoise(percent), seed=SEED).measure(source, range(IMAGES), WEDGE_DEG, "cpu")
            for what, tomogram in variants(network, first, case.given.only_measured()):
                psnr = float(image_metrics(tomogram, case.truth)["psnr"].mean())
                rows.append({"source": name, "noise_percent": percent, "variant": what, "psnr": f"{psnr:.3f}"})
    for name in dict.fromkeys(row["source"] for row in rows):
        Console(width=140).print(table_of([row for row in rows if row["source"] == name]))
    print(describe(columns))
    write_csv(options.csv, [{**row, "wedge_deg": WEDGE_DEG, "images": IMAGES, "seed": SEED, **columns} for row in rows])


@torch.no_grad()
def variants(network: LearnedReconstructor, first: LearnedReconstructor, measurement: Measurement) -> Iterator[tuple[str, Tensor]]:
    """Variants and their tomograms (B, 1, N, N)."""
    tvm = TVM(weight=None, iterations=400)
    guess = tvm(measurement)
    shipped = network(measurement, guess)
    yield "as shipped", shipped
    yield "TVM alone", guess
    yield "first edition", first(measurement)
    double = measurement.sinogram.new_full((len(guess), 1, 1, 1), 2.0)
    yield "begins with TVM of twice the weight", network(measurement, tvm(measurement, double))
    yield "begins with the WBP", network(measurement, WBP()(measurement))
    seen = GuidedMeasurement(network.task.see(measurement), guess)
    iterates = network.generator.iterates(seen)
    for step in range(len(iterates) - 3, len(iterates)):
        yield f"after {step} of {len(iterates)} steps", network.task.tomogram(iterates[step - 1], measurement)
    yield "mean with the mirror image's", (shipped + network(mirrored(measurement), guess.flip(-1)).flip(-1)) / 2
    yield "mean with the first edition's", (shipped + first(measurement)) / 2
    for weight in DATA_WEIGHTS:
        yield f"and a data step, weight {weight:g}", DataConsistent(lambda _: shipped, weight)(measurement)


def table_of(rows: list[dict[str, object]]) -> Table:
    """A table for the images of one source."""
    table = Table(title=f"{rows[0]['source']}, wedge of {WEDGE_DEG:g} degrees: PSNR in dB as shipped, and how much else has more")
    table.add_column("")
    for percent in NOISE_PERCENT:
        table.add_column(f"{percent:g} %", justify="right")
    found = {(row["noise_percent"], row["variant"]): float(str(row["psnr"])) for row in rows}
    for variant in dict.fromkeys(row["variant"] for row in rows):
        both = [(found[percent, variant], found[percent, "as shipped"]) for percent in NOISE_PERCENT]
        table.add_row(str(variant), *(f"{psnr:.1f}" if variant == "as shipped" else f"{psnr - shipped:+.2f}" for psnr, shipped in both))
    return table


if __name__ == "__main__":
    main()
