"""Common problems of tilt series: the error of a volume without and with the corrections of `mwgan look`.

    python benchmarks/field.py

Series of ellipses, 96 pixels, 41 tilts up to ±60 degrees, 2 % noise, whose projections and densities are known exactly.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np
import torch
from machine import arguments, provenance, write_csv

from mwgan.io import TiltSeries, open_series
from mwgan.recon.named import make_method
from mwgan.series.look import LookedAt
from mwgan.series.measured import measurement_of
from mwgan.series.slice_grid import SliceGrid

SIZE, ROWS, FINE = 96, 8, 4
TILTS = np.arange(-60, 61, 3.0)
ELLIPSES = ((1.0, 0.0, 0.02, 0.5, 0.38, 0.0), (0.7, -0.2, -0.1, 0.15, 0.1, 25.0), (-0.5, 0.2, 0.12, 0.12, 0.16, -15.0))
SLAB = (
    (0.6, 0.0, 0.0, 4.0, 0.2, 0.0),
    (0.4, -0.3, -0.02, 0.12, 0.08, 25.0),
    (0.4, 0.4, 0.05, 0.1, 0.1, 0.0),
)  # four times the field's width
WIDER = 2  # times the detector's width, for slices of the slab
METHODS = {"sirt": {"iterations": 100}, "lpd": {}}
Stack = np.ndarray


def shapes(row: int, rows: int, ellipses: tuple[tuple[float, ...], ...] = ELLIPSES) -> list[tuple[float, ...]]:
    """Density, middle, half axes in pixels and turn of each ellipse of a slice."""
    at, half = (row / (rows - 1) - 0.5 if rows > 1 else 0.0), SIZE / 2
    return [
        (d, (x + 0.1 * at) * half, (z - 0.06 * at) * half, a * (1 - 0.15 * at) * half, b * (1 + 0.1 * at) * half, np.radians(turn + 8 * at))
        for d, x, z, a, b, turn in ellipses
    ]


def truth(rows: int = ROWS, ellipses: tuple[tuple[float, ...], ...] = ELLIPSES) -> Stack:
    """Densities (rows, z, x)."""
    axis = (np.arange(SIZE * FINE) + 0.5) / FINE - SIZE / 2
    z, x = np.meshgrid(axis, axis, indexing="ij")
    volume = np.zeros((rows, SIZE, SIZE))
    for row in range(rows):
        for d, x0, z0, a, b, turn in shapes(row, rows, ellipses):
            u, v = (x - x0) * np.cos(turn) + (z - z0) * np.sin(turn), (z - z0) * np.cos(turn) - (x - x0) * np.sin(turn)
            volume[row] += (d * ((u / a) ** 2 + (v / b) ** 2 <= 1)).reshape(SIZE, FINE, SIZE, FINE).mean(axis=(1, 3))
    return volume


def projected(offset: float = 0.0, rows: int = ROWS, ellipses: tuple[tuple[float, ...], ...] = ELLIPSES) -> Stack:
    """Images (tilts, rows, SIZE) without noise; the tilt axis ``offset`` pixels right of the centre."""
    places = (np.arange(SIZE * FINE) + 0.5) / FINE - SIZE / 2 - offset
    images = np.zeros((len(TILTS), rows, SIZE))
    for row in range(rows):
        for d, x0, z0, a, b, turn in shapes(row, rows, ellipses):
            for number, tilt in enumerate(np.radians(TILTS)):
                u, v = np.cos(tilt + turn), -np.sin(tilt + turn)
                squared = (a * u) ** 2 + (b * v) ** 2
                away = places - x0 * np.cos(tilt) + z0 * np.sin(tilt)
                images[number, row] += (
                    (2 * d * a * b * np.sqrt(np.clip(squared - away**2, 0, None)) / squared).reshape(SIZE, FINE).mean(axis=1)
                )
    return images


def noisy(images: Stack) -> Stack:
    return images + np.random.default_rng(0).normal(0, 0.02 * images.max(), images.shape)


def hot(images: Stack) -> Stack:
    rng, spoilt = np.random.default_rng(1), images.copy()
    for _ in range(11):
        spoilt[rng.integers(len(images)), rng.integers(ROWS), rng.integers(SIZE)] = 30 * images.max()
    return spoilt


def shifted(images: Stack) -> Stack:
    rng, spoilt = np.random.default_rng(2), images.copy()
    for image in spoilt:
        width = int(rng.integers(0, 36))
        image[:, :width] = 0
    return spoilt


def black(images: Stack) -> Stack:
    spoilt = images.copy()
    spoilt[[3, 17, 30]] = 0
    return spoilt


def counted(images: Stack) -> Stack:
    """Bright field: 5000 electrons a pixel in vacuum."""
    return np.random.default_rng(0).poisson(5000 * np.exp(-0.6 * images / images.max())).astype(float)


CLEAN = projected()
DATA = noisy(CLEAN)
SLAB_LEAVES = "slab wider than the detector"
Case = tuple[Stack, np.ndarray, float, int]  # images, tilts as given, densities' scale, rows
ORDER = np.argsort(np.abs(TILTS), kind="stable")
CASES: dict[str, Callable[[], Case]] = {
    "nothing": lambda: (DATA, TILTS, 1.0, ROWS),
    "tilt axis 3 pixels off centre": lambda: (noisy(projected(3.0)), TILTS, 1.0, ROWS),
    "constant background of 30 %": lambda: (DATA + 0.3 * DATA.max(), TILTS, 1.0, ROWS),
    "bright field": lambda: (counted(CLEAN), TILTS, 0.6 / CLEAN.max(), ROWS),
    "tilt axis along the other side": lambda: (noisy(projected(rows=SIZE)).swapaxes(1, 2), TILTS, 1.0, SIZE),
    "eleven hot pixels": lambda: (hot(DATA), TILTS, 1.0, ROWS),
    "dose-symmetric images, sorted list": lambda: (DATA[ORDER], TILTS, 1.0, ROWS),
    "tilts in radians": lambda: (DATA, np.radians(TILTS), 1.0, ROWS),
    "borders filled with zeros": lambda: (shifted(DATA), TILTS, 1.0, ROWS),
    "images normalised one by one": lambda: (
        (DATA - DATA.mean(axis=(1, 2), keepdims=True)) / DATA.std(axis=(1, 2), keepdims=True),
        TILTS,
        1 / float(np.median(DATA.std(axis=(1, 2)))),
        ROWS,
    ),
    "three black images": lambda: (black(DATA), TILTS, 1.0, ROWS),
    SLAB_LEAVES: lambda: (noisy(projected(ellipses=SLAB)), TILTS, 1.0, ROWS),
}


def volume(series: TiltSeries, method: str, width: int | None = None) -> Stack:
    make, grid = make_method(method, METHODS[method]), SliceGrid.of(series.geometry, None, width)
    blocks = [grid.placed(measurement_of(series, start, min(start + 8, series.slices))) for start in range(0, series.slices, 8)]
    found = torch.cat([grid.cropped(make(block))[:, 0] for block in blocks]).numpy()
    margin = (found.shape[2] - series.geometry.detector_size) // 2
    return found[:, :, margin : found.shape[2] - margin]


def main() -> None:
    options = arguments("Errors of volumes from series with faults, as they are and looked at.", "field.csv").parse_args()
    torch.set_num_threads(options.threads)
    rows = []
    for name, make in CASES.items():
        images, tilts, scale, slices = make()
        slab = name == SLAB_LEAVES
        right = truth(slices, SLAB if slab else ELLIPSES) * scale
        with tempfile.TemporaryDirectory() as folder:
            file, listed = Path(folder) / "s.mrc", Path(folder) / "s.tlt"
            with mrcfile.new(file, np.ascontiguousarray(images, dtype=np.float32)) as written:
                written.set_image_stack()
            listed.write_text("".join(f"{tilt:.5f}\n" for tilt in tilts))
            looked_at = LookedAt(file, listed)
            said = "warned" if looked_at.seen.warnings or looked_at.warnings else "corrected" if looked_at.seen.notes else "nothing"
            row: dict[str, object] = {"what was wrong": name, "said": said}
            for state, series in (("as it is", open_series(file, listed)), ("looked at", looked_at.open())):
                for method in METHODS:
                    found = volume(series, method, WIDER * SIZE if slab and state == "looked at" else None)
                    same = found.shape == right.shape
                    row[f"{method}, {state}"] = float(np.linalg.norm(found - right) / np.linalg.norm(right)) if same else float("nan")
        rows.append(row)
        print(name, said, *looked_at.warnings, sep="; ", flush=True)
    write_csv(options.csv, [{**row, **provenance(("torch", "mwgan"))} for row in rows])


if __name__ == "__main__":
    main()
