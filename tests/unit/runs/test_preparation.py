"""A training that is about to begin: what is built, what is refused, and that nothing depends on chance."""

from __future__ import annotations

import json
import os

import pytest
import pytorch_lightning as pl
import torch

from mwgan.callbacks import AtomicCheckpoints, LastCheckpoint
from mwgan.errors import InputError
from mwgan.files.checkpoints import write_checkpoint
from mwgan.files.weights import save_weights
from mwgan.runs import preparation
from mwgan.runs.preparation import accelerator_of, data_of, prepare, trainer_of
from mwgan.training.cached_examples import CachedExamples

SMALL = ("debug=smoke", "model=irdm_pixel", "model.generator.depth=1", "model.generator.width=2", "data.size=16", "logger=csv")


def kept(prepared, file) -> None:
    """A checkpoint of what was prepared, as Lightning would write it."""
    content = {"mwgan": prepared.module.record.to_plain(), "state_dict": prepared.module.state_dict()}
    write_checkpoint(file, lambda stream: torch.save(content, stream))


def test_everything_that_a_training_takes_is_built(run_config, tmp_path):
    prepared = prepare(run_config(*SMALL, "seed=3"))
    assert prepared.checkpoint is None
    assert (len(prepared.data.train), prepared.data.train.size, prepared.data.seed) == (8, 16, 3)
    record = prepared.module.record
    assert (record.seed, record.train_data, record.stand_ins, record.init) == (3, "D1", (), None)
    assert (record.geometry.detector_size, record.wedge_deg) == (16, (40.0, 60.0))
    assert any(isinstance(callback, LastCheckpoint) for callback in prepared.trainer.callbacks)
    assert isinstance(prepared.trainer.strategy.checkpoint_io, AtomicCheckpoints)
    json.dumps(record.to_plain())


def test_the_seed_alone_decides_the_first_weights(run_config):
    one, same, other = (prepare(run_config(*SMALL, f"seed={seed}")).module.state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(value, same[key]) for key, value in one.items())
    assert any(not torch.equal(value, other[key]) for key, value in one.items())


def test_a_run_is_resumed_from_its_checkpoint_without_what_it_began_with(run_config, tmp_path):
    first = prepare(run_config(*SMALL))
    kept(first, tmp_path / "earlier" / "checkpoints" / "last.ckpt")
    options = (f"resume='{tmp_path / 'earlier'}'", "init=no-such-run")
    prepared = prepare(run_config(*SMALL, *options, folder="other"))
    assert prepared.checkpoint == tmp_path / "earlier" / "checkpoints" / "last.ckpt"
    assert prepared.module.record.init is None
    with pytest.raises(InputError, match="was trained with geometry"):
        prepare(run_config(*SMALL, *options, "acquisition.step_deg=9", folder="other"))


def test_a_folder_is_resumed_though_shipped_weights_have_its_name(run_config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept(prepare(run_config(*SMALL)), tmp_path / "irdm" / "checkpoints" / "last.ckpt")
    assert prepare(run_config(*SMALL, "resume=irdm", folder="other")).checkpoint == tmp_path / "irdm" / "checkpoints" / "last.ckpt"


def test_only_a_checkpoint_can_be_resumed(run_config, tmp_path):
    first = prepare(run_config(*SMALL))
    save_weights(tmp_path / "mine.safetensors", first.module.generator.state_dict(), first.module.record)
    with pytest.raises(InputError, match=r"mine\.safetensors holds weights only: start from them by init="):
        prepare(run_config(*SMALL, f"resume='{tmp_path / 'mine.safetensors'}'"))


def test_a_training_begins_with_the_weights_that_are_named(run_config, tmp_path):
    first = prepare(run_config(*SMALL, "seed=1"))
    kept(first, tmp_path / "earlier" / "checkpoints" / "last.ckpt")
    begun = prepare(run_config(*SMALL, "seed=2", f"init={{generator:'{tmp_path / 'earlier'}'}}", folder="later"))
    theirs = first.module.generator.state_dict()
    assert all(torch.equal(value, theirs[key]) for key, value in begun.module.generator.state_dict().items())
    assert begun.module.record.init == {"command": first.module.record.command, "commit": first.module.record.commit, "init": None}


def test_what_is_shown_comes_from_the_cache_where_there_is_one(run_config, tmp_path):
    prepared = prepare(run_config(*SMALL, f"cache='{tmp_path / 'cache'}'"))
    assert isinstance(prepared.module.examples, CachedExamples)
    assert (len(prepared.data.train), prepared.data.train.name) == (8, "phantom_faces")


def test_an_accelerator_is_taken_that_is_there(run_config, monkeypatch):
    def asked(*options: str) -> str:
        cfg = run_config(*SMALL)
        for option in options:
            key, _, value = option.partition("=")
            cfg.trainer[key] = value == "true" if value in ("true", "false") else value
        return accelerator_of(cfg)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert asked("accelerator=auto") == asked("accelerator=cpu") == "cpu"
    with pytest.raises(InputError, match=r"trainer\.accelerator=gpu finds no GPU here"):
        asked("accelerator=gpu")
    with pytest.raises(InputError, match="sync_batchnorm=true needs GPUs"):
        asked("accelerator=auto", "sync_batchnorm=true")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert (asked("accelerator=auto"), asked("accelerator=cuda"), asked("accelerator=cpu")) == ("gpu", "cuda", "cpu")
    assert asked("accelerator=auto", "sync_batchnorm=true") == "gpu"


def test_data_are_as_configured(run_config):
    data = data_of(run_config(*SMALL, "data.batch_size=2", "data.sizes=[8,16]", "data.prefetch=3", "seed=5"))
    assert (data.batch_size, data.sizes, data.prefetch, data.seed, data.workers) == (2, (8, 16), 3, 5, 0)


@pytest.mark.parametrize(
    ("adversarial", "devices", "asked", "given"),
    [
        (True, 2, "auto", "ddp_find_unused_parameters_true"),
        (True, 2, "ddp", "ddp_find_unused_parameters_true"),
        (True, 2, "fsdp", "fsdp"),
        (False, 2, "auto", "auto"),
        (True, 1, "auto", "auto"),
    ],
)
def test_adversarial_training_in_several_processes_takes_the_strategy_it_needs(adversarial, devices, asked, given, run_config, monkeypatch):
    given_to: dict[str, object] = {}
    real = preparation.build

    def noted(node, **arguments):
        given_to.update(arguments)
        return real(node, **arguments) if "strategy" not in arguments else None

    monkeypatch.setattr(preparation, "build", noted)
    trainer_of(run_config(*SMALL, f"trainer.devices={devices}", f"trainer.strategy={asked}"), "cpu", adversarial)
    assert given_to["strategy"] == given
    assert all(isinstance(callback, pl.Callback) for callback in given_to["callbacks"])


def test_each_of_several_processes_gets_the_threads_that_are_asked_for(run_config, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setattr(preparation, "trainer_of", lambda *arguments: None)
    before = torch.get_num_threads()
    try:
        prepare(run_config(*SMALL, "threads=1"))
        assert os.environ["OMP_NUM_THREADS"] == "7"
        prepare(run_config(*SMALL, "threads=1", "trainer.devices=2"))
        assert (torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]) == (1, "1")
    finally:
        torch.set_num_threads(before)
