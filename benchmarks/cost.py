"""Hours of the papers' trainings on one, four and sixteen devices.

    python benchmarks/cost.py --tflops 20 100

Each training runs here for a few batches, at its own image size and width, and its throughput is measured. Torch counts the networks'
operations per image, for an estimate on devices whose sustained performance is known (`--tflops`; `train/tflops` in a run's
log). Several devices share a batch; the time to exchange gradients follows from the networks' size and the link between devices.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from machine import arguments, describe, provenance, write_csv
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from mwgan.paths import conf_dir
from mwgan.provenance import device_name

ABSENT = ("data.missing=substitute", "paths.data=nowhere")  # phantoms instead of scans: same pixels, same work
RUNS = {
    "IRDM 2020, D1": ("irdm2020/d1", ()),
    "Ding 2019, inpainting": ("ding2019/inpainting", ABSENT),
    "Ding 2019, de-artifact": ("ding2019/deartifact_alone", ABSENT),
}
DEVICES = (1, 4, 16)
WEIGHT_BYTES = 4


def main() -> None:
    parser = arguments("Measures the papers' trainings and says what they cost.", "cost.csv")
    parser.add_argument("--batch", type=int, default=1, help="images per step here; none of the papers' batches fits a small machine")
    parser.add_argument("--batches", type=int, default=2, help="steps of the throughput measurement, after as many for warm-up")
    parser.add_argument(
        "--tflops",
        type=float,
        nargs="*",
        default=[20.0, 100.0],
        help="sustained performance of other devices, in 1e12 operations per second",
    )
    parser.add_argument("--link", type=float, default=25.0, help="GB/s between devices")
    options = parser.parse_args()
    device = device_name("cuda" if torch.cuda.is_available() else "cpu")
    columns = provenance(("mwgan", "torch", "pytorch-lightning"))
    rows = []
    for name, (experiment, extra) in RUNS.items():
        measured = run(experiment, extra, options)
        per_image = measured["train/tflops"] / measured["train/images_per_second"]
        cfg = configuration(experiment, extra)
        work = {"training": name, "images": count(cfg) * cfg.trainer.max_epochs, "batch": cfg.data.batch_size, "tflop_per_image": per_image}
        for where, sustained in [(device, measured["train/tflops"]), *((f"one of {known:g} TFLOP/s", known) for known in options.tflops)]:
            seconds = work["batch"] * per_image / sustained
            hours = {f"hours_{devices}": training_hours(work, seconds, devices, measured["weights"], options.link) for devices in DEVICES}
            rows.append({**work, "device": where, "tflops": sustained, **hours, "link_gb_per_s": options.link, **columns})
    Console().print(table(rows))
    print(describe(columns))
    write_csv(options.csv, [{key: f"{value:.4g}" if isinstance(value, float) else value for key, value in row.items()} for row in rows])


def run(experiment: str, extra: tuple[str, ...], options) -> dict[str, float]:
    """Logged numbers of the last epoch of a short training, and its number of weights."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "mwgan.cli.train", f"experiment={experiment}", *extra, f"paths.run_dir={folder}"]
        command += [f"data.batch_size={options.batch}", f"trainer.limit_train_batches={options.batches}", "trainer.max_epochs=2"]
        command += [
            "+trainer.limit_val_batches=1",
            "trainer.enable_progress_bar=false",
            "callbacks.image_panels=null",
            "callbacks.progress_bar=null",
            "logger=csv",
        ]
        command += [f"threads={options.threads}", "data.workers=0"]
        subprocess.run(command, check=True, capture_output=True)
        table = next(Path(folder).rglob("metrics.csv"))
        with table.open() as file:
            logged = [row for row in csv.DictReader(file) if row.get("train/images_per_second")][-1]
        state = torch.load(Path(folder) / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    weights = float(sum(tensor.numel() for name, tensor in state.items() if name.startswith(("generator.", "discriminator."))))
    return {**{key: float(logged[key]) for key in ("train/images_per_second", "train/tflops")}, "weights": weights}


def training_hours(work: dict, seconds: float, devices: int, weights: float, link: float) -> float:
    """Hours of a training whose step takes ``seconds`` on one device: the batch is shared, gradients are exchanged in a ring."""
    exchange = 2 * (devices - 1) / devices * WEIGHT_BYTES * weights / (link * 1e9)
    return work["images"] / work["batch"] * (seconds / devices + exchange) / 3600


def configuration(experiment: str, extra: tuple[str, ...]) -> DictConfig:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose("train", overrides=[f"experiment={experiment}", *extra])


def count(cfg: DictConfig) -> int:
    """Number of images in an epoch."""
    return cfg.data.train.count or sum(source.count for source in cfg.data.train.sources.values())


def table(rows: list[dict]) -> Table:
    shown = Table(title="hours of the papers' trainings", caption="several devices share the batch")
    for column in ("training", "device", "TFLOP an image", "TFLOP/s", *(f"{devices} of them" for devices in DEVICES)):
        shown.add_column(column, justify="left" if column in ("training", "device") else "right")
    for row in rows:
        hours = (f"{row[f'hours_{devices}']:.3g}" for devices in DEVICES)
        shown.add_row(row["training"], row["device"], f"{row['tflop_per_image']:.3g}", f"{row['tflops']:.3g}", *hours)
    return shown


if __name__ == "__main__":
    main()
