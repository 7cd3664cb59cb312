"""Training in half precision: what is clipped and logged are true gradients, and losses are taken in full precision."""

from __future__ import annotations

import math
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.precision import MixedPrecision
from torch import Tensor

from mwgan.configuration import build
from mwgan.data.datamodules import ImageDataModule

SMALL = ("debug=smoke", "data.train.count=16", "data.batch_size=4")
FINETUNE = ("experiment=ding2019/finetune", "data=d1", "model.generator.restorer.depth=2")
MODELS = {
    "irdm": ("model=irdm", "model.generator.depth=2"),
    "lpd_gan": ("model=lpd_gan",),
    "inpainting": ("model=ding2019_inpainting",),
    "both ends": FINETUNE,
    "stack": ("experiment=ding2019/deartifact_alone", "data=d1", "model.generator.depth=2"),
}


def fit(cfg: Any, module: pl.LightningModule, **options: Any) -> dict[str, float]:
    data = ImageDataModule(build(cfg.data.train), build(cfg.data.validation), cfg.data.batch_size)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = pl.Trainer(max_epochs=1, accelerator="cpu", **quiet, **options)
    trainer.fit(module, data)
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


def seeded(cfg: Any) -> pl.LightningModule:
    pl.seed_everything(0, verbose=False)
    return build(cfg.model)


@pytest.mark.parametrize("fused", ["true", "false"])
def test_gradients_are_clipped_and_logged_without_the_scale_of_half_precision(fused, run_config):
    """On a CPU Lightning takes bfloat16 instead, which needs no scale: the plugin is given by hand."""
    clip = 1e-3
    cfg = run_config(*SMALL, "model=lpd", f"model.gradient_clip={clip}", f"model.generator_optimizer.fused={fused}")
    full = fit(cfg, seeded(cfg))
    module, norms = seeded(cfg), []
    make = module.optimizer_factories[0]

    def watched(parameters: Any) -> torch.optim.Optimizer:
        optimizer = make(list(parameters))

        def look(chosen: Any, *_: Any) -> None:
            norm = torch.nn.utils.get_total_norm([weight.grad for weight in chosen.param_groups[0]["params"]])
            norms.append(float(norm / getattr(chosen, "grad_scale", torch.ones(()))))  # fused, it takes the scale away itself

        optimizer.register_step_pre_hook(look)
        return optimizer

    module.optimizer_factories[0] = watched
    plugin = MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=2.0**10))
    half = fit(cfg, module, plugins=[plugin])
    assert norms == pytest.approx([clip] * 4, rel=1e-2)
    assert half["train/generator_gradient"] == pytest.approx(full["train/generator_gradient"], rel=0.05)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
def test_in_bfloat16_losses_are_taken_in_full_precision_and_nothing_is_lost(model, run_config):
    cfg = run_config(*model, *SMALL)
    full = fit(cfg, seeded(cfg))
    module, seen = seeded(cfg), set()

    def watched(loss: Any) -> Any:
        def look(*tensors: Tensor) -> Tensor:
            seen.update(tensor.dtype for tensor in tensors)
            return loss(*tensors)

        return look

    module.pixel_loss = watched(module.pixel_loss)
    for player in ("generator", "discriminator"):
        setattr(module.adversarial_loss, player, watched(getattr(module.adversarial_loss, player)))
    half = fit(cfg, module, precision="bf16-mixed")
    assert seen == {torch.float32}
    assert all(math.isfinite(value) for value in half.values())
    assert all(bool(weight.isfinite().all()) for weight in module.parameters())
    for name in ("pixel_loss", "generator_gradient"):
        assert half[f"train/{name}"] == pytest.approx(full[f"train/{name}"], rel=0.05), name
    assert half["val/psnr"] == pytest.approx(full["val/psnr"], abs=0.2)
