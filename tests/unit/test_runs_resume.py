"""``resume=FOLDER``: the command that made the folder, again."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from mwgan.errors import InputError
from mwgan.runs.folder import begin
from mwgan.runs.hydra_records import OVERRIDES, SWEEP, read_yaml
from mwgan.runs.resume import has_begun, whole_command


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


def where(folder: Path) -> str:
    return f"paths.run_dir='{folder}'"


def test_the_folder_of_configuration_comes_back_before_the_options(run, conf):
    begin(run, ["experiment=mine", "seed=1"], "mine", conf)
    assert whole_command([f"resume={run}"]) == ["--config-dir", str(conf), "experiment=mine", "seed=1", where(run)]


def test_the_users_own_folder_wins_even_where_the_recorded_one_is_gone(run, conf):
    begin(run, ["experiment=mine"], "mine", conf / "gone")
    for flags in (["--config-dir", str(conf)], [f"--config-dir={conf}"], ["-cd", str(conf)]):
        assert whole_command([f"resume={run}", *flags]) == [*flags, "experiment=mine", where(run)]
    with pytest.raises(InputError, match=r"configuration folder .*gone is not there"):
        whole_command([f"resume={run}"])


def test_flags_beside_resume_come_first(run):
    begin(run, ["seed=1"], "irdm")
    assert whole_command([f"resume={run}", "threads=2", "--cfg", "job"]) == ["--cfg", "job", "seed=1", "threads=2", where(run)]
    assert whole_command(["seed=3", "--config-dir", "conf", "threads=1"]) == ["--config-dir", "conf", "seed=3", "threads=1"]


def test_a_sweep_is_swept_on_with_its_folder_of_configuration(tmp_path, conf):
    swept(tmp_path / "with", [{"provider": "command-line", "path": str(conf)}])
    swept(tmp_path / "without", [{"provider": "main", "path": str(conf)}])
    options = ["experiment=mine", "seed=0,1"]
    assert whole_command([f"resume={tmp_path / 'with'}"]) == [
        *("-m", "--config-dir", str(conf), *options, f"hydra.sweep.dir='{tmp_path / 'with'}'")
    ]
    assert whole_command([f"resume={tmp_path / 'without'}"])[:3] == ["-m", *options]
    assert whole_command([f"resume={tmp_path / 'with'}", "-cd", "mine"])[:3] == ["-m", "-cd", "mine"]
    conf.rmdir()
    with pytest.raises(InputError, match="is not there: say by --config-dir"):
        whole_command([f"resume={tmp_path / 'with'}"])


def test_older_names_are_read_as_todays(run):
    begin(run, ["experiment=a", "inpainters='b'"], "a")
    assert whole_command([f"resume={run}"]) == ["experiment=a", "init={generator.inpainter:'b'}", where(run)]
    assert whole_command([f"resume={run}", "inpainters=c"]) == ["experiment=a", "init={generator.inpainter:c}", where(run)]
    assert whole_command(["inpainters=c", "experiment=a"]) == ["init={generator.inpainter:c}", "experiment=a"]


def test_what_has_begun_holds_a_checkpoint_or_a_stage(run):
    assert not has_begun(run)
    (run / "first" / OVERRIDES).parent.mkdir(parents=True)
    (run / "first" / OVERRIDES).touch()
    assert has_begun(run)


def test_a_record_of_hydras_that_cannot_be_read_is_named_with_the_remedy(tmp_path):
    for name, remedy in ((SWEEP, "move it away"), ("overrides.yaml", "give experiment=")):
        (tmp_path / name).write_text("{")
        with pytest.raises(InputError, match=rf"{name} can't be read: {remedy}"):
            read_yaml(tmp_path / name)
    (tmp_path / "fine.yaml").write_text("a: ${b}\n")
    assert read_yaml(tmp_path / "fine.yaml") == {"a": "${b}"}
