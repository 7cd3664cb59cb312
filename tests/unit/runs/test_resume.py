"""``resume=FOLDER`` alone: the command line that a folder gives back, and what can't be gone on with."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from mwgan.errors import InputError
from mwgan.files.checkpoints import LAST
from mwgan.runs import folder as jobs
from mwgan.runs.resume import has_begun, quoted, read_yaml, unquoted, whole_command


def recorded(folder: Path, *options: str) -> None:
    """A run folder as Hydra leaves it."""
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "overrides.yaml").write_text("".join(f"- {option}\n" for option in options))


def checkpointed(folder: Path) -> None:
    (folder / LAST).parent.mkdir()
    (folder / LAST).touch()


@pytest.mark.parametrize("arguments", [["seed=3"], ["resume=null"], ["resume="], ["--cfg", "job"], ["resume=.", "seed=1"]])
def test_a_command_that_resumes_nothing_is_left_as_it_is(arguments):
    assert whole_command(arguments) == arguments


def test_what_stands_beside_resume_wins(tmp_path):
    recorded(tmp_path / "run", "seed=1", "+x=2", "paths.run_dir=elsewhere", "resume=earlier")
    resume = f"resume={tmp_path / 'run'}"
    where = f"paths.run_dir='{tmp_path / 'run'}'"
    assert whole_command([resume, "seed=3"]) == ["+x=2", "seed=3", where]  # nothing was trained: nothing to go on from
    checkpointed(tmp_path / "run")
    assert whole_command([resume]) == ["seed=1", "+x=2", where, f"resume='{tmp_path / 'run'}'"]
    assert whole_command([resume, "paths.run_dir=new"])[-2:] == ["paths.run_dir=new", f"resume='{tmp_path / 'run'}'"]
    for by_itself in ([resume, "experiment=demo/pixel"], ["-m", resume, "seed=0,1"], ["resume=irdm"], ["seed=3"]):
        assert whole_command(by_itself) == by_itself


def test_what_the_run_noted_of_itself_counts_before_hydras_record(tmp_path):
    """Hydra's record is written over by an attempt that is refused."""
    recorded(tmp_path, "seed=1", "wedge.min_deg=20")
    jobs.finish(tmp_path, ["seed=1"], {})
    assert whole_command([f"resume={tmp_path}"]) == ["seed=1", f"paths.run_dir='{tmp_path}'"]


def test_a_sweeps_folder_gives_its_command_again(tmp_path):
    recorded(tmp_path / "0", "seed=0")
    (tmp_path / "multirun.yaml").write_text(
        "hydra:\n  overrides:\n    hydra: [hydra.mode=MULTIRUN, hydra.sweep.dir=x, hydra.sweeper.n_trials=3]\n"
        "    task: [launcher=joblib, 'seed=0,1', threads=1]\n"
    )
    where = f"hydra.sweep.dir='{tmp_path}'"
    assert whole_command([f"resume={tmp_path}", "threads=2"]) == [
        *("-m", "launcher=joblib", "seed=0,1", "hydra.sweeper.n_trials=3", "threads=2", where)
    ]


def test_a_folder_that_holds_nothing_to_go_on_from_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match="holds no run or sweep to go on from"):
            whole_command([f"resume={folder}"])
    (tmp_path / "multirun.yaml").touch()
    with pytest.raises(InputError, match=r"go on with it by mwgan-train resume='.*', without -m"):
        whole_command(["-m", f"resume={tmp_path}", "seed=0,1"])


def test_a_checkpoint_beside_an_experiment_need_not_be_ours(tmp_path):
    (tmp_path / "theirs.ckpt").touch()
    arguments = [f"resume={tmp_path / 'theirs.ckpt'}", "experiment=demo/pixel"]
    assert whole_command(arguments) == arguments


def test_a_run_has_begun_with_a_checkpoint_or_a_stage(tmp_path):
    assert not has_begun(tmp_path)
    recorded(tmp_path / "inpainting", "seed=1")
    assert has_begun(tmp_path)
    checkpointed(tmp_path / "inpainting")
    assert has_begun(tmp_path / "inpainting")


@pytest.mark.parametrize(
    ("file", "remedy"), [("multirun.yaml", "with -m and hydra.sweep.dir="), (".hydra/overrides.yaml", "give experiment= and the options")]
)
def test_a_record_that_cannot_be_read_is_named_with_a_remedy(file, remedy, tmp_path):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("{")
    with pytest.raises(InputError, match=rf"{Path(file).name} can't be read: .*{remedy}"):
        whole_command([f"resume={tmp_path}"])


def test_a_record_keeps_its_interpolations(tmp_path):
    (tmp_path / "x.yaml").write_text("size: 3\nhalf: ${size}\n")
    assert read_yaml(tmp_path / "x.yaml") == {"size": 3, "half": "${size}"}


@pytest.mark.parametrize("path", ["run", "a folder", "it's=here,there", "a\\b", "C:\\it's\\", "\\'", "[0]"])
def test_a_path_is_quoted_as_hydra_reads_it(path):
    text = quoted(PureWindowsPath(path) if "\\" in path else PurePosixPath(path))
    (override,) = OverridesParser.create().parse_overrides([f"resume={text}"])
    assert PureWindowsPath(override.value()) == PureWindowsPath(path)
    assert unquoted(text) == override.value()


@pytest.mark.parametrize(
    ("value", "text"), [("run", "run"), ('"a run"', "a run"), ("'", "'"), ("", ""), ("it's", "it's"), ("'a\"", "'a\"")]
)
def test_a_value_is_itself_or_what_is_between_its_quotes(value, text):
    assert unquoted(value) == text
