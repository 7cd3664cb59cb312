"""Training from configuration to checkpoint, and the program around it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import forked
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from omegaconf import OmegaConf

from mwgan.callbacks import AtomicCheckpoints
from mwgan.cli.train import main, train
from mwgan.configuration import build
from mwgan.data.datamodules import ImageDataModule
from mwgan.errors import InputError
from mwgan.provenance import commit
from mwgan.recon import load_reconstructor

SMALL = ("debug=smoke", "model.generator.depth=2", "callbacks.image_panels=null", "logger=csv")
GAME = (*SMALL, "model.discriminator.width=4")
# A schedule that doesn't know how long the training is, so that one interrupted is the same one.
STEPS = ("model.generator_schedule.milestones=[1,2]", "model.discriminator_schedule.milestones=[1]")
PROGRAM = [sys.executable, "-m", "mwgan.cli.train"]


def checkpoint(folder: Path) -> dict:
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)


def weights(folder: Path, prefix: str = "") -> dict[str, torch.Tensor]:
    return {key: value for key, value in checkpoint(folder)["state_dict"].items() if key.startswith(prefix)}


def make_module(config) -> pl.LightningModule:
    pl.seed_everything(config.seed, verbose=False)
    return build(config.model)


def fit(config, module: pl.LightningModule) -> None:
    data = ImageDataModule(build(config.data.train), build(config.data.validation), config.data.batch_size, seed=config.seed)
    trainer = pl.Trainer(max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    trainer.fit(module, data)


def moved(module: pl.LightningModule, before: dict[str, torch.Tensor], prefix: str) -> bool:
    """Whether any parameter below ``prefix`` is no longer what it was."""
    return any(not torch.equal(value, before[key]) for key, value in module.named_parameters() if key.startswith(prefix))


def run_program(*arguments: str, folder: Path, anew: bool = False) -> subprocess.CompletedProcess:
    """``mwgan-train``; ``anew``: by a process that loads everything itself, as the ones it starts do."""
    options = [*arguments, "threads=1", "callbacks.progress_bar=null", f"paths.root={folder}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    if forked.AVAILABLE and not anew:
        return forked.run(forked.TRAIN, options, folder, environment)
    return subprocess.run([*PROGRAM, *options], capture_output=True, text=True, check=False, cwd=folder, env=environment)


def test_two_epochs_are_one_epoch_and_one_more_after_resuming(run_config, tmp_path):
    train(run_config(*GAME, *STEPS, "trainer.max_epochs=2", folder="straight"))
    train(run_config(*GAME, *STEPS, "trainer.max_epochs=1", folder="first"))
    train(run_config(*GAME, *STEPS, "trainer.max_epochs=2", f"resume='{tmp_path / 'first'}'", folder="second"))
    straight, first, second = (checkpoint(tmp_path / folder) for folder in ("straight", "first", "second"))
    assert straight["epoch"] == second["epoch"] == 1
    assert set(straight["state_dict"]) == set(second["state_dict"])
    for key, value in straight["state_dict"].items():
        assert torch.equal(value, second["state_dict"][key]), key
    assert any(not torch.equal(value, first["state_dict"][key]) for key, value in straight["state_dict"].items())
    for mine, theirs in zip(straight["optimizer_states"], second["optimizer_states"], strict=True):
        assert mine["param_groups"] == theirs["param_groups"]
    assert straight["state_dict"]["batches"] == 4
    assert straight["state_dict"]["images"] == 16


def test_the_last_checkpoint_is_of_the_last_epoch_whether_or_not_it_was_the_best(run_config, tmp_path):
    train(run_config(*SMALL, "model=irdm_pixel", "callbacks.checkpoint.mode=min", "trainer.max_epochs=3"))
    assert torch.load(tmp_path / "run" / "checkpoints" / "best.ckpt", weights_only=True)["epoch"] == 0
    assert checkpoint(tmp_path / "run")["epoch"] == 2


def test_a_checkpoint_that_is_not_written_to_its_end_leaves_the_one_before(tmp_path, monkeypatch):
    file = tmp_path / "checkpoints" / "last.ckpt"
    AtomicCheckpoints().save_checkpoint({"epoch": 1}, file)

    def killed(checkpoint, stream):
        stream.write(b"half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        AtomicCheckpoints().save_checkpoint({"epoch": 2}, file)
    assert torch.load(file, weights_only=True) == {"epoch": 1}
    assert [path.name for path in file.parent.iterdir()] == ["last.ckpt"]


def test_learning_rates_follow_the_schedule_of_each_network(run_config, tmp_path):
    train(run_config(*GAME, *STEPS, "trainer.max_epochs=3"))
    log = pd.read_csv(tmp_path / "run" / "csv" / "metrics.csv").dropna(subset="train/generator_lr")
    assert log["train/generator_lr"].tolist() == pytest.approx([1e-4, 1e-5, 1e-6])
    assert log["train/discriminator_lr"].tolist() == pytest.approx([1e-4, 1e-5, 1e-5])


def test_a_run_can_be_repeated_to_the_last_bit(run_config, tmp_path):
    for folder, seed in (("one", 3), ("two", 3), ("three", 4)):
        train(run_config(*GAME, f"seed={seed}", folder=folder))
    one, two, three = (weights(tmp_path / folder) for folder in ("one", "two", "three"))
    assert all(torch.equal(value, two[key]) for key, value in one.items())
    assert any(not torch.equal(value, three[key]) for key, value in one.items())


def test_a_checkpoint_says_what_made_it_and_for_which_geometry(run_config, tmp_path):
    config = run_config(*GAME, "acquisition=gaussian", "acquisition.noise.percent=3.0", "seed=7")
    train(config)
    record = checkpoint(tmp_path / "run")["mwgan"]
    assert OmegaConf.to_container(OmegaConf.create(record["config"]), resolve=True) == OmegaConf.to_container(config, resolve=True)
    assert record["commit"] == commit()
    assert record["geometry"] == {"detector_size": 32, "step_deg": 6.0}
    assert record["wedge_deg"] == [40.0, 60.0]
    assert record["noise_percent"] == 3.0
    assert record["train_data"] == "D1"
    assert record["seed"] == 7
    assert set(record["versions"]) >= {"mwgan", "torch", "pytorch-lightning", "numpy"}
    assert json.loads((tmp_path / "run" / "record.json").read_text()) == record


def test_a_run_folder_is_a_reconstructor(run_config, tmp_path, faces):
    config = run_config(*GAME)
    train(config)
    loaded = load_reconstructor(tmp_path / "run")
    measurement = build(config.acquisition)(faces, torch.arange(3))
    tomogram = loaded(measurement)
    assert tomogram.shape == faces.shape
    with torch.no_grad():
        expected = loaded.task.tomogram(loaded.generator(loaded.task.see(measurement)), measurement)
    assert torch.equal(tomogram, expected)
    expected_weights = weights(tmp_path / "run", "generator.")
    assert all(torch.equal(value, expected_weights[f"generator.{key}"]) for key, value in loaded.generator.state_dict().items())


def test_init_begins_with_the_generator_of_another_run(run_config, tmp_path):
    train(run_config(*GAME, "seed=1", folder="earlier"))
    still = ("model.generator_optimizer.lr=0", "model.generator_optimizer.weight_decay=0", "seed=2")
    train(run_config(*GAME, *still, f"init='{tmp_path / 'earlier'}'", folder="later"))
    train(run_config(*GAME, *still, folder="fresh"))
    earlier, later, fresh = (weights(tmp_path / folder, "generator.") for folder in ("earlier", "later", "fresh"))
    learned = [key for key in earlier if key.endswith(("weight", "bias"))]
    assert all(torch.equal(later[key], earlier[key]) for key in learned)
    assert any(not torch.equal(fresh[key], earlier[key]) for key in learned)


def test_init_with_another_network_is_refused(run_config, tmp_path):
    train(run_config(*GAME, folder="earlier"))
    with pytest.raises(InputError, match=r"was trained with generator .* and this run has"):
        train(run_config(*GAME, "model.generator.width=6", f"init='{tmp_path / 'earlier'}'", folder="later"))


def test_both_networks_of_a_game_learn(run_config):
    config = run_config(*GAME)
    module = make_module(config)
    before = {key: value.clone() for key, value in module.named_parameters()}
    fit(config, module)
    assert moved(module, before, "generator.")
    assert moved(module, before, "discriminator.")
    assert all(parameter.requires_grad for parameter in module.parameters())


@pytest.mark.parametrize(("still", "moving"), [("generator", "discriminator"), ("discriminator", "generator")])
def test_each_step_moves_its_own_network_only(still, moving, run_config):
    config = run_config(*GAME, f"model.{still}_optimizer.lr=0", f"model.{still}_optimizer.weight_decay=0")
    module = make_module(config)
    before = {key: value.clone() for key, value in module.named_parameters()}
    fit(config, module)
    assert not moved(module, before, f"{still}.")
    assert moved(module, before, f"{moving}.")


def test_without_any_loss_the_generator_stays_and_the_discriminator_learns(run_config):
    config = run_config(*GAME, "model.pixel_weight=0", "model.adversarial_weight=0", "model.generator_optimizer.weight_decay=0")
    module = make_module(config)
    before = {key: value.clone() for key, value in module.named_parameters()}
    fit(config, module)
    assert not moved(module, before, "generator.")
    assert moved(module, before, "discriminator.")


def test_pixel_loss_alone_trains_without_a_discriminator(run_config, tmp_path):
    metrics = train(run_config(*SMALL, "model=irdm_pixel", "trainer.max_epochs=4", "model.generator_optimizer.lr=1e-2"))
    saved = checkpoint(tmp_path / "run")
    assert not [key for key in saved["state_dict"] if key.startswith("discriminator")]
    assert len(saved["optimizer_states"]) == 1
    assert "train/adversarial_loss" not in metrics
    log = pd.read_csv(tmp_path / "run" / "csv" / "metrics.csv")["train/pixel_loss"].dropna().tolist()
    assert log[-1] < log[0]


def test_gradients_are_clipped_to_their_norm(run_config):
    config = run_config(*SMALL, "model=irdm_pixel", "model.gradient_clip=1e-3", "trainer.max_epochs=1")
    module = make_module(config)
    norms = []
    make = module.optimizer_factories[0]

    def watched(parameters):
        optimizer = make(list(parameters))
        optimizer.register_step_pre_hook(
            lambda chosen, *_: norms.append(torch.nn.utils.get_total_norm([p.grad for p in chosen.param_groups[0]["params"]]).item())
        )
        return optimizer

    module.optimizer_factories[0] = watched
    fit(config, module)
    assert len(norms) == 2
    assert norms == pytest.approx([1e-3] * 2, rel=1e-2)


def test_a_discriminator_without_its_loss_is_refused(run_config):
    with pytest.raises(InputError, match="adversarial_loss"):
        build(run_config(*GAME, "model.adversarial_loss=null").model)


def test_an_epoch_is_summed_up_in_a_line(run_config, capsys):
    train(run_config(*GAME, "trainer.max_epochs=2"))
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch")]
    assert [line.split(":")[0] for line in lines] == ["epoch 1 of 2", "epoch 2 of 2"]
    assert all("PSNR" in line and "dB" in line for line in lines)


def test_a_sweep_runs_every_job_in_its_own_folder(tmp_path):
    done = run_program("-m", "wedge.min_deg=40,50", *GAME, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    saved = sorted((tmp_path / "sweeps").rglob("last.ckpt"))
    assert len(saved) == 2
    ranges = [torch.load(path, weights_only=True)["mwgan"]["wedge_deg"] for path in saved]
    assert ranges == [[40.0, 60.0], [50.0, 60.0]]
    assert "Traceback" not in done.stderr


def check_mistake(code: int, stderr: str, named: str) -> None:
    lines = stderr.strip().splitlines()
    assert code == 2
    assert len(lines) == 1
    assert lines[0].startswith("error:")
    assert named in lines[0]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(["data.sizee=32"], "data.sizee"), (["experiment=irdm2020/d99"], "irdm2020/d99"), (["wedge.max_deg=180", "debug=smoke"], "[0, 180)")],
    ids=["misspelt key", "unknown experiment", "wedge of 180"],
)
def test_the_program_answers_a_mistake_with_one_line_and_exit_code_2(arguments, named, tmp_path):
    done = run_program(*arguments, folder=tmp_path)
    check_mistake(done.returncode, done.stderr, named)
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("argument", "named"),
    [
        ("wedge.min_deg=-5", "[0, 180)"),
        ("wedge.min_deg=70", "70 to 60"),
        ("acquisition.step_deg=0", "tilt step"),
        ("init=no-such-run", "no-such-run"),
        ("resume=no-such-run", "no-such-run"),
        ("data.train.count=0", "count of 1 or more"),
        ("model.task.filter=boxcar", "boxcar"),
        ("model.pixel_loss.norm=l3", "l1, l2 or log_l2"),
        ("+model.generator.widht=8", "widht"),
        ("model.adversarial_loss=null", "adversarial_loss"),
        ("trainer=fast", "default"),
    ],
)
def test_every_mistake_in_the_configuration_is_named(argument, named, tmp_path, monkeypatch, capsys):
    quiet = ["hydra/job_logging=disabled", "hydra/hydra_logging=disabled", "callbacks.progress_bar=null"]
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    monkeypatch.setattr(sys, "argv", ["mwgan-train", argument, "debug=smoke", f"paths.root={tmp_path}", *quiet])
    with pytest.raises(SystemExit) as stopped:
        main()
    check_mistake(stopped.value.code, capsys.readouterr().err, named)


def test_resuming_with_another_geometry_or_from_weights_alone_is_refused(run_config, tmp_path):
    train(run_config(*GAME, folder="earlier"))
    with pytest.raises(InputError, match="was trained with geometry"):
        train(run_config(*GAME, "acquisition.step_deg=9.0", f"resume='{tmp_path / 'earlier'}'"))
    with pytest.raises(InputError, match="holds weights only"):
        train(run_config(*GAME, "resume=irdm"))


@pytest.mark.slow
def test_two_processes_play_the_game_in_one_run_folder(tmp_path):
    # Folders are named by the clock, so that the second process has to be told; its 3 held-out images are dealt 2 and 1.
    done = run_program("debug=smoke", "trainer=ddp_cpu", "data.validation.count=3", "logger=csv", folder=tmp_path, anew=True)
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "train" / "train").iterdir()
    files = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file() and path.parts[-2] not in (".hydra", "csv")}
    saved = {"checkpoints/best.ckpt", "checkpoints/last.ckpt", "panels/epoch_000.png", "panels/spectra/epoch_000.png"}
    assert files == saved | {".begun.lock", "begun", "finished", "record.json", "train.log"}
    assert len(done.stdout.splitlines()) == len({*done.stdout.splitlines()})  # nothing is told twice
    again = run_program(f"resume={run}", "trainer.max_epochs=2", folder=tmp_path, anew=True)
    assert again.returncode == 0, again.stderr
    assert list((tmp_path / "train" / "train").iterdir()) == [run]
    log = pd.read_csv(run / "csv" / "metrics.csv").dropna(subset="train/images").iloc[-1]
    assert (log["epoch"], log["train/batches"], log["train/images"]) == (1, 2, 16)  # two epochs of one batch of 4 in each process
    assert (checkpoint(run)["state_dict"]["batches"], checkpoint(run)["state_dict"]["images"]) == (2, 16)
