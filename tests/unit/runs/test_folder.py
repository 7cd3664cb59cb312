"""What a run's folder says of the run: whose it is, how far it came, and what of that survives a refusal, a crash or a bad note."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mwgan.errors import InputError
from mwgan.files.checkpoints import LAST
from mwgan.runs import folder as jobs

RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")


def test_a_note_holds_options_model_and_folder_of_configuration(tmp_path):
    jobs.record_start(tmp_path, ["seed=1"], "irdm", Path("/conf"))
    assert jobs.read_note(tmp_path / jobs.BEGUN) == {"overrides": ["seed=1"], "model": "irdm", jobs.CONFIG_DIR: str(Path("/conf"))}
    jobs.record_start(tmp_path, ["seed=1"])
    assert jobs.read_note(tmp_path / jobs.BEGUN)[jobs.CONFIG_DIR] is None


def test_a_path_below_the_working_folder_is_seen_from_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert jobs.from_here(tmp_path / "a" / "b") == Path("a/b")
    assert jobs.from_here(tmp_path.parent) == tmp_path.parent
    assert jobs.from_here(Path("a")) == Path("a")


def test_how_a_run_is_computed_does_not_make_it_another(tmp_path):
    jobs.record_start(tmp_path, ["seed=1", "launcher=joblib", "threads=1"])
    assert jobs.is_same_job(tmp_path, ["threads=2", "seed=1", "logger=csv"])
    assert not jobs.is_same_job(tmp_path, ["seed=2"])
    jobs.record_end(tmp_path, ["seed=1"], {"val/psnr": 30.0})
    assert jobs.metrics_of(tmp_path) == {"val/psnr": 30.0}
    (tmp_path / jobs.FINISHED).write_text("")  # of a stage of an earlier version
    (tmp_path / jobs.BEGUN).unlink()
    assert jobs.is_finished(tmp_path)
    assert jobs.is_same_job(tmp_path, ["seed=2"])
    assert jobs.metrics_of(tmp_path) == {}


def test_a_run_of_an_earlier_version_is_the_same_by_todays_names(tmp_path):
    jobs.record_start(tmp_path, ["inpainters='run'", "seed=1"])
    assert jobs.is_same_job(tmp_path, ["seed=1", "init={generator.inpainter:'run'}"])
    assert not jobs.is_same_job(tmp_path, ["seed=1", "init={generator.inpainter:'other'}"])


def test_a_folder_that_says_nothing_is_anybody_s(tmp_path):
    assert jobs.is_same_job(tmp_path, ["seed=1"])
    assert jobs.options_of(tmp_path) == []
    assert jobs.metrics_of(tmp_path) == {}
    assert not jobs.is_finished(tmp_path)


def test_beginning_again_takes_back_that_it_was_finished(tmp_path):
    jobs.record_start(tmp_path, ["seed=1"], "irdm")
    (tmp_path / jobs.FAILED).write_text("a second process was refused")
    jobs.record_end(tmp_path, ["seed=1"], {"val/psnr": 30.0})
    assert not (tmp_path / jobs.FAILED).exists()
    assert jobs.options_of(tmp_path) == ["seed=1"]
    jobs.record_start(tmp_path, ["seed=1", "trainer.max_epochs=9"], "irdm")
    assert not jobs.is_finished(tmp_path)
    assert jobs.options_of(tmp_path) == ["seed=1", "trainer.max_epochs=9"]


@pytest.mark.parametrize("text", ["", '{"overrides": ["see', "[1]", "null"])
def test_a_note_that_was_cut_short_says_nothing(text, tmp_path):
    (tmp_path / jobs.BEGUN).write_text(text)
    assert jobs.read_note(tmp_path / jobs.BEGUN) == {}
    assert jobs.read_note(tmp_path / "nowhere") == {}
    assert jobs.options_of(tmp_path) == []


def test_jobs_are_those_that_were_begun_by_number_and_then_by_name(tmp_path):
    for name in ("10", "9", "named", "begun_only"):
        (tmp_path / name).mkdir()
    (tmp_path / "refused" / ".hydra").mkdir(parents=True)
    (tmp_path / "multirun.yaml").touch()
    for name in ("10", "begun_only"):
        jobs.record_start(tmp_path / name, [])
    for name in ("9", "named"):
        (tmp_path / name / jobs.RECORD).touch()
    assert [job.name for job in jobs.jobs_in(tmp_path)] == ["9", "10", "begun_only", "named"]
    assert jobs.jobs_in(tmp_path / "nowhere") == []


def test_two_processes_do_not_train_in_one_folder(tmp_path):
    folder = tmp_path / "new" / "run"
    with jobs.claimed(folder), pytest.raises(InputError, match="another process"), jobs.claimed(folder):
        pytest.fail("it was given to a second one")
    with jobs.claimed(folder):
        assert jobs.is_claimed(folder)
    assert not jobs.is_claimed(folder)
    with jobs.claimed(folder):
        pass


def test_the_notes_of_a_run_may_be_written_and_read_while_it_is_claimed(tmp_path):
    with jobs.claimed(tmp_path):
        jobs.record_start(tmp_path, ["seed=1"])
        assert jobs.options_of(tmp_path) == ["seed=1"]
        assert jobs.is_claimed(tmp_path)
        jobs.record_end(tmp_path, ["seed=1"], {})
    assert jobs.is_finished(tmp_path)


def test_a_refused_attempt_leaves_what_a_folder_says_of_its_run(tmp_path):
    (tmp_path / LAST).parent.mkdir()
    (tmp_path / LAST).touch()
    with jobs.started(tmp_path, ["seed=1"], "irdm"):
        pass
    jobs.record_end(tmp_path, ["seed=1"], {"val/psnr": 20.0})
    with pytest.raises(InputError, match="another wedge"), jobs.started(tmp_path, ["seed=1", "wedge.min_deg=20"], "irdm"):
        raise InputError("it was trained on another wedge")
    assert jobs.metrics_of(tmp_path) == {"val/psnr": 20.0}
    assert jobs.options_of(tmp_path) == ["seed=1"]


@pytest.mark.parametrize("error", [InputError("the pixel loss is NaN"), RuntimeError("a bug")])
def test_one_that_has_trained_is_not_finished_any_more(error, tmp_path):
    jobs.record_end(tmp_path, ["seed=1"], {"val/psnr": 20.0})
    (tmp_path / LAST).parent.mkdir()
    (tmp_path / LAST).touch()
    os.utime(tmp_path / LAST, ns=(1, 1))

    def diverge() -> None:
        with jobs.started(tmp_path, ["seed=1", "trainer.max_epochs=3"], "irdm"):
            (tmp_path / LAST).write_text("an epoch more")
            raise error

    with pytest.raises(type(error)):
        diverge()
    assert not jobs.is_finished(tmp_path)
    assert jobs.options_of(tmp_path) == ["seed=1", "trainer.max_epochs=3"]


@pytest.mark.parametrize(
    ("ranks", "first"),
    [({}, True), (dict.fromkeys(RANKS, "0"), True), *[({"LOCAL_RANK": "0"} | {name: "1"}, False) for name in RANKS]],
)
def test_the_first_process_on_the_first_machine_keeps_the_books(ranks, first, monkeypatch):
    for name in RANKS:
        monkeypatch.delenv(name, raising=False)
    for name, rank in ranks.items():
        monkeypatch.setenv(name, rank)
    assert jobs.is_first_process() == first
