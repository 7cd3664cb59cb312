"""Our training under Lightning compared with a plain PyTorch loop of the same steps.

    python benchmarks/training.py

Both loops train copies of the same networks on the same images, already on the device, in one process and alternating: some batches
of one, some of the other. The plain loop is written without a framework: generator, discriminator, losses, optimisers, no logs.
In one pair of cases both loops acquire the images (projection, wedge, noise, network input), as in training; in the other
both get prepared examples. Goal: Lightning keeps 90 % of the plain loop's images per second. On a CPU, times are processor time of
this process.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import pytorch_lightning as pl
import torch
from hydra import compose, initialize_config_dir
from machine import arguments, describe, provenance, write_csv
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

from mwgan.acquisition import Acquisition, Sample
from mwgan.callbacks import ModelFlops
from mwgan.callbacks.model_flops import peak_of
from mwgan.configuration import build
from mwgan.data import PhantomFaces
from mwgan.data.datamodules import SourceDataset
from mwgan.paths import conf_dir
from mwgan.provenance import device_name
from mwgan.training import AdversarialModule

CASES = {  # sizes for two cores and for a GPU; options override them
    "IRDM (U-Net++ and VGG)": ("model=irdm", "acquisition=gaussian", "model.generator.width=8", "model.discriminator.width=16"),
    "LPD (pixel loss)": ("model=lpd", "acquisition=gaussian", "model.generator.iterations=3"),
}


def main() -> None:
    parser = arguments("Times training steps under Lightning and without it.", "training.csv")
    parser.add_argument("--size", type=int, default=64, help="pixels along each side")
    parser.add_argument("--tilts", type=int, default=90, help="tilts over half a turn")
    parser.add_argument("--batch", type=int, default=8, help="images in a batch")
    parser.add_argument("--block", type=int, default=3, help="batches of one loop before the other runs")
    parser.add_argument("--rounds", type=int, default=20, help="turns of each loop, after one for warm-up")
    parser.add_argument("--precision", default="32-true", help="of both loops: 32-true or bf16-mixed")
    parser.add_argument("--set", nargs="*", default=[], help="further options of mwgan-train, for all cases")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    sized = f"{options.size} x {options.size}, {options.tilts} tilts, batch {options.batch}, {options.precision}"
    table = Table(title=sized)
    for column in ("case", "acquisition", "bare images/s", "Lightning images/s", "ratio", "MFU"):
        table.add_column(column, justify="left" if column in ("case", "acquisition") else "right")
    columns, rows = provenance(("mwgan", "torch", "pytorch-lightning")), []
    for case, overrides in CASES.items():
        for measured in (True, False):
            module = module_of(overrides, options)
            sample = sample_of(options)
            gflop = gflop_an_image(module, sample)
            seconds = race(module, sample, options, measured, device)
            bare, lightning = (options.batch * options.block / median(each) for each in (seconds["bare"], seconds["lightning"]))
            # Ratio of neighbouring turns, so that other load on the machine affects both equally.
            ratio = median(one / other for one, other in zip(seconds["bare"], seconds["lightning"], strict=True))
            peak = peak_of(device, options.precision)
            mfu = "" if peak is None else f"{gflop * lightning / (1000 * peak):.4f}"
            table.add_row(case, "in both" if measured else "in neither", f"{bare:.1f}", f"{lightning:.1f}", f"{ratio:.2f}", mfu)
            row = {"case": case, "acquisition": measured, "size": options.size, "tilts": options.tilts, "batch": options.batch}
            row |= {"precision": options.precision, "options": " ".join((*overrides, *options.set)), "device": device_name(device.type)}
            row |= {"gflop_an_image": f"{gflop:.3f}", "mfu": mfu}
            rates = {"bare_images_per_second": f"{bare:.2f}", "lightning_images_per_second": f"{lightning:.2f}", "ratio": f"{ratio:.3f}"}
            rows.append({**row, **rates, **columns})
    Console().print(table)
    print(f"the lowest ratio is {min(float(row['ratio']) for row in rows):.2f} (goal: 0.90)")
    print(describe(columns))
    write_csv(options.csv, rows)


def module_of(overrides: tuple[str, ...], options: Any) -> AdversarialModule:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        sizes = (f"data.size={options.size}", f"acquisition.step_deg={180 / options.tilts}", "paths.output_dir=outputs/bench")
        cfg = compose("train", overrides=[*overrides, *sizes, *options.set])
    pl.seed_everything(0, verbose=False)
    module: AdversarialModule = build(cfg.model)
    return module


def sample_of(options: Any) -> Sample:
    """A batch of phantom faces."""
    samples = SourceDataset(PhantomFaces(options.size), seed=0)
    samples_of_batch = [samples.sample(0, index) for index in range(options.batch)]
    seeds = torch.tensor([sample.seed for sample in samples_of_batch])
    return Sample(torch.stack([sample.image for sample in samples_of_batch]), seeds, torch.arange(options.batch))


def gflop_an_image(module: AdversarialModule, sample: Sample) -> float:
    """Operations of a step, convolutions and dense layers of both networks, forward and backward: counted on the CPU with two images."""
    two = Sample(sample.image[:2], sample.seed[:2], sample.image_index[:2])
    step = Bare(copy.deepcopy(module), two, False, "32-true")
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops() / 2e9


def race(module: AdversarialModule, sample: Sample, options: Any, measured: bool, device: torch.device) -> dict[str, list[float]]:
    """Seconds of each turn of both loops."""
    sample = sample._replace(image=sample.image.to(device))
    bare = Bare(copy.deepcopy(module).to(device), sample, measured, options.precision)
    if not measured:
        module.examples = Ready(copy.deepcopy(module), sample)
    turns = Turns(bare, options.block)
    trainer = pl.Trainer(
        max_epochs=1,
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=1,
        precision=options.precision,
        callbacks=[ModelFlops(), turns],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, DataLoader(Same(sample, (options.rounds + 1) * options.block), batch_size=None))
    return turns.seconds


class Bare:
    """The step of the plain loop."""

    def __init__(self, module: AdversarialModule, sample: Sample, measured: bool, precision: str) -> None:
        self.module, self.sample, self.autocast = module, sample, precision == "bf16-mixed"
        self.example = None if measured else example(module, sample)
        players = [network for network in (module.generator, module.discriminator) if network is not None]
        self.optimizers = [make(network.parameters()) for make, network in zip(module.optimizer_factories, players, strict=True)]

    def __call__(self) -> None:
        module = self.module
        generator, discriminator = module.generator, module.discriminator
        with torch.autocast(self.sample.image.device.type, torch.bfloat16, enabled=self.autocast):
            seen, target = self.example or example(module, self.sample)
            condition = module.task.condition(seen).to(memory_format=module.layout)
            output = generator(seen).float()
            if discriminator is not None:
                assert module.adversarial_loss is not None
                fake = output.detach()
                scores = discriminator(target, condition).float(), discriminator(fake, condition).float()
                self.descend(1, module.adversarial_loss.discriminator(*scores), discriminator)
            loss = module.pixel_weight * module.pixel_loss(output, target)
            if discriminator is not None:
                assert module.adversarial_loss is not None
                discriminator.requires_grad_(False)
                scores = discriminator(target, condition).float(), discriminator(output, condition).float()
                loss = loss + module.adversarial_weight * module.adversarial_loss.generator(*scores)
            self.descend(0, loss, generator)
            if discriminator is not None:
                discriminator.requires_grad_(True)

    def descend(self, player: int, loss: Tensor, network: nn.Module) -> None:
        self.optimizers[player].zero_grad()
        loss.backward()
        if self.module.gradient_clip is not None:
            nn.utils.clip_grad_norm_(network.parameters(), self.module.gradient_clip)
        self.optimizers[player].step()


def example(module: AdversarialModule, sample: Sample) -> tuple[Any, Tensor]:
    """Input and target of the networks, as in the step."""
    made: tuple[Any, Tensor] = module._example(sample)
    return made


class Ready:
    """A prepared example on the device, for all batches."""

    def __init__(self, module: AdversarialModule, sample: Sample) -> None:
        self.made = example(module.to(sample.image.device), sample)

    def __call__(self, sample: Sample, acquisition: Acquisition, generator: nn.Module) -> tuple[Any, Tensor]:
        seen, target = self.made
        return seen, target


class Turns(pl.Callback):
    """Times blocks of Lightning's batches, and between them blocks of the bare loop's."""

    def __init__(self, bare: Callable[[], None], block: int) -> None:
        self.bare, self.block = bare, block
        self.seconds: dict[str, list[float]] = {"bare": [], "lightning": []}
        self.started = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.started = clock(pl_module.device)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        if (batch_idx + 1) % self.block:
            return
        lightning = self.lap(pl_module.device)
        for _ in range(self.block):
            self.bare()
        bare = self.lap(pl_module.device)
        if batch_idx >= self.block:  # the first turn is warm-up
            self.seconds["lightning"].append(lightning)
            self.seconds["bare"].append(bare)

    def lap(self, device: torch.device) -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        now = clock(device)
        seconds, self.started = now - self.started, now
        return seconds


def clock(device: torch.device) -> float:
    """Time in seconds; on a CPU the processor time of this process."""
    return time.perf_counter() if device.type == "cuda" else time.process_time()


class Same(Dataset[Sample]):
    """The same batch, repeated."""

    def __init__(self, sample: Sample, count: int) -> None:
        self.sample, self.count = sample, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        if index >= self.count:
            raise IndexError
        return self.sample


if __name__ == "__main__":
    main()
