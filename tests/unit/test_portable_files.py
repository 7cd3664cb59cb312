"""Files as other systems have them: held open by others, with other ends of lines, printed where characters are few."""

from __future__ import annotations

import io
import os
import signal
import sys

import pytest

from mwgan import signals
from mwgan.errors import InputError
from mwgan.files import atomic
from mwgan.files.atomic import atomic_folder, atomic_write, flush_folder
from mwgan.io import read_tilts
from mwgan.runs.exit import print_anywhere


def refusing(monkeypatch, times: int) -> None:
    """Have the next so many replacements refused, as Windows does while a file is open."""
    left, really = [times], os.replace

    def replace(source, target):
        if left[0]:
            left[0] -= 1
            raise PermissionError(13, "The process cannot access the file because it is being used by another process")
        really(source, target)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(atomic, "PAUSE_S", 0.0)


def test_a_file_that_is_held_for_a_moment_is_replaced_then(tmp_path, monkeypatch):
    refusing(monkeypatch, atomic.TRIES - 1)
    with atomic_write(tmp_path / "a") as partial:
        partial.write_bytes(b"new")
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_file_that_stays_open_elsewhere_is_left_as_it_was(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"old")
    refusing(monkeypatch, atomic.TRIES)
    with pytest.raises(InputError, match="a can't be replaced: close it where it is open"), atomic_write(tmp_path / "a") as partial:
        partial.write_bytes(b"new")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("a", b"old")]


def test_a_folder_takes_the_place_of_an_empty_one(tmp_path):
    (tmp_path / "new").mkdir()
    with atomic_folder(tmp_path / "new") as partial:
        (partial / "a").write_bytes(b"")
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["a"]


def test_a_folder_that_cannot_be_opened_needs_no_flush(tmp_path, monkeypatch):
    flush_folder(tmp_path)
    monkeypatch.setattr(os, "open", lambda *arguments: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    flush_folder(tmp_path)


@pytest.mark.parametrize(
    "content", [b"-60\r\n0.5\r\n60\r\n", b"\xef\xbb\xbf-60\n0.5\n60", b"-60\r0.5\r60\r", b"\r\n -60 \r\n\r\n0.5\n60\r\n"]
)
def test_a_list_of_tilts_may_come_from_any_system(content, tmp_path):
    (tmp_path / "a.tlt").write_bytes(content)
    assert read_tilts(tmp_path / "a.tlt") == [-60, 0.5, 60]


def test_a_character_that_the_terminal_lacks_ends_no_program(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="cp1252"))
    monkeypatch.setattr(sys, "stderr", io.StringIO())  # as in a notebook: it can't be told
    print_anywhere()
    print("±50° −", flush=True)
    assert written.getvalue().decode("cp1252") == "±50° ?" + os.linesep


def test_only_signals_that_are_there_are_asked_for(monkeypatch):
    monkeypatch.delattr(signal, "SIGUSR1", raising=False)
    assert signals.there("SIGINT", "SIGUSR1", "SIGBREAK") == (signal.SIGINT, *([signal.SIGBREAK] if os.name == "nt" else []))
    assert {signal.SIGINT, signal.SIGTERM} <= set(signals.STOPS)
