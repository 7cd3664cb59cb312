"""Images per second of the data loader and of the acquisition, compared with the training that they feed.

    python benchmarks/data.py

Images come through the training's loader, with two worker processes and with none; the goal is 500 faces per second from two
workers. Scanned images are the brain scans of samples/, in random poses. The acquisition projects, applies the wedge and adds
noise, on the GPU if there is one. The whole data side (source, augmentation, projection, wedge, noise; no workers) should deliver at
least twice as many images as the training step of IRDM takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

import pytorch_lightning as pl
import torch
from hydra import compose, initialize_config_dir
from machine import arguments, describe, provenance, write_csv
from rich.console import Console
from rich.table import Table
from torch.utils.data import DataLoader

from mwgan.acquisition import Acquisition, GaussianNoise, Noise, NoNoise, Sample
from mwgan.callbacks import ImagesPerSecond
from mwgan.configuration import build
from mwgan.data import Augmentation, ImageSource, PhantomFaces, ScanSlices
from mwgan.data.datamodules import ImageDataModule
from mwgan.paths import conf_dir
from mwgan.provenance import device_name

WEDGE_DEG = (40.0, 60.0)


def main() -> None:
    parser = arguments("Times the data path of training.", "data.csv")
    parser.add_argument("--size", type=int, default=128, help="pixels along each side")
    parser.add_argument("--tilts", type=int, default=180, help="tilts over half a turn")
    parser.add_argument("--batch", type=int, default=32, help="images in a batch")
    parser.add_argument("--seconds", type=float, default=5.0, help="measuring time of each case, after a warm-up")
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
            with closing(loaded(options.size, options.batch, workers, augment)) as batches:  # ends its workers
                rate = per_second(batches.__next__, options.batch, options.seconds)
            add(case, None, workers, "cpu", rate)
    for case, noise in (("acquisition, no noise", NoNoise()), ("acquisition, Gaussian noise", GaussianNoise(2.0))):
        run = acquisition(options.size, options.tilts, options.batch, noise, device)
        rate = per_second(run, options.batch, options.seconds)
        add(case, options.tilts, None, device, rate)

    samples = Path(__file__).parent.parent / "samples" / "brain"
    brain = ScanSlices(
        str(samples),
        options.size,
        "brain",
        count=4096,
        repeat=True,
        augmentation=Augmentation(0.8, True, True, 0.15),
        cache="outputs/cache/slices",
    )
    for workers in (2, 0):
        with closing(loaded(options.size, options.batch, workers, source=brain)) as batches:
            add("brain slices, posed", None, workers, "cpu", per_second(batches.__next__, options.batch, options.seconds))
    sides = []
    for case, source in (("faces", None), ("brain", brain)):
        with closing(data_side(options.size, options.tilts, options.batch, device, source)) as batches:
            sides.append(per_second(batches.__next__, options.batch, options.seconds))
        add(f"whole data side, {case}", options.tilts, 0, device, sides[-1])
    step = training_step(options.size, options.tilts, options.batch, options.seconds)
    add("training step of IRDM (U-Net++, width 32)", options.tilts, None, device, step)

    Console().print(table)
    print(f"the data side delivers {min(sides) / step:.0f} times as many images as the training step takes (goal: 2)")
    print(describe(columns))
    write_csv(options.csv, rows)


def loaded(
    size: int, batch: int, workers: int = 0, augment: bool = False, source: ImageSource | None = None, device: str = "cpu"
) -> Generator[Sample, None, None]:
    """Endless batches, as in training, from ``source`` or of faces."""
    train, validation = source or PhantomFaces(size, augment=augment), PhantomFaces(size, count=1, offset=45_000)
    data = ImageDataModule(train, validation, batch, workers)
    while True:
        for sample in data.train_dataloader():
            yield data.on_after_batch_transfer(data.transfer_batch_to_device(sample, torch.device(device), 0), 0)


def data_side(size: int, tilts: int, batch: int, device: str, source: ImageSource | None) -> Generator[object, None, None]:
    """Endless measurements: everything before the network."""
    acquire = Acquisition(size, 180 / tilts, WEDGE_DEG, GaussianNoise(2.0))
    for sample in loaded(size, batch, augment=True, source=source, device=device):
        yield acquire(sample.image, torch.as_tensor(sample.seed))
        if device == "cuda":
            torch.cuda.synchronize()


def training_step(size: int, tilts: int, batch: int, seconds: float) -> float:
    """Images per second of the paper's training, on prepared batches."""
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        options = [f"data.size={size}", f"acquisition.step_deg={180 / tilts}"]
        cfg = compose("train", overrides=["experiment=irdm2020/d1", *options, "paths.output_dir=outputs/bench"])
    sample = next(loaded(size, batch))
    rates, batches, device = [], 1, "auto"
    while not rates or rates[-1][1] < seconds:  # an epoch of one batch for warm-up, then epochs that fill the time
        module = build(cfg.model)
        trainer = pl.Trainer(
            max_epochs=1,
            accelerator=device,
            callbacks=[ImagesPerSecond()],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(module, DataLoader([sample] * batches, batch_size=None))  # type: ignore[arg-type]
        rate = float(trainer.callback_metrics["train/images_per_second"])
        rates.append((rate, batches * batch / rate))
        batches = max(batches + 1, round(1.2 * seconds * rate / batch))
    return rates[-1][0]


def acquisition(size: int, tilts: int, batch: int, noise: Noise, device: str) -> Callable[[], object]:
    """A function that acquires one batch and waits for it."""
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
    """Images per second of ``run``, called for ``seconds`` after a fifth of that for warm-up."""
    for length in (seconds / 5, seconds):
        count, started = 0, time.perf_counter()
        while time.perf_counter() - started < length:
            run()
            count += images
    return count / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
