"""The user's own configuration folder: noted, found again, handed on."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from mwgan.errors import InputError
from mwgan.runs.config_dir import config_dir, config_dir_of, config_dir_of_run, config_flags, names_config_dir, parted
from mwgan.runs.folder import record_start

SOURCES = [
    {"path": "hydra.conf", "schema": "pkg", "provider": "hydra"},
    {"path": "/program/conf", "schema": "file", "provider": "main"},
    {"path": "/home/me/conf", "schema": "file", "provider": "command-line"},
]


def hydras(folder: Path, sources: list[dict[str, str]]) -> None:
    """Hydra's own record of a run."""
    (folder / ".hydra").mkdir()
    OmegaConf.save({"hydra": {"runtime": {"config_sources": sources}}}, folder / ".hydra" / "hydra.yaml")


def test_flags_go_before_options_with_their_values():
    arguments = ["experiment=mine", "--config-dir", "a=b", "-m", "seed=0,1", "-c", "job", "--resolve", "--config-name=train"]
    flags = ["--config-dir", "a=b", "-m", "-c", "job", "--resolve", "--config-name=train"]
    assert parted(arguments) == (flags, ["experiment=mine", "seed=0,1"])
    assert parted([]) == ([], [])
    assert parted(["-cd"]) == (["-cd"], [])  # Hydra says what is missing


def test_a_folder_among_the_flags_is_seen_however_it_is_given():
    assert all(names_config_dir(flags) for flags in (["--config-dir", "a"], ["-m", "-cd", "a"], ["--config-dir=a"]))
    assert not names_config_dir(["-m", "--config-name", "--config"])


def test_the_folder_of_this_process_is_the_one_that_the_command_line_added(monkeypatch):
    settings = OmegaConf.create({"runtime": {"config_sources": SOURCES}})
    monkeypatch.setattr(HydraConfig, "get", staticmethod(lambda: settings))
    assert config_dir() == Path("/home/me/conf")
    settings.runtime.config_sources = SOURCES[:2]
    assert config_dir() is None


def test_a_run_tells_its_folder_by_its_own_note_before_hydras(tmp_path):
    assert config_dir_of_run(tmp_path) is None
    hydras(tmp_path, SOURCES)
    assert config_dir_of_run(tmp_path) == Path("/home/me/conf")  # of an earlier version, which left no note of it
    record_start(tmp_path, ["seed=1"], "irdm", Path("/elsewhere"))
    assert config_dir_of_run(tmp_path) == Path("/elsewhere")
    record_start(tmp_path, ["seed=1"], "irdm")
    assert config_dir_of_run(tmp_path) is None


def test_a_sweep_tells_its_folder_by_hydras_record():
    assert config_dir_of({"hydra": {"runtime": {"config_sources": SOURCES}}}) == Path("/home/me/conf")
    assert config_dir_of({"hydra": {"overrides": {"task": []}}}) is config_dir_of({}) is None


def test_the_flag_names_the_folder_from_here_if_it_can(tmp_path, monkeypatch):
    (tmp_path / "mine" / "conf").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert config_flags(tmp_path / "mine" / "conf") == ["--config-dir", "mine/conf"]
    monkeypatch.chdir(tmp_path / "mine" / "conf")
    assert config_flags(tmp_path / "mine") == ["--config-dir", str(tmp_path / "mine")]
    assert config_flags(None) == []


def test_a_folder_that_is_gone_is_named_with_the_remedy(tmp_path):
    with pytest.raises(InputError, match=r"configuration folder .*/gone is missing: give its new place by --config-dir"):
        config_flags(tmp_path / "gone")
