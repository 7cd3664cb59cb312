"""Model FLOP/s: operations counted against a count by hand, and peaks of devices that are known."""

from __future__ import annotations

import time

import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader

from mwgan.acquisition import Acquisition, Sample
from mwgan.callbacks import ModelFlops
from mwgan.callbacks import model_flops as flops
from mwgan.errors import InputError
from mwgan.losses import PixelLoss
from mwgan.recon import LearnedPrimalDual, RestoreMeasurement, RestoreWBP
from mwgan.training import AdversarialModule

SIZE, BATCH, WIDTH = 16, 2, 3
PRODUCT = 2 * 9 * WIDTH * SIZE * SIZE * BATCH  # of a 3 x 3 convolution between 1 and WIDTH channels
STEP = PRODUCT * 5  # forward of both; backward: the weights of both, and the input of the second


def batches(count: int, size: int = SIZE) -> list[Sample]:
    return [Sample(torch.rand(BATCH, 1, size, size), torch.arange(BATCH) + number, torch.arange(BATCH)) for number in range(count)]


def module(task=None, generator=None) -> AdversarialModule:
    generator = generator or nn.Sequential(nn.Conv2d(1, WIDTH, 3, padding=1, bias=False), nn.Conv2d(WIDTH, 1, 3, padding=1, bias=False))
    return AdversarialModule(generator, task or RestoreWBP(), Acquisition(SIZE, 10.0, (40.0, 60.0)), PixelLoss(), torch.optim.Adam)


def fit(callback: ModelFlops, samples: list[Sample], trained: AdversarialModule | None = None) -> tuple[pl.Trainer, float]:
    """The trainer, and the seconds it took."""
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = pl.Trainer(max_epochs=1, accelerator="cpu", callbacks=[callback], **quiet)
    started = time.perf_counter()
    trainer.fit(trained or module(), DataLoader(samples, batch_size=None))
    return trainer, time.perf_counter() - started


def test_a_step_counts_its_convolutions_forward_and_backward_and_no_projection():
    callback = ModelFlops()
    fit(callback, batches(3))
    assert callback._flops == {(BATCH, 1, SIZE, SIZE, 18): STEP}
    assert callback._done == 3 * STEP


def test_every_size_is_counted_for_itself():
    callback = ModelFlops()
    fit(callback, [*batches(2), *batches(2, SIZE // 2)])
    assert callback._done == 2 * STEP + 2 * STEP // 4


def test_the_projections_inside_a_network_do_not_count():
    callback, network = ModelFlops(), LearnedPrimalDual(1, 1, 2, 2, 1)
    fit(callback, batches(1), module(RestoreMeasurement(), network))
    (counted,) = callback._flops.values()
    weights = sum(weight.numel() for weight in network.parameters() if weight.ndim == 4)
    assert counted < 3 * 2 * weights * BATCH * 18 * SIZE  # all at full size; a projection as a dense matrix is 500 times as much


def test_tflops_are_operations_over_time_and_mfu_their_share_of_the_peak():
    trainer, seconds = fit(ModelFlops(peak_tflops=0.5), batches(4))
    tflops = float(trainer.callback_metrics["train/tflops"])
    assert 4 * STEP / seconds / 1e12 < tflops < 4 * STEP / 1e-4 / 1e12
    assert float(trainer.callback_metrics["train/mfu"]) == pytest.approx(tflops / 0.5)


def test_an_epoch_without_a_step_tells_nothing():
    callback = ModelFlops(1.0)
    callback.on_train_epoch_end(pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False), module())


def test_without_a_known_peak_there_is_no_mfu():
    trainer, _ = fit(ModelFlops(), batches(1))
    assert "train/tflops" in trainer.callback_metrics
    assert "train/mfu" not in trainer.callback_metrics


@pytest.mark.parametrize(
    ("name", "precision", "peak"),
    [
        ("NVIDIA A100-SXM4-80GB", "bf16-mixed", 312.0),
        ("NVIDIA A100 80GB PCIe", "32-true", 156.0),
        ("NVIDIA H200", "16-mixed", 989.4),
        ("Tesla V100-SXM2-16GB", "32-true", 15.7),
        ("Tesla V100-SXM2-16GB", "bf16-mixed", None),
        ("NVIDIA A100-SXM4-80GB", "64-true", None),
        ("NVIDIA A10G", "bf16-mixed", None),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "bf16-mixed", None),
        ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", "bf16-mixed", None),
    ],
)
def test_peaks_are_looked_up_and_never_guessed(name, precision, peak, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: name)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    assert flops.peak_of(torch.device("cuda"), precision) == peak


def test_full_precision_without_tf32_is_measured_against_its_own_peak(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H200")
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    assert flops.peak_of(torch.device("cuda"), "32-true") == 66.9


def test_a_step_that_fails_leaves_no_counter_behind(monkeypatch):
    callback, trained = ModelFlops(), module()
    monkeypatch.setattr(trained, "pixel_loss", lambda output, target: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fit(callback, batches(1), trained)
    assert callback._counter is None
    assert torch.utils._python_dispatch._get_current_dispatch_mode() is None


@pytest.mark.parametrize("peak", [0.0, -1.0, float("nan")])
def test_impossible_peaks_are_refused(peak):
    with pytest.raises(InputError, match="peak_tflops=null"):
        ModelFlops(peak)
