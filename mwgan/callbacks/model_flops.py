"""Device utilisation: floating-point operations per second, and their share of the device's rated peak (MFU)."""

from __future__ import annotations

import re
import time
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from mwgan.acquisition import Sample
from mwgan.errors import InputError

# Dense teraFLOP/s by the device's name, from the makers' data sheets and white papers (tensor cores with accumulation in float32; half of
# what is stated with sparsity). The full name must match: laptop and partitioned GPUs differ.
PEAKS = {
    r"NVIDIA H200": {"fp32": 66.9, "tf32": 494.7, "bf16": 989.4, "fp16": 989.4},
    r"NVIDIA H100 80GB HBM3": {"fp32": 66.9, "tf32": 494.7, "bf16": 989.4, "fp16": 989.4},
    r"NVIDIA H100 PCIe": {"fp32": 51.2, "tf32": 378.0, "bf16": 756.0, "fp16": 756.0},
    r"NVIDIA H[12]00 NVL": {"fp32": 60.0, "tf32": 417.5, "bf16": 835.5, "fp16": 835.5},
    r"(NVIDIA )?A100-(SXM4|PCIE)-[48]0GB|NVIDIA A100 80GB PCIe": {"fp32": 19.5, "tf32": 156.0, "bf16": 312.0, "fp16": 312.0},
    r"NVIDIA L4": {"fp32": 30.3, "tf32": 60.0, "bf16": 121.0, "fp16": 121.0},
    r"NVIDIA L40S": {"fp32": 91.6, "tf32": 183.0, "bf16": 362.0, "fp16": 362.0},
    r"NVIDIA A40": {"fp32": 37.4, "tf32": 74.8, "bf16": 149.7, "fp16": 149.7},
    r"NVIDIA A10": {"fp32": 31.2, "tf32": 62.5, "bf16": 125.0, "fp16": 125.0},
    r"NVIDIA RTX A6000": {"fp32": 38.7, "tf32": 77.4, "bf16": 154.8, "fp16": 154.8},
    r"NVIDIA GeForce RTX 4090": {"fp32": 82.6, "tf32": 82.6, "bf16": 165.2, "fp16": 165.2},
    r"NVIDIA GeForce RTX 3090": {"fp32": 35.6, "tf32": 35.6, "bf16": 71.0, "fp16": 71.0},
    r"Tesla V100-SXM2-(16|32)GB": {"fp32": 15.7, "fp16": 125.0},
    r"Tesla V100-PCIE-(16|32)GB": {"fp32": 14.0, "fp16": 112.0},
    r"Tesla T4": {"fp32": 8.1, "fp16": 65.0},
}


class ModelFlops(pl.Callback):
    """Logs ``train/tflops``, the teraFLOP/s of a device over the epoch, and ``train/mfu``, their share of its peak, where that is known.

    Counts the convolutions and dense matrix products of a full step, both networks, forward and backward, as they are
    performed: recomputation to save memory counts again. Projections and transforms don't count. The first batch of every
    size is counted while it runs, with uncompiled networks; later ones of that size are assumed to cost the same.

    Parameters
    ----------
    peak_tflops
        Peak of the device at the training's precision, in teraFLOP/s. None looks GPUs up in :data:`PEAKS`; for others, and for
        CPUs, only ``train/tflops`` is logged.
    """

    def __init__(self, peak_tflops: float | None = None) -> None:
        if peak_tflops is not None and not peak_tflops > 0:
            raise InputError(f"peak_tflops must be above 0, not {peak_tflops}: leave peak_tflops=null if you don't know the device's peak")
        self.peak_tflops = peak_tflops
        self._flops: dict[tuple[int, ...], int] = {}
        self._counter: FlopCounterMode | None = None
        self._done, self._seconds = 0, 0.0
        self._started: float | None = None

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._done, self._seconds, self._started = 0, 0.0, time.perf_counter()

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Sample, batch_idx: int) -> None:
        self._started = self._started or time.perf_counter()
        if _size(pl_module, batch) not in self._flops:
            _compiled(pl_module, False)
            self._counter = FlopCounterMode(display=False, custom_mapping={torch.ops.aten.mm: _dense_product})
            self._counter.__enter__()  # type: ignore[no-untyped-call]

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Sample, batch_idx: int) -> None:
        size = _size(pl_module, batch)
        if self._counter is not None:
            self._flops[size] = self._counter.get_total_flops()
            self._leave(pl_module)
        self._done += self._flops[size]

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._stop(pl_module)  # validation runs before the training epoch ends, and checkpoints are written after it

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._stop(pl_module)
        if not self._done:
            return  # a run resumed after the last step of an epoch
        tflops = self._done / self._seconds / 1e12
        peak = self.peak_tflops or peak_of(pl_module.device, str(trainer.precision))
        pl_module.log("train/tflops", tflops, sync_dist=True)
        if peak is not None:
            pl_module.log("train/mfu", tflops / peak, sync_dist=True)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        if self._counter is not None:
            self._leave(pl_module)

    def _leave(self, pl_module: pl.LightningModule) -> None:
        assert self._counter is not None
        self._counter.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        self._counter = None
        _compiled(pl_module, True)

    def _stop(self, pl_module: pl.LightningModule) -> None:
        if self._started is not None:
            if pl_module.device.type == "cuda":
                torch.cuda.synchronize(pl_module.device)
            self._seconds += time.perf_counter() - self._started
            self._started = None


def peak_of(device: torch.device, precision: str) -> float | None:
    """Dense peak in teraFLOP/s of a GPU in :data:`PEAKS` at Lightning's ``precision``, or None."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    peaks = next((peaks for pattern, peaks in PEAKS.items() if re.fullmatch(pattern, name)), {})
    if precision == "32-true":  # torch rounds convolutions to tf32 unless that is switched off
        return peaks.get("tf32" if torch.backends.cudnn.allow_tf32 and "tf32" in peaks else "fp32")
    return peaks.get({"bf16": "bf16", "16": "fp16"}.get(precision.split("-")[0], ""))


def _size(pl_module: pl.LightningModule, batch: Sample) -> tuple[int, ...]:
    """What determines the cost of a batch: its shape and its tilts."""
    geometry = pl_module.acquisition.geometry_of(batch.image, torch.as_tensor(batch.seed), batch.leader)  # type: ignore[operator, union-attr]
    return (*batch.image.shape, geometry.tilts)


def _compiled(pl_module: pl.LightningModule, on: bool) -> None:
    """Switch compiled networks to run compiled or not: operations in compiled code can't be counted."""
    if getattr(pl_module, "compile_mode", None) is not None:
        torch.compiler.set_stance("default" if on else "force_eager")


def _dense_product(one: Tensor, other: Tensor, *args: Any, out_val: Any = None, **kwargs: Any) -> int:
    """Operations of a dense matrix product; 0 for a sparse one, whose shape doesn't determine them."""
    return 2 * one.shape[0] * one.shape[1] * other.shape[1] if one.layout == other.layout == torch.strided else 0


_dense_product._get_raw = True  # type: ignore[attr-defined]  # takes tensors, not shapes
