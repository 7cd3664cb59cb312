"""Methods on objects in wide frames, and on specimens that leave the field.

    python benchmarks/open_fields.py

Dead leaves and shapes, and scanned series cropped so that their bodies extend beyond the field on both sides. Slices are as wide as the
frame, or as the detector before cropping. Every tenth tilt is kept out of all methods and predicted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from machine import arguments, describe, provenance, write_csv
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn.functional import pad

from mwgan.acquisition import Acquisition, GaussianNoise
from mwgan.data import DeadLeaves, ImageSource, RandomShapes
from mwgan.data.source import augmented_images, draw_seed
from mwgan.geometry import Measurement
from mwgan.io import open_series
from mwgan.metrics import image_metrics
from mwgan.paths import samples_dir
from mwgan.recon.held_out import errors_on, leave_out, select_held_out
from mwgan.recon.named import make_method
from mwgan.series.measured import measurement_of
from mwgan.series.slice_grid import SliceGrid
from mwgan.trust import energy

METHODS = ("sirt", "tvm_auto", "lpd", "lpd_guided", "auto")
SIZE, STEP_DEG, WEDGE_DEG, NOISE_PERCENT, IMAGES, SEED, OFFSET = 64, 3.0, 60.0, (0.5, 2.0), 6, 0, 501_000
FRAMES, FIELDS = (1, 2, 4), (1.0, 0.75, 0.5)
SERIES = {"needle": ("needle.mrc", "needle.tlt", 0.25), "tooth": ("tooth/tooth.mrc", "tooth/tooth.tlt", 0.0)}
SEEDS = [draw_seed(SEED, 0, index) for index in range(IMAGES)]
Case = tuple[dict[str, object], Measurement, Tensor | None, int]  # columns, data, ground truth of the middle, its width


def main() -> None:
    options = arguments(__doc__.splitlines()[0], "open_fields.csv").parse_args()
    torch.set_num_threads(options.threads)
    columns = provenance(("mwgan", "torch"))
    rows: list[dict[str, object]] = []
    for what, measurement, truth, width in (*framed(), *cropped(), *scanned()):
        tilts = select_held_out(measurement)
        given = leave_out(measurement, tilts)
        for method in METHODS:
            with torch.no_grad():
                tomogram = make_method(method)(given)
            row = {**what, "method": method, "psnr": ""}
            if truth is not None:
                edge = (tomogram.shape[-1] - width) // 2
                row["psnr"] = f"{float(image_metrics(tomogram[..., edge : edge + width, edge : edge + width], truth)['psnr'].mean()):.2f}"
            for name, part in (("residual", given.measured_tilts), ("kept_out", tilts)):
                missed = energy(errors_on(tomogram, measurement, part)) / energy(measurement.sinogram * measurement.mask * part)
                row[name] = f"{float(missed.sqrt().mean()):.4f}"
            rows.append(row)
            print(row, flush=True)
    Console(width=140).print(table_of(rows))
    print(describe(columns))
    write_csv(options.csv, [{**row, "seed": SEED, **columns} for row in rows])


def framed() -> Iterator[Case]:
    """The same 64 pixels in the middle of frames of 64, 128 and 256."""
    for name, kind in (("leaves", DeadLeaves), ("shapes", RandomShapes)):
        images = load_images(kind(SIZE, IMAGES, SEED, offset=OFFSET))
        for percent in NOISE_PERCENT:
            for times in FRAMES:
                margin = (times - 1) * SIZE // 2
                wide = pad(images, (margin,) * 4)
                yield {"source": name, "noise_percent": percent, "frame": times, "field": 1.0}, acquire(wide, percent), images, SIZE


def cropped() -> Iterator[Case]:
    """Images of 128 pixels on a detector of the middle 128, 96 or 64; evaluated in the middle 64."""
    whole = 2 * SIZE
    middle = slice(whole // 2 - SIZE // 2, whole // 2 + SIZE // 2)
    images = load_images(DeadLeaves(whole, IMAGES, SEED, offset=OFFSET))
    for percent in NOISE_PERCENT:
        for field in FIELDS:
            what: dict[str, object] = {"source": "leaves, 128 pixels", "noise_percent": percent, "frame": 1, "field": field}
            yield what, crop(acquire(images, percent), field), images[..., middle, middle], SIZE


def scanned() -> Iterator[Case]:
    """Slices of scanned series, without ground truth."""
    for name, (file, tilts, offset) in SERIES.items():
        series = open_series(samples_dir() / file, samples_dir() / tilts, axis_offset_px=offset)
        numbers = range(series.slices // 8, series.slices, max(1, series.slices // 4)) if series.slices > 4 else range(series.slices)
        slices = [measurement_of(series, number, number + 1) for number in numbers]
        every = replace(slices[0], sinogram=torch.cat([one.sinogram for one in slices]))
        every = replace(every, measured=every.geometry.measured(max(WEDGE_DEG, every.geometry.gap_deg))).only_measured()
        for field in FIELDS:
            yield {"source": name, "noise_percent": "its own", "frame": 1, "field": field}, crop(every, field), None, 0


def load_images(source: ImageSource) -> Tensor:
    return augmented_images(source, range(IMAGES), SEEDS, [np.random.default_rng(seed) for seed in SEEDS])


def acquire(images: Tensor, percent: float) -> Measurement:
    acquisition = Acquisition(images.shape[-1], STEP_DEG, (WEDGE_DEG, WEDGE_DEG), GaussianNoise(percent))
    return acquisition(images, torch.tensor(SEEDS)).only_measured()


def crop(measurement: Measurement, field: float) -> Measurement:
    """The measurement on part of the detector's width, with slices as wide as before."""
    size = measurement.geometry.detector_size
    margin = round((1 - field) * size / 2)
    narrow = replace(measurement.geometry, detector_size=size - 2 * margin)
    cut = measurement.with_rows(lambda rows: rows[..., margin : size - margin], geometry=narrow)
    return SliceGrid.of(narrow, None, size).placed(cut)


def table_of(rows: list[dict[str, object]]) -> Table:
    table = Table(title=f"{WEDGE_DEG:g} degrees missing: PSNR in dB, residual / residual on kept-out tilts in %")
    for heading in ("source", "noise, %", "frame", "field", *METHODS):
        table.add_column(heading)
    found = {(row["source"], row["noise_percent"], row["frame"], row["field"], row["method"]): row for row in rows}
    for case in dict.fromkeys(key[:-1] for key in found):
        cells = [found[(*case, method)] for method in METHODS]
        table.add_row(
            *map(str, case),
            *(f"{one['psnr']} {100 * float(str(one['residual'])):.2f} / {100 * float(str(one['kept_out'])):.2f}".strip() for one in cells),
        )
    return table


if __name__ == "__main__":
    main()
