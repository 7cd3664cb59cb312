"""What a run folder says of itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mwgan.errors import InputError
from mwgan.runs.folder import (
    BEGUN,
    CONFIG_DIR,
    FINISHED,
    LAST,
    begin,
    begun,
    finish,
    from_here,
    is_finished,
    is_same_job,
    jobs_in,
    options_of,
    read_note,
)


def test_a_path_below_the_working_folder_is_seen_from_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert from_here(tmp_path / "a" / "b") == Path("a/b")
    assert from_here(tmp_path.parent) == tmp_path.parent
    assert from_here(Path("a")) == Path("a")


def test_a_note_holds_options_model_and_folder_of_configuration(tmp_path):
    begin(tmp_path, ["seed=1"], "irdm", Path("/conf"))
    assert json.loads((tmp_path / BEGUN).read_text()) == {"overrides": ["seed=1"], "model": "irdm", CONFIG_DIR: "/conf"}
    finish(tmp_path, ["seed=2"], {"val/psnr": 1.0})
    assert options_of(tmp_path) == ["seed=2"]
    begin(tmp_path, ["seed=1"])
    assert (options_of(tmp_path), is_finished(tmp_path), read_note(tmp_path / BEGUN)[CONFIG_DIR]) == (["seed=1"], False, None)


def test_a_run_that_is_refused_before_it_trained_leaves_the_notes_of_the_one_before(tmp_path):
    finish(tmp_path, ["seed=1"], {})
    with pytest.raises(InputError), begun(tmp_path, ["seed=2"], "irdm", Path("/conf")):
        raise InputError("no")
    assert (options_of(tmp_path), is_finished(tmp_path)) == (["seed=1"], True)

    def diverge() -> None:
        with begun(tmp_path, ["seed=2"]):
            (tmp_path / LAST).parent.mkdir()
            (tmp_path / LAST).touch()
            raise InputError("the loss is no number")

    with pytest.raises(InputError):
        diverge()
    assert (options_of(tmp_path), is_finished(tmp_path)) == (["seed=2"], False)


def test_a_run_of_an_earlier_version_is_the_same_by_todays_names(tmp_path):
    begin(tmp_path, ["inpainters='run'", "seed=1"])
    assert is_same_job(tmp_path, ["seed=1", "init={generator.inpainter:'run'}"])
    assert not is_same_job(tmp_path, ["seed=1", "init={generator.inpainter:'other'}"])


def test_jobs_come_by_number_and_then_by_name(tmp_path):
    for name in ("10", "9", "extra", "empty"):
        (tmp_path / name).mkdir()
        if name != "empty":
            begin(tmp_path / name, [])
    assert [job.name for job in jobs_in(tmp_path)] == ["9", "10", "extra"]
    assert jobs_in(tmp_path / "nowhere") == []


def test_a_note_that_was_cut_short_says_nothing(tmp_path):
    for text in ("", '{"over', "[1]"):
        (tmp_path / FINISHED).write_text(text)
        assert read_note(tmp_path / FINISHED) == {}
    assert read_note(tmp_path / "nowhere") == {}
