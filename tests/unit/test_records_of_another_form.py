"""Records that are not as this program writes them: refused in one sentence, or taken for saying nothing."""

from __future__ import annotations

import json

import pytest

from mwgan.errors import InputError
from mwgan.files.json_files import parsed, read_object
from mwgan.files.record import well_formed
from mwgan.io.tilt_lists import LARGEST_BYTES, read_tilts
from mwgan.io.tilts import parse_tilts
from mwgan.runs import recorded_options
from mwgan.runs.folder import BEGUN, FINISHED, is_same_job, metrics_of, options_of
from mwgan.runs.hydra_records import read_options, read_sweep, read_yaml
from mwgan.runs.recorded_options import checked_folder

NESTED = "[" * 100_000 + "]" * 100_000


def test_json_nested_without_end_is_none(tmp_path):
    with pytest.raises(ValueError, match="deep"):
        parsed(NESTED)
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(ValueError, match="not an object"):
        read_object(tmp_path / "list.json")


@pytest.mark.parametrize("text", ["a: &a [x]\nb: *a", "&a [*a]", NESTED])
def test_yaml_that_stands_for_more_than_it_says_is_refused(text, tmp_path):
    (tmp_path / "multirun.yaml").write_text(text)
    with pytest.raises(InputError, match="can't be read: move it away"):
        read_yaml(tmp_path / "multirun.yaml")


@pytest.mark.parametrize("text", ["[1]", "[a: b]", "a: b", "x"])
def test_options_that_are_none_are_refused(text, tmp_path):
    (tmp_path / "overrides.yaml").write_text(text)
    with pytest.raises(InputError, match="with resume="):
        read_options(tmp_path / "overrides.yaml")


@pytest.mark.parametrize("recorded", [[], {"hydra": {"overrides": {"task": [1]}}}, {"hydra": {"sweeper": {"params": [1]}}}])
def test_a_sweep_of_another_form_is_refused(recorded, tmp_path):
    (tmp_path / "multirun.yaml").write_text(json.dumps(recorded))
    if recorded == []:
        (tmp_path / "multirun.yaml").write_text("[1]")
    with pytest.raises(InputError, match="move it away"):
        read_sweep(tmp_path / "multirun.yaml")


@pytest.mark.parametrize("overrides", [5, "seed=1", [1], {"seed": 1}])
def test_a_note_of_another_form_says_nothing(overrides, tmp_path):
    (tmp_path / BEGUN).write_text(json.dumps({"overrides": overrides}))
    (tmp_path / FINISHED).write_text(json.dumps({"overrides": overrides, "metrics": [1]}))
    assert options_of(tmp_path) == []
    assert is_same_job(tmp_path, ["seed=2"])
    assert metrics_of(tmp_path) == {}


def test_a_recorded_configuration_folder_is_not_searched_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(recorded_options, "MOST_FILES", 3)
    for number in range(3):
        (tmp_path / f"{number}.yaml").write_text("a: b")
    assert checked_folder(tmp_path) == tmp_path
    (tmp_path / "more").mkdir()
    with pytest.raises(InputError, match="--config-dir"):
        checked_folder(tmp_path)


def test_what_is_told_of_a_training_leaves_out_what_is_of_no_kind():
    assert well_formed({"commit": 5, "seed": 1, "data": ["x"], "mine": [1]}) == {"seed": 1, "mine": [1]}


@pytest.mark.parametrize("tilts", [f"0:{'9' * 400}:1", f"0:60:{'9' * 400}"])
def test_a_range_beyond_all_numbers_is_refused(tilts):
    with pytest.raises(InputError):
        parse_tilts(tilts)


def test_a_list_of_tilts_is_not_read_without_end(tmp_path):
    with (tmp_path / "t.tlt").open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    with pytest.raises(InputError, match="too large"):
        read_tilts(tmp_path / "t.tlt")


def test_a_tilt_of_more_than_a_turn_is_refused_of_an_mdoc_too(tmp_path):
    (tmp_path / "s.mdoc").write_text("[ZValue = 0]\nTiltAngle = 1e300\n")
    with pytest.raises(InputError, match="between -360 and 360"):
        read_tilts(tmp_path / "s.mdoc")
