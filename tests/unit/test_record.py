"""The record of a training: the same object in files as ever, with types inside."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
import torch

from mwgan.errors import InputError
from mwgan.files.record import FIELDS, TrainedGeometry, TrainingRecord
from mwgan.files.weights import RECORD_KEY, find_weights, read_weights, save_weights
from mwgan.paths import shipped_weights

LEAST = {
    "generator": {"_target_": "mwgan.networks.UNet", "width": 4},
    "task": {"_target_": "mwgan.recon.RestoreWBP"},
    "geometry": {"detector_size": 64, "step_deg": 2.0},
    "wedge_deg": [20.0, 100.0],
}
WHOLE = {
    **LEAST,
    "noise_percent": 2.5,
    "train_data": "D2",
    "stand_ins": ["brain", "ct"],
    "data": [{"name": "phantom_faces", "images": 3}],
    "seed": 7,
    "commit": "abc",
    "command": "mwgan-train seed=7",
    "device": "CPU",
    "versions": {"torch": "2"},
    "config": {"seed": 7},
    "init": {"command": "mwgan-train", "commit": "abb", "init": None},
    "stages": {"first": {"command": "mwgan-train", "commit": "aba", "device": "CPU"}},
    "band_scale": 4.3,
}


@pytest.mark.parametrize("plain", [LEAST, WHOLE, {**WHOLE, "inpainters": {"commit": "x"}, "of_a_later_version": [1, 2]}])
def test_what_is_read_is_written_again(plain):
    record = TrainingRecord.from_plain(plain, "here")
    assert json.loads(json.dumps(record.to_plain())) == plain
    assert TrainingRecord.from_plain(record.to_plain(), "here") == record == plain
    assert record.others == {name: value for name, value in plain.items() if name not in WHOLE}


def test_fields_have_their_types():
    record = TrainingRecord.from_plain({**WHOLE, "wedge_deg": [45, 45]}, "here")
    assert record.geometry == TrainedGeometry(64, 2.0)
    assert record.wedge_deg == (45.0, 45.0)
    assert (record.stand_ins, record.seed, record.band_scale) == (("brain", "ct"), 7, 4.3)
    assert TrainingRecord.from_plain(LEAST, "here").stand_ins is None
    assert [*FIELDS, "others"] == [field.name for field in fields(TrainingRecord)]


def test_it_reads_as_the_object_in_the_file():
    record = TrainingRecord.from_plain(LEAST, "here")
    assert record["geometry"]["detector_size"] == 64
    assert (record.get("seed"), record.get("seed", 3)) == (None, 3)
    assert {**record, "seed": 5} == {**LEAST, "seed": 5}
    assert len(record) == 4
    with pytest.raises(KeyError):
        record["commit"]


@pytest.mark.parametrize("field", LEAST)
def test_a_missing_field_is_named_with_the_file(field):
    with pytest.raises(InputError, match=rf"^run/last\.ckpt does not fit .*, its record has no {field}: train or download it again$"):
        TrainingRecord.from_plain({name: value for name, value in LEAST.items() if name != field}, "run/last.ckpt")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("generator", {"width": 4}),
        ("task", "mwgan.recon.RestoreWBP"),
        ("geometry", {"detector_size": 64.5, "step_deg": 2.0}),
        ("geometry", [64, 2.0]),
        ("wedge_deg", [20.0]),
        ("wedge_deg", 45.0),
        ("wedge_deg", [20.0, "100"]),
        ("noise_percent", "2"),
        ("train_data", 2),
        ("stand_ins", "brain"),
        ("data", {"name": "faces"}),
        ("data", ["faces"]),
        ("seed", True),
        ("config", "seed: 7"),
        ("init", "run"),
        ("band_scale", None.__class__),
    ],
)
def test_a_field_of_another_kind_is_named_with_the_file(field, value):
    with pytest.raises(InputError, match=f"^mine does not fit this version of mwgan, its record has a {field} that is not "):
        TrainingRecord.from_plain({**WHOLE, field: value}, "mine")


def test_a_record_that_is_no_object_is_refused():
    with pytest.raises(InputError, match="is not an object"):
        TrainingRecord.from_plain([1, 2], "mine")


def test_folders_of_this_machine_are_cut():
    message = replace(
        TrainingRecord.from_plain(WHOLE, "here"), command="mwgan-train init=/home/me/first", init={"command": "a={b: '/x/y'}"}
    )
    record = message.without_folders()
    assert (record.command, record.init) == ("mwgan-train init=first", {"command": "a={b: 'y'}"})
    assert record == {**WHOLE, "command": record.command, "init": record.init}


def test_weights_files_name_themselves_where_their_record_is_broken(tmp_path):
    file = tmp_path / "mine.safetensors"
    save_weights(file, {"w": torch.ones(1)}, {**LEAST, "wedge_deg": None})
    with pytest.raises(InputError, match=r"mine\.safetensors does not fit .*, its record has no wedge_deg"):
        read_weights(file)
    torch.save({RECORD_KEY: {}, "state_dict": {}}, tmp_path / "last.ckpt")
    with pytest.raises(InputError, match=r"last\.ckpt does not fit .*, its record has no generator"):
        read_weights(tmp_path / "last.ckpt")


@pytest.mark.parametrize("name", shipped_weights())
def test_shipped_weights_are_read_with_all_they_tell(name):
    record, _ = read_weights(find_weights(name))
    assert record.geometry.detector_size >= 32
    assert None not in (record.train_data, record.commit, record.command, record.config, record.seed)
    assert record.others == {}
