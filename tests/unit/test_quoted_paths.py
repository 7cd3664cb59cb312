"""Paths inside Hydra's options: those of Windows and those with quotes come out as they went in."""

from __future__ import annotations

from pathlib import PurePath, PurePosixPath, PureWindowsPath

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from mwgan.files.record import _without_folders
from mwgan.runs.options import quoted, unquoted

PATHS = [
    PureWindowsPath(r"C:\runs\train\2026-01-31"),
    PureWindowsPath("C:\\"),
    PureWindowsPath("//server/share/"),
    PureWindowsPath(r"D:\Program Files (x86)\a=1,b"),
    PureWindowsPath(r"C:\Users\o'neil\'new'"),
    PurePosixPath("/home/me/'it'"),
    PurePosixPath("ends with a quote'"),
    PurePosixPath("a backslash\\"),
    PurePosixPath("both\\'"),
    PurePosixPath("50 %/Größe"),
]


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_hydra_reads_a_path_whole(path: PurePath):
    parser = OverridesParser.create()
    assert parser.parse_override(f"resume={quoted(path)}").value() == str(path)
    assert parser.parse_override(f"checkpoints={{mine: {quoted(path)}, other: {quoted(path)}}}").value() == dict.fromkeys(
        ("mine", "other"), str(path)
    )
    assert unquoted(quoted(path)) == str(path)


@pytest.mark.parametrize("value", [r"C:\runs\new", "outputs/run", "'", "", "'open", 'a"b', "it's"])
def test_a_value_without_quotes_is_itself(value: str):
    assert unquoted(value) == value


def test_either_kind_of_quotes_is_taken_off():
    assert unquoted('"C:\\my runs\\a"') == r"C:\my runs\a"
    assert unquoted("'it\\'s'") == "it's"


@pytest.mark.parametrize(
    ("message", "left"),
    [
        (r"mwgan-train init='C:\Users\John Smith\runs\a' seed=1 x=D:/lab/b/c.ckpt", "mwgan-train init='a' seed=1 x=c.ckpt"),
        (r"\\server\share\lab\run", "run"),
        ("/home/me/run init=/data/x/best.ckpt", "run init=best.ckpt"),
        ("https://arxiv.org/abs/2003.12259", "https://arxiv.org/abs/2003.12259"),
        ("outputs/train/run", "outputs/train/run"),
    ],
)
def test_a_file_that_travels_tells_no_folders_of_either_system(message: str, left: str):
    assert _without_folders({"command": [message]}) == {"command": [left]}
