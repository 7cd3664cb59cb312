"""The gain of `mwgan reconstruct --tune`: the error of a network before and after fine-tuning on the data, without ground truth.

    python benchmarks/fine_tuning.py --brain ../data/brain --dogs ../data/dogs

Eight images of a kind serve as the slices of a series: dead leaves, as in the network's training, and brain slices and photographs, unlike
it; 64 pixels, tilts of 3 degrees. And eight slices of the scanned needle, evaluated on kept-out tilts.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from machine import arguments, describe, provenance, write_csv

from mwgan.acquisition import GaussianNoise
from mwgan.configuration import build
from mwgan.data import DeadLeaves, ImageSource, SeriesSlices
from mwgan.evaluation import Conditions
from mwgan.evaluation.conditions import Case
from mwgan.evaluation.scores import score_series
from mwgan.metrics import image_metrics
from mwgan.paths import PACKAGE
from mwgan.recon import TVM, Reconstructor, load_reconstructor
from mwgan.recon.fine_tune import fine_tune

SIZE, STEP_DEG, IMAGES, SEED = 64, 3.0, 8, 0
CASES = ((0.5, 60.0), (2.0, 60.0))  # noise in percent, wedge in degrees
NEEDLE = Path(__file__).parent.parent / "samples" / "needle.mrc"
NEEDLE_CASES = ((0.0, 60.0), (0.0, 100.0))  # no noise added
RECORDED = PACKAGE / "evaluation" / "recorded" / "wedge_sweep.json"  # the test images


def main() -> None:
    parser = image_arguments(__doc__.splitlines()[0], "fine_tuning.csv")
    parser.add_argument("--network", default="lpd_guided", help="name, weights or run folder")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    columns = provenance(("mwgan", "torch"))
    rows: list[dict[str, object]] = []
    for name, source in sources(options.brain, options.dogs):
        for percent, wedge in NEEDLE_CASES if isinstance(source, SeriesSlices) else CASES:
            case = Conditions(STEP_DEG, [wedge], GaussianNoise(percent), seed=SEED).measure(source, range(IMAGES), wedge, "cpu")
            case = case._replace(given=case.given.only_measured())
            network = load_reconstructor(options.network)
            start = time.perf_counter()
            found = fine_tune(network, case.given)
            errors = {"kept_out_before": found.before, "kept_out_after": found.after, "seconds": time.perf_counter() - start}
            for when, method in (("tvm_auto", TVM(weight=None, iterations=400)), ("before", network), ("after", found.network)):
                errors |= {f"{key}_{when}": value for key, value in score(method, case).items()}
            what = {"source": name, "noise_percent": percent, "wedge_deg": wedge, "images": IMAGES, "steps": found.steps}
            rows.append({**what, **{key: f"{value:.5g}" for key, value in errors.items()}})
            print(rows[-1], flush=True)
    print(describe(columns))
    names = list(dict.fromkeys(key for row in rows for key in row))
    write_csv(options.csv, [{**{key: row.get(key, "") for key in names}, "seed": SEED, **columns} for row in rows])


def image_arguments(description: str, csv_name: str) -> argparse.ArgumentParser:
    """Options of a benchmark on these images."""
    parser = arguments(description, csv_name)
    parser.add_argument("--brain", type=Path, help="folder of the brain slices (docs/data.md); left out without it")
    parser.add_argument("--dogs", type=Path, help="folder of the photographs; left out without it")
    return parser


def images(brain: Path | None, dogs: Path | None, count: int) -> Iterator[tuple[str, ImageSource]]:
    """Sources of images with a truth, by name."""
    yield "leaves", DeadLeaves(SIZE, count, offset=501_000)
    tests: dict[str, dict[str, Any]] = json.loads(RECORDED.read_text(encoding="utf-8"))["tests"]
    for name, folder in (("brain", brain), ("dogs", dogs)):
        if folder is not None:
            yield name, build({**tests[name], "folder": str(folder)})


def sources(brain: Path | None, dogs: Path | None) -> Iterator[tuple[str, ImageSource | SeriesSlices]]:
    """These, and the needle."""
    yield from images(brain, dogs, IMAGES)
    yield "needle", SeriesSlices(str(NEEDLE), str(NEEDLE.with_suffix(".tlt")), "needle", axis_offset_px=0.25, slices=range(10, 90, 10))


def score(method: Reconstructor, case: Case) -> dict[str, float]:
    """Means over the images: PSNR in dB; of a series the relative residual on tilts that lie in the wedge."""
    with torch.no_grad():
        tomogram = method(case.given)
    found = score_series(tomogram, case) if case.truth is None else image_metrics(tomogram, case.truth)
    return {name: float(found[name].mean()) for name in ("psnr", "kept_out_in_wedge") if name in found}


if __name__ == "__main__":
    main()
