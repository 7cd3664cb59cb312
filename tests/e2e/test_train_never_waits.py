"""After its first batch, a training step never waits for the device.

Here tensors that would lie on a GPU lie on the CPU, where reading them costs nothing. So they are marked: images and weights,
what is made where they lie or brought there, and whatever is computed from these. Who reads a marked tensor is
caught, and who computes with a marked and an unmarked one. Where there is a GPU, torch itself is asked too.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mwgan.acquisition import Acquisition, GaussianNoise
from mwgan.configuration import build, plain
from mwgan.data.datamodules import ImageDataModule
from mwgan.operators import parallel_beam
from mwgan.training import DeArtifactExamples

READS = {
    *("aten::_local_scalar_dense", "aten::item", "aten::is_nonzero", "aten::equal", "aten::_linalg_check_errors"),
    *("aten::nonzero", "aten::masked_select", "aten::_unique", "aten::_unique2", "aten::unique_dim", "aten::unique_consecutive"),
    *("aten::bincount", "aten::repeat_interleave"),
}
READ_BY_PYTHON = {"tolist", "numpy", "cpu", "__array__"}  # without an operator that shows them
DEVICE = torch.device("cpu", 0)  # the CPU's other name: where marked tensors say they are


class Waited(Exception):
    """A marked tensor was read, or met one of the CPU's."""


class Marked:
    """Which memory stands for the device's; kept alive, or its address would come back as something else."""

    def __init__(self) -> None:
        self.storages: dict[int, Any] = {}

    def add(self, *values: Any) -> None:
        for tensor in tree_leaves(values):
            if isinstance(tensor, Tensor) and tensor.layout == torch.strided:
                storage = tensor.untyped_storage()
                self.storages[storage._cdata] = storage

    def any_of(self, *values: Any) -> bool:
        return any(
            isinstance(leaf, Tensor) and leaf.layout == torch.strided and leaf.untyped_storage()._cdata in self.storages
            for leaf in tree_leaves(values)
        )


class Operators(TorchDispatchMode):
    def __init__(self, marked: Marked) -> None:
        super().__init__()
        self.marked = marked

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not self.marked.any_of(args, kwargs):
            return func(*args, **(kwargs or {}))
        name = func._schema.name
        chosen = [leaf for leaf in tree_leaves(args[1:2]) if isinstance(leaf, Tensor)] if name.startswith("aten::index") else []
        if name in READS or any(leaf.dtype == torch.bool for leaf in chosen):
            raise Waited(name)
        for leaf in tree_leaves((args, kwargs)):
            if isinstance(leaf, Tensor) and leaf.ndim and leaf.layout == torch.strided and not self.marked.any_of(leaf):
                raise Waited(f"{name} meets a tensor of the CPU")
        result = func(*args, **(kwargs or {}))
        self.marked.add(result)
        return result


class Methods(TorchFunctionMode):
    def __init__(self, marked: Marked) -> None:
        super().__init__()
        self.marked = marked

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = getattr(func, "__name__", ""), kwargs or {}
        if func == Tensor.device.__get__ and self.marked.any_of(args):
            return DEVICE
        if name in READ_BY_PYTHON and self.marked.any_of(args[:1]):
            raise Waited(name)
        result = func(*args, **kwargs)
        if any(isinstance(value, torch.device) and value == DEVICE for value in (*args, *kwargs.values())):
            result = result.clone() if name == "to" else result  # which gives back the very tensor where it lies there already
            self.marked.add(result)
        return result


class Watch(pl.Callback):
    """Watches from the end of the first batch to the end of the third: Lightning's own work and the next batch's included."""

    def __init__(self, marked: Marked) -> None:
        self.marked, self.batches = marked, 0
        self.modes: tuple[Any, ...] = ()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.batches += 1
        if batch_idx == 0:
            self.marked.add(list(pl_module.parameters()), list(pl_module.buffers()), [o.state_dict() for o in trainer.optimizers])
            self.modes = (Methods(self.marked), Operators(self.marked))
            for mode in self.modes:
                mode.__enter__()
        elif batch_idx == 2:
            self.stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self.stop()  # before Lightning tidies up

    def stop(self) -> None:
        for mode in reversed(self.modes):
            mode.__exit__(None, None, None)
        self.modes = ()


@pytest.fixture(scope="module")
def marked() -> Marked:
    """One for all tests: what a geometry decides is kept on its device from one training to the next."""
    return Marked()


@pytest.fixture
def fit_watched(run_config, monkeypatch, marked):
    """``fit_watched(*overrides, spoil=...)``: trains for four batches, watched; ``spoil`` is called with every image."""
    watch = Watch(marked)
    # The projector of a GPU, not that of a CPU, whose kernels read what lies there.
    monkeypatch.setattr(parallel_beam, "ParallelBeam", partial(parallel_beam.ParallelBeam, method="matrix"))
    monkeypatch.setattr(parallel_beam, "_shared", OrderedDict())

    def fit(*overrides: str, spoil: Any = lambda image: None) -> int:
        cfg = run_config("debug=smoke", "data.train.count=16", "data.batch_size=4", *overrides)
        data = ImageDataModule(build(cfg.data.train), build(cfg.data.validation), 4, 0, 0, plain(cfg.data.get("sizes")))
        transfer = data.transfer_batch_to_device

        def marking(batch: Any, device: torch.device, dataloader_idx: int) -> Any:
            batch = transfer(batch, device, dataloader_idx)
            watch.marked.add(batch.image)
            spoil(batch.image)
            return batch

        monkeypatch.setattr(data, "transfer_batch_to_device", marking)
        quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
        trainer = pl.Trainer(max_epochs=1, accelerator="cpu", limit_val_batches=0, callbacks=[watch], **quiet)
        module = build(cfg.model)
        if isinstance(module.examples, DeArtifactExamples):
            module.examples._networks = [module.generator.inpainter] * 2  # instead of those of a run
        trainer.fit(module, data)
        return watch.batches

    return fit


NOISE = ("acquisition=gaussian", "acquisition.noise.percent=[0.0,5.0]")
JOINT = ("experiment=ding2019/finetune", "data=d1", "data.train.count=16", "model.generator.restorer.depth=2")
TRAININGS = {
    "irdm": ("model=irdm", "model.generator.depth=2", *NOISE),
    "irdm_clipped": ("model=irdm_pixel", "model.generator.depth=2"),
    "lpd": ("model=lpd", "model.generator.primal_depth=1", "data.sizes=[32,24]", "acquisition.step_deg=[6.0,10.0]", *NOISE),
    "lpd_gan": ("model=lpd_gan", "model.generator.primal_depth=1"),
    "inpainting": ("model=ding2019_inpainting",),
    "both ends": JOINT,
    "mixture": ("experiment=ding2019/deartifact", "data=d1", "data.train.count=16", "model.examples.mixture.missing_sart=0"),
}


@pytest.mark.parametrize("overrides", TRAININGS.values(), ids=TRAININGS.keys())
def test_no_step_reads_what_lies_on_the_device(overrides, fit_watched):
    assert fit_watched(*overrides) == 4


@pytest.mark.parametrize(
    "reading",
    [
        lambda image: (image * 2).sum().item(),
        lambda image: bool((image > 0).all()),
        lambda image: image[0, 0, 0].tolist(),
        lambda image: image.flatten()[image.flatten() > 0.5],
        lambda image: image.mean(dim=(1, 2, 3)).nonzero(),
        lambda image: torch.linalg.inv(image + 99 * torch.eye(image.shape[-1])),
        lambda image: image.cpu(),
        lambda image: image * torch.ones(image.shape[-1]),
        lambda image: torch.rand((), device=image.device).item(),
        lambda image: bool(torch.ones(3).to(image.device).all()),
    ],
    ids=["item", "bool", "tolist", "mask", "nonzero", "inverse", "cpu", "of two devices", "made there", "brought there"],
)
def test_whoever_reads_is_caught(reading, fit_watched):
    with pytest.raises(Waited):
        fit_watched(*TRAININGS["irdm_clipped"], spoil=reading)


def test_seeds_and_poses_stay_on_the_cpu(run_config):
    cfg = run_config("debug=smoke")
    data = ImageDataModule(build(cfg.data.train), build(cfg.data.validation), 4)
    batch = data.transfer_batch_to_device(next(iter(data.train_dataloader())), torch.device("meta"), 0)
    assert batch.image.device.type == "meta"
    assert {part.device.type for part in (batch.seed, batch.image_index, *batch.pose)} == {"cpu"}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch tells who waits for a GPU where there is one")
@pytest.mark.parametrize("name", ["irdm", "lpd"])
def test_torch_finds_no_step_that_waits_for_the_gpu(name, run_config):
    class Mode(pl.Callback):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            torch.cuda.set_sync_debug_mode("error" if 1 <= batch_idx < 3 else "default")

    cfg = run_config("debug=smoke", "data.train.count=16", *TRAININGS[name])
    data = ImageDataModule(build(cfg.data.train), build(cfg.data.validation), 4)
    trainer = pl.Trainer(max_epochs=1, accelerator="gpu", limit_val_batches=0, callbacks=[Mode()], logger=False, enable_checkpointing=False)
    try:
        trainer.fit(build(cfg.model), data)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_wedge_is_the_same_on_every_device_and_noise_follows_it_on_the_cpu(faces):
    """What a sample draws is pinned: seed 7's wedge, and its noise from the numbers after it."""
    acquire = Acquisition(32, 5.0, (20.0, 100.0), GaussianNoise(3.0))
    measurement = acquire(faces[:1], torch.tensor([7]))
    numbers = torch.Generator().manual_seed(7)
    wedge = 20.0 + 80.0 * torch.rand((), generator=numbers, dtype=torch.float64)
    assert torch.equal(measurement.measured, acquire.geometry.measured(wedge.reshape(1)))
    clean = Acquisition(32, 5.0, (20.0, 100.0))(faces[:1], torch.tensor([7]))
    whole = Acquisition(32, 5.0, (0.0, 0.0))(faces[:1], torch.tensor([7])).sinogram[0, 0]
    expected = (GaussianNoise(3.0)(whole, numbers) - whole) * measurement.measured[0, 0]
    torch.testing.assert_close((measurement.sinogram - clean.sinogram)[0, 0], expected, atol=1e-4, rtol=0)
