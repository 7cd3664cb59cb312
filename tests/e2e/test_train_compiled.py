"""Compiled networks learn the same as plain ones, and leave the same files."""

from __future__ import annotations

import shutil
import sys

import pytest
import pytorch_lightning as pl
import torch
from torch._inductor import config as inductor

from mwgan.cli.train import train
from mwgan.configuration import build
from mwgan.data.datamodules import ImageDataModule
from mwgan.errors import InputError
from mwgan.recon import JointModel, LearnedPrimalDual, load_reconstructor
from mwgan.training import compiling

TINY = ("debug=smoke", "callbacks.image_panels=null", "logger=csv", "network@model.generator=unet", "model.generator.depth=1")
PIXEL = ("model=irdm_pixel", *TINY)
needs_compiler = pytest.mark.skipif(
    sys.platform == "win32" or shutil.which("g++") is None, reason="torch.compile on a CPU builds C++: there is no g++ here"
)


def weights(folder, prefix: str = "") -> dict[str, torch.Tensor]:
    state = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    return {key: value for key, value in state.items() if key.startswith(prefix)}


def assert_alike(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert list(one) == list(other)
    for key, value in one.items():
        torch.testing.assert_close(value, other[key], rtol=1e-3, atol=1e-5, msg=lambda text, key=key: f"{key}: {text}")


@needs_compiler
def test_a_small_network_learns_the_same_compiled(run_config, monkeypatch):
    monkeypatch.setattr(inductor, "compile_threads", 1)  # no pool of processes for a handful of kernels
    states = []
    for mode in ("null", "default"):
        cfg = run_config(*PIXEL, "model.generator.normalization=none", "model.generator.width=2", f"model.compile={mode}")
        pl.seed_everything(0, verbose=False)
        module = build(cfg.model)
        data = ImageDataModule(build(cfg.data.train), build(cfg.data.validation), cfg.data.batch_size)
        quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
        pl.Trainer(max_epochs=1, accelerator="cpu", limit_val_batches=0, **quiet).fit(module, data)
        states.append(module.state_dict())
    assert_alike(*states)


@needs_compiler
@pytest.mark.slow
def test_compiled_and_plain_training_agree_and_each_goes_on_from_the_other(run_config, tmp_path):
    for folder, mode in (("plain", "null"), ("compiled", "default")):
        train(run_config(*PIXEL, f"model.compile={mode}", folder=folder))
    assert_alike(weights(tmp_path / "plain"), weights(tmp_path / "compiled"))
    tomograms = [load_reconstructor(tmp_path / folder).generator(torch.ones(1, 1, 32, 32)) for folder in ("plain", "compiled")]
    torch.testing.assert_close(*tomograms, rtol=1e-3, atol=1e-4)
    longer = (*PIXEL, "trainer.max_epochs=2")
    train(run_config(*longer, f"resume='{tmp_path / 'compiled'}'", folder="plain on"))
    train(run_config(*longer, "model.compile=default", f"resume='{tmp_path / 'plain'}'", folder="compiled on"))
    assert_alike(weights(tmp_path / "plain on"), weights(tmp_path / "compiled on"))


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize(
    "model", [("model=irdm", *TINY, "model.discriminator.width=4"), ("debug=smoke", "model=lpd_gan")], ids=["irdm", "lpd"]
)
def test_a_game_is_the_same_compiled(model, run_config, tmp_path):
    quiet = ("callbacks.image_panels=null", "logger=csv", "model.discriminator.width=4")
    plain, compiled = (train(run_config(*model, *quiet, f"model.compile={mode}", folder=mode)) for mode in ("null", "default"))
    assert list(weights(tmp_path / "null")) == list(weights(tmp_path / "default"))
    # Not the weights: an optimiser that divides by the gradient makes a step of what should be zero and is rounding.
    for name in ("pixel_loss", "adversarial_loss", "discriminator_loss", "score_real", "score_fake", "generator_gradient"):
        assert compiled[f"train/{name}"] == pytest.approx(plain[f"train/{name}"], rel=0.01, abs=0.01), name


@pytest.mark.parametrize("model", ["lpd", "ding2019_deartifact"])
def test_networks_that_project_are_compiled_between_their_projections(model, run_config):
    generator = build(run_config("debug=smoke", f"model={model}", "model.compile=default").model).generator
    assert isinstance(generator, LearnedPrimalDual | JointModel)
    compiled = [name for name, part in generator.named_modules() if part._compiled_call_impl is not None]
    if isinstance(generator, JointModel):
        assert compiled == ["inpainter", "restorer"]
    else:
        assert compiled == [f"{part}.{number}" for part in ("dual", "primal") for number in range(len(generator.dual))]


def test_an_unknown_mode_is_refused(run_config):
    with pytest.raises(InputError, match=r"model\.compile is null or one of default, reduce-overhead"):
        build(run_config("debug=smoke", "model.compile=fast").model)


def test_a_cpu_without_a_compiler_is_told_so_before_the_first_step(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(InputError, match="there is no no-such-compiler: install it"):
        compiling.check_compiler("default", torch.device("cpu"))
    compiling.check_compiler(None, torch.device("cpu"))
    compiling.check_compiler("default", torch.device("cuda"))
