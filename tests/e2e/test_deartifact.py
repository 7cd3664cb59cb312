"""The second stage of Ding 2019: what it takes from an inpainter, keeps on disk, and leaves alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
from hydra import compose, initialize_config_dir
from safetensors import safe_open

from mwgan.cli.train import train
from mwgan.errors import InputError
from mwgan.paths import conf_dir

SMOKE = ("debug=smoke", "callbacks.progress_bar=null", "callbacks.image_panels=null", "trainer.enable_progress_bar=false", "logger=csv")
SMOKE += ("trainer.accelerator=cpu",)


def run(folder: Path, experiment: str, *overrides: str) -> dict[str, float]:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        options = [f"experiment=ding2019/reduced/{experiment}", *SMOKE, *overrides, f"paths.output_dir='{folder}'"]
        return train(compose("train", overrides=options))


def state(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor], prefix: str) -> bool:
    return any(not torch.equal(value, before[key]) for key, value in after.items() if key.startswith(prefix))


@pytest.fixture(scope="module")
def inpainter(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("inpainter")
    run(folder, "inpainting", "callbacks.kept_checkpoints.every_n_epochs=1", "trainer.max_epochs=2")
    return folder


@pytest.fixture(scope="module")
def deartifact(inpainter, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("deartifact")
    run(folder, "deartifact", f"init={{generator.inpainter:'{inpainter}'}}")
    return folder


def test_an_inpainter_leaves_early_and_late_checkpoints(inpainter):
    kept = {"best.ckpt", "last.ckpt", "previous.ckpt", "epoch_000.ckpt", "epoch_001.ckpt"}
    assert {file.name for file in (inpainter / "checkpoints").iterdir()} == kept


def test_the_second_stage_takes_the_last_inpainter_and_leaves_it_as_it_is(inpainter, deartifact):
    first = {f"generator.inpainter.{key.removeprefix('generator.')}": value for key, value in state(inpainter).items()}
    second = state(deartifact)
    inside = [key for key in second if key.startswith("generator.inpainter.")]
    assert inside
    assert all(torch.equal(second[key], first[key]) for key in inside)


def test_fine_tuning_reaches_both_ends(deartifact, tmp_path):
    run(tmp_path, "finetune", f"init='{deartifact}'")
    for end in ("generator.inpainter.", "generator.restorer."):
        assert changed(state(deartifact), state(tmp_path), end)


def test_the_mixture_wants_its_inpainters(tmp_path):
    with pytest.raises(InputError, match=r"give init=\{generator\.inpainter: RUN\}"):
        run(tmp_path, "deartifact")
    with pytest.raises(InputError, match=r"has no checkpoints/last\.ckpt"):
        run(tmp_path, "deartifact", f"init={{generator.inpainter:'{tmp_path}'}}")


def test_a_model_begins_with_weights_for_parts_that_it_has(inpainter, tmp_path):
    with pytest.raises(InputError, match=r"but this model has no such part: it has generator, generator\.first"):
        run(tmp_path, "inpainting", f"init={{generator.inpainter:'{inpainter}'}}")


def test_an_inpainter_of_another_grid_is_refused(inpainter, tmp_path):
    with pytest.raises(InputError, match="was trained with geometry"):
        run(tmp_path, "deartifact", f"init={{generator.inpainter:'{inpainter}'}}", "acquisition.step_deg=12")


def test_a_cache_is_filled_once_and_trained_from(inpainter, tmp_path):
    cache = tmp_path / "cache"
    options = ("deartifact", f"init={{generator.inpainter:'{inpainter}'}}", f"cache='{cache}'", "trainer.max_epochs=2")
    first = run(tmp_path / "first", *options)
    shards = {file.name: file.stat().st_mtime_ns for file in cache.iterdir()}
    assert set(shards) == {"index.json", "shard_00000.safetensors"}
    again = run(tmp_path / "again", *options)
    assert {file.name: file.stat().st_mtime_ns for file in cache.iterdir()} == shards
    timed = {name: again[name] for name in ("train/images_per_second", "train/tflops")}
    assert again == pytest.approx({**first, **timed}, rel=1e-5)
    with pytest.raises(InputError, match="a cache of something else"):
        run(tmp_path / "other", *options, "seed=1")


def test_what_any_network_is_shown_can_be_kept_if_it_is_a_picture(tmp_path, deartifact):
    options = ("inpainting", f"cache='{tmp_path / 'cache'}'", "trainer.max_epochs=2")
    first, again = run(tmp_path / "first", *options), run(tmp_path / "again", *options)
    assert first["train/pixel_loss"] == pytest.approx(again["train/pixel_loss"], rel=1e-5)
    with safe_open(tmp_path / "cache" / "shard_00000.safetensors", framework="pt") as shard:
        assert shard.get_tensor("target").shape[1:] == (1, 30, 32)  # a sinogram, not the image
    with pytest.raises(InputError, match="takes the measurement itself: leave cache= out"):
        run(tmp_path / "finetune", "finetune", f"init='{deartifact}'", f"cache='{tmp_path / 'other'}'")


def test_checkpoints_of_another_training_are_not_mixed_in(inpainter, tmp_path):
    shutil.copytree(inpainter, tmp_path / "mixed")
    run(tmp_path / "other", "inpainting", "seed=5", "callbacks.kept_checkpoints.every_n_epochs=1")
    (tmp_path / "other" / "checkpoints" / "epoch_000.ckpt").rename(tmp_path / "mixed" / "checkpoints" / "epoch_000.ckpt")
    with pytest.raises(InputError, match=r"epoch_000\.ckpt belongs to another training"):
        run(tmp_path / "run", "deartifact", f"init={{generator.inpainter:'{tmp_path / 'mixed'}'}}")


def test_a_training_whose_loss_is_no_number_stops(tmp_path):
    with pytest.raises(InputError, match="is NaN"):
        run(tmp_path, "inpainting", "model.generator_optimizer.lr=1e30")


def test_only_parts_that_are_there_are_frozen(inpainter, tmp_path):
    with pytest.raises(InputError, match="no part 'unet' to freeze: it has inpainter, restorer"):
        run(tmp_path, "deartifact", f"init={{generator.inpainter:'{inpainter}'}}", "model.frozen=[unet]")


def test_a_run_that_goes_on_in_its_own_folder_keeps_its_log(tmp_path):
    run(tmp_path, "inpainting")
    run(tmp_path, "inpainting", f"resume='{tmp_path}'", "trainer.max_epochs=2")
    logs = [pd.read_csv(tmp_path / "csv" / name) for name in ("metrics_1.csv", "metrics.csv")]
    assert [sorted(log["epoch"].unique()) for log in logs] == [[0], [1]]
