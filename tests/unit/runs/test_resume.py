"""``resume=FOLDER`` alone: the command line that a folder gives back, and what can't be continued."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from mwgan.errors import InputError
from mwgan.files.checkpoints import LAST
from mwgan.runs import folder as jobs
from mwgan.runs.hydra_records import OVERRIDES, SWEEP
from mwgan.runs.resume import RECORDED, has_begun, whole_command


def recorded(folder: Path, *options: str) -> None:
    """A run folder as Hydra leaves it."""
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "overrides.yaml").write_text("".join(f"- {option}\n" for option in options))


def checkpointed(folder: Path) -> None:
    (folder / LAST).parent.mkdir()
    (folder / LAST).touch()


@pytest.fixture
def conf(tmp_path) -> Path:
    (tmp_path / "conf").mkdir()
    return tmp_path / "conf"


@pytest.fixture
def run(tmp_path) -> Path:
    """A run folder with Hydra's record of its options, and nothing trained."""
    folder = tmp_path / "run"
    (folder / OVERRIDES).parent.mkdir(parents=True)
    (folder / OVERRIDES).write_text("- seed=9\n")
    return folder


def swept(folder: Path, sources: list[dict[str, str]]) -> None:
    folder.mkdir()
    hydra = {"overrides": {"task": ["experiment=mine", "seed=0,1"], "hydra": []}, "runtime": {"config_sources": sources}}
    OmegaConf.save({"hydra": hydra}, folder / SWEEP)


def command(arguments: list[str]) -> list[str]:
    """The whole command, without the mark of what a folder says."""
    return [argument for argument in whole_command(arguments) if argument != RECORDED]


def where(folder: Path) -> str:
    return f"paths.run_dir='{folder}'"


@pytest.mark.parametrize("arguments", [["seed=3"], ["resume=null"], ["resume="], ["--cfg", "job"], ["resume=.", "seed=1"]])
def test_a_command_that_resumes_nothing_is_left_as_it_is(arguments):
    assert command(arguments) == arguments


def test_what_stands_beside_resume_wins(tmp_path):
    recorded(tmp_path / "run", "seed=1", "+x=2", "paths.run_dir=elsewhere", "resume=earlier")
    resume = f"resume={tmp_path / 'run'}"
    where = f"paths.run_dir='{tmp_path / 'run'}'"
    assert command([resume, "seed=3"]) == ["+x=2", "seed=3", where]  # nothing was trained: nothing to resume from
    checkpointed(tmp_path / "run")
    assert command([resume]) == ["seed=1", "+x=2", where, f"resume='{tmp_path / 'run'}'"]
    assert command([resume, "paths.run_dir=new"])[-2:] == ["paths.run_dir=new", f"resume='{tmp_path / 'run'}'"]
    for by_itself in ([resume, "experiment=demo/pixel"], ["-m", resume, "seed=0,1"], ["resume=irdm"], ["seed=3"]):
        assert command(by_itself) == by_itself


def test_what_the_run_noted_of_itself_counts_before_hydras_record(tmp_path):
    """Hydra's record is written over by an attempt that is refused."""
    recorded(tmp_path, "seed=1", "wedge.min_deg=20")
    jobs.record_end(tmp_path, ["seed=1"], {})
    assert command([f"resume={tmp_path}"]) == ["seed=1", f"paths.run_dir='{tmp_path}'"]


def test_a_sweeps_folder_gives_its_command_again(tmp_path):
    recorded(tmp_path / "0", "seed=0")
    (tmp_path / "multirun.yaml").write_text(
        "hydra:\n  overrides:\n    hydra: [hydra.mode=MULTIRUN, hydra.sweep.dir=x, hydra.sweeper.n_trials=3]\n"
        "    task: [launcher=joblib, 'seed=0,1', threads=1]\n"
    )
    where = f"hydra.sweep.dir='{tmp_path}'"
    assert command([f"resume={tmp_path}", "threads=2"]) == [
        *("-m", "launcher=joblib", "seed=0,1", "hydra.sweeper.n_trials=3", "threads=2", where)
    ]


def test_a_folder_that_holds_nothing_to_go_on_from_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match="has no run or sweep to resume"):
            command([f"resume={folder}"])
    (tmp_path / "multirun.yaml").touch()
    with pytest.raises(InputError, match=r"resume it by mwgan-train resume='.*', without -m"):
        command(["-m", f"resume={tmp_path}", "seed=0,1"])


def test_a_checkpoint_beside_an_experiment_need_not_be_ours(tmp_path):
    (tmp_path / "theirs.ckpt").touch()
    arguments = [f"resume={tmp_path / 'theirs.ckpt'}", "experiment=demo/pixel"]
    assert command(arguments) == arguments


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
        command([f"resume={tmp_path}"])


def test_the_folder_of_configuration_comes_back_before_the_options(run, conf):
    jobs.record_start(run, ["experiment=mine", "seed=1"], "mine", conf)
    assert command([f"resume={run}"]) == ["--config-dir", str(conf), "experiment=mine", "seed=1", where(run)]


def test_the_users_own_folder_wins_even_where_the_recorded_one_is_gone(run, conf):
    jobs.record_start(run, ["experiment=mine"], "mine", conf / "gone")
    for flags in (["--config-dir", str(conf)], [f"--config-dir={conf}"], ["-cd", str(conf)]):
        assert command([f"resume={run}", *flags]) == [*flags, "experiment=mine", where(run)]
    with pytest.raises(InputError, match=r"configuration folder .*gone is missing"):
        command([f"resume={run}"])


def test_flags_beside_resume_come_first(run):
    jobs.record_start(run, ["seed=1"], "irdm")
    assert command([f"resume={run}", "threads=2", "--cfg", "job"]) == ["--cfg", "job", "seed=1", "threads=2", where(run)]
    assert command(["seed=3", "--config-dir", "conf", "threads=1"]) == ["--config-dir", "conf", "seed=3", "threads=1"]


def test_a_sweep_is_swept_on_with_its_folder_of_configuration(tmp_path, conf):
    swept(tmp_path / "with", [{"provider": "command-line", "path": str(conf)}])
    swept(tmp_path / "without", [{"provider": "main", "path": str(conf)}])
    options = ["experiment=mine", "seed=0,1"]
    assert command([f"resume={tmp_path / 'with'}"]) == [
        *("-m", "--config-dir", str(conf), *options, f"hydra.sweep.dir='{tmp_path / 'with'}'")
    ]
    assert command([f"resume={tmp_path / 'without'}"])[:3] == ["-m", *options]
    assert command([f"resume={tmp_path / 'with'}", "-cd", "mine"])[:3] == ["-m", "-cd", "mine"]
    conf.rmdir()
    with pytest.raises(InputError, match="is missing: give its new place by --config-dir"):
        command([f"resume={tmp_path / 'with'}"])


def test_older_names_are_read_as_todays(run):
    jobs.record_start(run, ["experiment=a", "inpainters='b'"], "a")
    assert command([f"resume={run}"]) == ["experiment=a", "init={generator.inpainter:'b'}", where(run)]
    assert command([f"resume={run}", "inpainters=c"]) == ["experiment=a", "init={generator.inpainter:c}", where(run)]
    assert command(["inpainters=c", "experiment=a"]) == ["init={generator.inpainter:c}", "experiment=a"]


def test_what_a_folder_says_is_marked_and_may_open_nothing(run, tmp_path):
    jobs.record_start(run, ["seed=1", "allow=[evil]", "recorded=false"], "irdm")
    assert whole_command([f"resume={run}", "threads=2"]) == ["seed=1", "threads=2", RECORDED, where(run)]
    swept(tmp_path / "sweep", [])
    assert RECORDED in whole_command([f"resume={tmp_path / 'sweep'}"])
    assert "allow=[mine]" in whole_command([f"resume={run}", "allow=[mine]"])
