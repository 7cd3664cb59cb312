"""Phantom faces a second from the data loader, and measurements a second from the acquisition.

    python benchmarks/data.py

Faces come through the loader that training uses, with two worker processes and with none; the goal is 500 images a
second from two workers. The acquisition projects, tilts the wedge and adds noise on the GPU where there is one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing

import torch
from machine import arguments, describe, provenance, write_csv
from rich.console import Console
from rich.table import Table

from mwgan.acquisition import Acquisition, GaussianNoise, Noise, NoNoise, Sample
from mwgan.cli.build import device_name
from mwgan.data import PhantomFaces
from mwgan.data.datamodules import ImageDataModule

WEDGE_DEG = (40.0, 60.0)


def main() -> None:
    parser = arguments("Times the data path of training.", "data.csv")
    parser.add_argument("--size", type=int, default=128, help="pixels along each side")
    parser.add_argument("--tilts", type=int, default=180, help="tilts over half a turn")
    parser.add_argument("--batch", type=int, default=32, help="images of a batch")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each case is measured, after a warm-up")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"

    table = Table(title=f"{options.size} x {options.size}, {options.tilts} tilts, batch {options.batch}")
    for column in ("case", "workers", "device", "images/s"):
        table.add_column(column, justify="right" if column in ("workers", "images/s") else "left")
    columns = provenance(("mwgan", "torch", "pytorch-lightning", "numpy"))
    rows = []

    def add(case: str, tilts: int | None, workers: int | None, on: str, images_per_second: float) -> None:
        shown = ["" if number is None else str(number) for number in (tilts, workers)]
        table.add_row(case, shown[1], device_name(on), f"{images_per_second:.0f}")
        row = {"case": case, "size": options.size, "tilts": shown[0], "batch": options.batch, "workers": shown[1]}
        rows.append({**row, "device": device_name(on), "images_per_second": f"{images_per_second:.1f}", **columns})

    for case, augment in (("faces", False), ("faces, turned and shrunk", True)):
        for workers in (2, 0):
            with closing(loaded(options.size, options.batch, workers, augment)) as batches:  # its workers end with it
                rate = per_second(batches.__next__, options.batch, options.seconds)
            add(case, None, workers, "cpu", rate)
    for case, noise in (("acquisition, no noise", NoNoise()), ("acquisition, Gaussian noise", GaussianNoise(2.0))):
        run = acquisition(options.size, options.tilts, options.batch, noise, device)
        rate = per_second(run, options.batch, options.seconds)
        add(case, options.tilts, None, device, rate)

    Console().print(table)
    print(describe(columns))
    write_csv(options.csv, rows)


def loaded(size: int, batch: int, workers: int = 0, augment: bool = False) -> Generator[Sample, None, None]:
    """Batches without end, as training draws them."""
    train, validation = PhantomFaces(size, augment=augment), PhantomFaces(size, count=1, offset=45_000)
    loader = ImageDataModule(train, validation, batch, workers).train_dataloader()
    while True:
        yield from loader


def acquisition(size: int, tilts: int, batch: int, noise: Noise, device: str) -> Callable[[], object]:
    """Measures one batch, and waits for it."""
    acquire = Acquisition(size, 180 / tilts, WEDGE_DEG, noise)
    faces = next(loaded(size, batch))
    image, seed = faces.image.to(device), faces.seed

    def run() -> object:
        measurement = acquire(image, seed)
        if device == "cuda":
            torch.cuda.synchronize()
        return measurement

    return run


def per_second(run: Callable[[], object], images: int, seconds: float) -> float:
    """Images a second of ``run``, called for ``seconds`` after a fifth of that to warm up."""
    for length in (seconds / 5, seconds):
        count, started = 0, time.perf_counter()
        while time.perf_counter() - started < length:
            run()
            count += images
    return count / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
