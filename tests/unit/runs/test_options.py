"""What options say of a run, and older names of them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from mwgan.paths import conf_dir
from mwgan.runs.options import job_of, key_of, quoted, renamed, renamed_stage, unquoted


def test_the_key_of_an_option_has_no_sign():
    assert [key_of(option) for option in ("seed=3", "+x.y=a=b", "~trainer.devices", "++a={b: 1}")] == [
        "seed",
        "x.y",
        "trainer.devices",
        "a",
    ]


def test_what_is_computed_tells_runs_apart_and_how_it_is_computed_does_not():
    options = ["seed=3", "+data.seed=1", "threads=1", "allow=[mynet]", "trainer.devices=2", "paths.run_dir=x", "resume=y", "wedge=x"]
    assert job_of(options) == ["data.seed=1", "seed=3", "wedge=x"]


@pytest.mark.parametrize(
    ("older", "today"),
    [
        (["inpainters=run", "seed=1"], ["init={generator.inpainter:run}", "seed=1"]),
        (["inpainters='a b/c'"], ["init={generator.inpainter:'a b/c'}"]),
        (["+inpainters=run"], ["init={generator.inpainter:run}"]),
        (["inpainters=null"], ["init=null"]),
        (["inpainters=a,'b c'"], ["init={generator.inpainter:a},{generator.inpainter:'b c'}"]),
        (["init=joint", "inpainters=run"], ["init=joint", "model.examples.inpainters=run"]),
        (["seed=1,2", "init=irdm"], ["seed=1,2", "init=irdm"]),
    ],
)
def test_options_of_earlier_versions_have_todays_names(older, today):
    assert renamed(older) == today
    assert job_of(older) == job_of(today)


@pytest.mark.parametrize("run", ["outputs/train/ding2019/inpainting/2024-01-02_03-04-05", "'/home/me/my runs/it\\'s'", "a.b-c"])
def test_hydra_reads_what_was_renamed(run):
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        cfg = compose("train", overrides=renamed([f"inpainters={run}"]))
    assert OmegaConf.to_container(cfg.init) == {"generator.inpainter": run.strip("'").replace("\\'", "'")}


def test_a_stage_of_an_earlier_version_has_todays_names():
    assert renamed_stage({"experiment": "a", "init": "first"}) == {"experiment": "a", "init": "first"}
    expected = {"experiment": "a", "init": {"generator.inpainter": "first"}, "takes": ["cache"]}
    assert renamed_stage({"experiment": "a", "inpainters": "first"}) == expected


def test_a_quoted_path_is_read_whole():
    folder = Path("it's a=folder, {really}")
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        assert compose("train", overrides=[f"init={quoted(folder)}"]).init == str(folder)


@pytest.mark.parametrize("path", ["run", "a folder", "it's=here,there", "a\\b", "C:\\it's\\", "\\'", "[0]"])
def test_a_path_of_any_system_is_quoted_as_hydra_reads_it(path):
    text = quoted(PureWindowsPath(path) if "\\" in path else PurePosixPath(path))
    (override,) = OverridesParser.create().parse_overrides([f"resume={text}"])
    assert PureWindowsPath(override.value()) == PureWindowsPath(path)
    assert unquoted(text) == override.value()


@pytest.mark.parametrize(
    ("value", "text"), [("run", "run"), ('"a run"', "a run"), ("'", "'"), ("", ""), ("it's", "it's"), ("'a\"", "'a\"")]
)
def test_a_value_is_itself_or_what_is_between_its_quotes(value, text):
    assert unquoted(value) == text
