"""Which trainings can keep what they show, and what tells one cache from another."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor, nn

from mwgan.acquisition import Acquisition, Sample
from mwgan.errors import InputError
from mwgan.runs.caching import cached
from mwgan.runs.preparation import data_of, prepare
from mwgan.training import Examples

SMALL = ("debug=smoke", "model=irdm_pixel", "model.generator.depth=1", "model.generator.width=2", "data.size=16", "logger=csv")
MEASURED = ("+examples@model.examples=measured",)


class Halved(Examples):
    """Shows an image, and wants half of it."""

    def __init__(self, allow: tuple[str, ...] = (), run: str = "") -> None:
        self.content = run

    def made_from(self) -> dict[str, object]:
        return {"run": len(self.content), "generator": None, "task": None}

    def __call__(self, sample: Sample, acquisition: Acquisition, generator: nn.Module) -> tuple[Tensor, Tensor]:
        return sample.image, sample.image / 2


def made(run_config, folder, *options: str, alone: bool = True, examples: Examples | None = None):
    cfg = run_config(*SMALL, *options)
    module, source = prepare(cfg).module, data_of(cfg).train
    cfg.cache, module.examples = str(folder), examples or module.examples
    return cached(cfg, module, source, "cpu", alone), module, source


def described(folder) -> dict[str, object]:
    return json.loads((folder / "index.json").read_text())["made_from"]


@pytest.mark.parametrize("options", [(), MEASURED], ids=["as in use", "some complete"])
def test_what_a_network_is_shown_is_kept(options, run_config, tmp_path):
    cache, module, _ = made(run_config, tmp_path / "cache", *options)
    assert (len(cache), cache.name) == (8, "phantom_faces")
    one = Sample(torch.from_numpy(cache.image(3, None))[None, None], torch.tensor([0]), torch.tensor([3]))
    seen, target = cache(one, module.acquisition, module.generator)
    assert seen.shape == (1, 1, 16, 16)
    assert target is one.image
    assert not torch.equal(seen, target)
    assert "generator" not in described(tmp_path / "cache")  # of which nothing that is shown depends


def test_what_is_wanted_is_kept_where_it_is_not_the_image(run_config, tmp_path):
    cache, module, _ = made(run_config, tmp_path / "cache", examples=Halved())
    one = Sample(torch.from_numpy(cache.image(2, None))[None, None], torch.tensor([0]), torch.tensor([2]))
    seen, target = cache(one, module.acquisition, module.generator)
    torch.testing.assert_close(target, seen / 2, rtol=1e-3, atol=1e-3)


def test_a_limit_to_the_batches_is_one_to_the_cache(run_config, tmp_path):
    assert len(made(run_config, tmp_path / "cache", "trainer.limit_train_batches=1")[0]) == 4


def test_other_data_and_other_content_are_another_cache_and_permissions_are_not(run_config, tmp_path):
    options = ("+model.examples={_target_: runs.test_caching.Halved, allow: [], run: a}",)
    allowed = ("+model.examples={_target_: runs.test_caching.Halved, allow: [mynet], run: a}",)
    made(run_config, tmp_path / "cache", *options)
    assert described(tmp_path / "cache")["examples"] == {"_target_": "runs.test_caching.Halved", "run": None}
    made(run_config, tmp_path / "cache", *allowed, "model.generator.width=3", "model.task.filter=hann")
    for other in (("seed=4",), ("acquisition.step_deg=9",)):
        with pytest.raises(InputError, match="a cache of something else"):
            made(run_config, tmp_path / "cache", *options, *other)
    with pytest.raises(InputError, match="a cache of something else"):
        made(run_config, tmp_path / "cache", "+model.examples={_target_: runs.test_caching.Halved, allow: [], run: ab}")


def test_one_of_several_processes_finds_the_cache_or_says_that_it_is_not_there(run_config, tmp_path):
    with pytest.raises(InputError, match=r"holds no readable index\.json"):
        made(run_config, tmp_path / "cache", alone=False)
    made(run_config, tmp_path / "cache")
    assert len(made(run_config, tmp_path / "cache", alone=False)[0]) == 8


def test_what_is_no_picture_of_one_size_is_refused(run_config, tmp_path):
    with pytest.raises(InputError, match=r"train with data\.sizes=null"):
        made(run_config, tmp_path / "cache", "data.sizes=[8,16]")
    measurement = "model.task={_target_: mwgan.recon.RestoreMeasurement}"
    with pytest.raises(InputError, match="takes the measurement itself"):
        made(run_config, tmp_path / "cache", measurement)
