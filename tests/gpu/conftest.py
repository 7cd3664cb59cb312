"""The device that is asked about: a CUDA GPU, or the one that MWGAN_TEST_DEVICE names, to try these tests where there is none."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from mwgan.paths import conf_dir


@pytest.fixture(scope="session")
def device() -> torch.device:
    asked = torch.device(os.environ.get("MWGAN_TEST_DEVICE") or "cuda")
    if asked.type == "cuda" and not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device here; make test-gpu MWGAN_TEST_DEVICE=cpu tries these tests on the CPU")
    return asked


@pytest.fixture
def exact_products(device: torch.device) -> Iterator[None]:
    """Products in float32, where torch by itself rounds what enters a convolution to tf32."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before


@pytest.fixture
def training_on(tmp_path: Path) -> Callable[..., DictConfig]:
    """``training_on(device, *overrides, folder=...)``: a small training's configuration there, with its output in the test's folder."""

    def make(where: torch.device, *overrides: str, folder: str = "run") -> DictConfig:
        accelerator = "gpu" if where.type == "cuda" else "cpu"
        quiet = ["callbacks.progress_bar=null", "trainer.enable_progress_bar=false", "callbacks.image_panels=null", "logger=csv"]
        small = ["debug=smoke", f"trainer.accelerator={accelerator}", "trainer.devices=1"]
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            return compose("train", overrides=[*small, *quiet, *overrides, f"paths.output_dir='{tmp_path / folder}'"])

    return make
