"""What a training begins with: names, parts, what fits, and what the record says of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from mwgan.errors import InputError
from mwgan.files.record import TrainedGeometry, TrainingRecord
from mwgan.files.weights import save_weights
from mwgan.runs.initial_weights import (
    as_tree,
    check_same,
    load_initial_weights,
    origins_of,
    parts_of,
    read_initial_weights,
    recorded_origins,
)

FIRST, LAST = {"_target_": "a.First", "width": 1}, {"_target_": "a.Last"}
OURS = TrainingRecord({"_target_": "a.Both", "first": FIRST, "last": LAST}, {"_target_": "b.Task"}, TrainedGeometry(32, 2.0), (0.0, 90.0))


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.ModuleDict({"first": nn.Linear(2, 2), "last": nn.Linear(2, 3)})


def saved(file: Path, network: nn.Module, **changes: object) -> str:
    save_weights(file, network.state_dict(), replace(OURS, commit="abc", command="mwgan-train a", **changes))
    return str(file)


@pytest.mark.parametrize(
    ("init", "parts"),
    [
        (None, {}),
        ("irdm", {"generator": "irdm"}),
        ({"generator": "irdm"}, {"generator": "irdm"}),
        ({"generator.first": "a", "generator.last.deep": "b"}, {"generator.first": "a", "generator.last.deep": "b"}),
        ({"generator": {"first": "a", "last": {"deep": "b"}}, "discriminator": None}, {"generator.first": "a", "generator.last.deep": "b"}),
    ],
)
def test_parts_are_named_with_dots_or_in_one_another(init, parts):
    assert parts_of(init) == parts
    assert parts_of(as_tree(init)) == parts


def test_references_reach_parts_that_were_named_with_dots():
    assert as_tree({"generator.first": "a", "generator.last": "b"}) == {"generator": {"first": "a", "last": "b"}}
    for both in (["generator", "generator.first"], ["generator.first", "generator"]):
        with pytest.raises(InputError, match=r"names generator.* and the part that contains it"):
            as_tree(dict.fromkeys(both, "a"))


def test_weights_are_set_into_the_part_that_is_named(tmp_path):
    torch.manual_seed(0)
    model, first = Model(), nn.Linear(2, 2)
    before = model.generator["last"].weight.clone()
    weights = read_initial_weights({"generator.first": saved(tmp_path / "first.safetensors", first, generator=FIRST)}, OURS)
    load_initial_weights(model, weights)
    torch.testing.assert_close(model.generator["first"].weight, first.weight, rtol=1e-3, atol=1e-3)  # half precision in the file
    assert torch.equal(model.generator["last"].weight, before)


def test_a_whole_generator_begins_as_another_of_its_kind(tmp_path):
    other, model = Model(), Model()
    load_initial_weights(model, read_initial_weights(saved(tmp_path / "whole.safetensors", other.generator), OURS))
    torch.testing.assert_close(model.generator["last"].weight, other.generator["last"].weight, rtol=1e-3, atol=1e-3)


def test_another_network_task_or_grid_is_refused(tmp_path):
    file = tmp_path / "other.safetensors"
    for init, changes, named in (
        (str(file), {"generator": FIRST}, "generator"),
        (str(file), {"task": {"_target_": "b.Other"}}, "task"),
        ({"generator.first": str(file)}, {"generator": {**FIRST, "width": 2}}, "generator"),
        ({"generator.first": str(file)}, {"generator": FIRST, "geometry": TrainedGeometry(32, 3.0)}, "geometry"),
    ):
        saved(file, nn.Linear(2, 2), **changes)
        with pytest.raises(InputError, match=rf"other\.safetensors was trained with {named} .* and this run has .*: give its experiment="):
            read_initial_weights(init, OURS)
    saved(file, nn.Linear(2, 2), geometry=TrainedGeometry(64, 1.0))
    read_initial_weights(str(file), OURS)  # a whole generator may have learned at another size


def test_a_part_that_is_not_there_or_is_of_another_shape_is_named(tmp_path):
    file = saved(tmp_path / "part.safetensors", nn.Linear(2, 2), generator=FIRST)
    with pytest.raises(InputError, match=r"generator\.middle, but this model has no such part: it has generator, generator\.f"):
        load_initial_weights(Model(), read_initial_weights({"generator.middle": file}, OURS))
    unknown = replace(OURS, generator={"_target_": "a.Both"})  # whose class makes its parts by itself
    load_initial_weights(Model(), read_initial_weights({"generator.first": file}, unknown))
    with pytest.raises(InputError, match=r"part\.safetensors don.t fit generator\.last, which is another network: Error"):
        load_initial_weights(Model(), read_initial_weights({"generator.last": file}, unknown))


def test_the_record_says_what_it_began_with(tmp_path):
    whole = saved(tmp_path / "whole.safetensors", Model().generator, init={"commit": "before"})
    entry = {"command": "mwgan-train a", "commit": "abc", "init": {"commit": "before"}}
    assert origins_of(read_initial_weights(whole, OURS)) == entry
    part = saved(tmp_path / "part.safetensors", nn.Linear(2, 2), generator=FIRST)
    assert origins_of(read_initial_weights({"generator.first": part}, OURS)) == {"generator.first": {**entry, "init": None}}
    assert origins_of([]) is None


def test_a_resumed_run_keeps_what_its_record_says():
    assert recorded_origins(OURS) is None
    assert recorded_origins(replace(OURS, init={"commit": "x"}, others={"inpainters": {"commit": "y"}})) == {"commit": "x"}
    assert recorded_origins(replace(OURS, others={"inpainters": {"commit": "y"}})) == {"generator.inpainter": {"commit": "y"}}


def test_two_trainings_agree_in_what_is_asked_of_them():
    other = replace(OURS, wedge_deg=(10.0, 90.0))
    check_same("run", other, OURS, ("generator", "geometry"))
    with pytest.raises(InputError, match=r"run was trained with wedge_deg \[10\.0, 90\.0\] and this run has \[0\.0, 90\.0\]"):
        check_same("run", other, OURS, ("generator", "wedge_deg"))
