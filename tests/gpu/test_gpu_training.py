"""Every model trains on a GPU: in full and half precision, compiled, fed by workers, in a process group; and its checkpoints travel."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pandas as pd
import pytest
import torch

from mwgan.cli.train import train
from mwgan.geometry import TiltGeometry
from mwgan.paths import conf_dir
from mwgan.recon import load_reconstructor
from mwgan.testing.specimen import measurement, specimen

pytestmark = pytest.mark.gpu
MODELS = sorted(file.stem for file in (conf_dir() / "model").glob("*.yaml"))
PIXEL = ("model=irdm_pixel", "network@model.generator=unet", "model.generator.depth=1", "model.generator.width=4")


def weights(folder) -> dict[str, torch.Tensor]:
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True, map_location="cpu")["state_dict"]


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("model", MODELS)
def test_every_model_takes_steps(model, precision, device, training_on, tmp_path):
    on = ()
    if "deartifact" in model:  # its mixture holds what an inpainter gives
        train(training_on(device, "model=ding2019_inpainting_pixel", "wedge=fixed_45", folder="inpainter"))
        on = ("wedge=fixed_45", f"init={{generator.inpainter: '{tmp_path / 'inpainter'}'}}")
    found = train(training_on(device, f"model={model}", f"trainer.precision={precision}", *on))
    assert {"train/pixel_loss", "val/psnr"} <= set(found)
    assert all(torch.isfinite(torch.tensor(value)) for value in found.values())
    assert all(value.dtype != torch.bfloat16 and value.isfinite().all() for value in weights(tmp_path / "run").values())


def test_the_log_says_how_hard_the_device_worked(device, training_on, tmp_path):
    train(training_on(device, *PIXEL, "callbacks.model_flops.peak_tflops=50"))
    log = pd.concat(pd.read_csv(file) for file in (tmp_path / "run").rglob("metrics.csv"))
    assert log["train/tflops"].max() > 0
    assert 0 < log["train/mfu"].max() < 1
    if device.type == "cuda":
        assert log["train/peak_memory_gib"].max() > 0


@pytest.mark.skipif(sys.platform == "win32" or shutil.which("g++") is None, reason="torch.compile builds C++ for a CPU: there is no g++")
def test_compiled_networks_learn_the_same(device, training_on):
    options = (*PIXEL, "model.generator.normalization=none", "model.generator.width=2", "model.generator_optimizer.lr=1e-4")
    plain, compiled = (train(training_on(device, *options, f"model.compile={mode}", folder=mode)) for mode in ("null", "default"))
    assert compiled["train/pixel_loss"] == pytest.approx(plain["train/pixel_loss"], rel=0.01)
    assert compiled["val/psnr"] == pytest.approx(plain["val/psnr"], abs=0.05)


def test_images_made_ahead_by_workers_are_the_same(device, training_on):
    alone, ahead = (train(training_on(device, *PIXEL, f"data.workers={count}", "data.prefetch=2", folder=f"{count}")) for count in (0, 1))
    assert ahead["train/pixel_loss"] == pytest.approx(alone["train/pixel_loss"], rel=1e-3)


def test_a_process_group_of_one_trains(device, training_on, tmp_path):
    cfg = training_on(device, "model=irdm")
    command = ["debug=smoke", "model=irdm", "trainer.devices=1", "trainer.strategy=ddp_find_unused_parameters_true", "threads=1"]
    command += [f"trainer.accelerator={cfg.trainer.accelerator}", f"paths.run_dir={tmp_path / 'run'}", "logger=csv"]
    done = subprocess.run([sys.executable, "-m", "mwgan.cli.train", *command], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert weights(tmp_path / "run")


def test_a_run_goes_from_the_cpu_to_the_gpu_and_back(device, training_on, tmp_path):
    cpu, found, folder = torch.device("cpu"), {}, None
    for epochs, where in enumerate((cpu, device, cpu), start=1):
        on = () if folder is None else (f"resume='{folder}'",)
        name = f"{epochs}"
        train(training_on(where, *PIXEL, f"trainer.max_epochs={epochs}", "schedule@model.generator_schedule=constant", *on, folder=name))
        folder = tmp_path / name
    found = weights(folder)
    train(training_on(cpu, *PIXEL, "trainer.max_epochs=3", "schedule@model.generator_schedule=constant", folder="stayed"))
    for name, value in weights(tmp_path / "stayed").items():
        torch.testing.assert_close(found[name], value, rtol=0.05, atol=5e-3, msg=lambda text, name=name: f"{name}: {text}")


def test_weights_learned_there_reconstruct_the_same_here(device, training_on, tmp_path):
    train(training_on(device, "model=lpd"))
    given = measurement(specimen(32), TiltGeometry.full(32, 6.0), 60.0)
    there = load_reconstructor(tmp_path / "run", str(device))(type(given)(given.sinogram.to(device), given.measured, given.geometry))
    here = load_reconstructor(tmp_path / "run")(given)
    assert float((there.cpu() - here).norm() / here.norm()) < 5e-3
