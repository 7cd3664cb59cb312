"""Decoded slices are kept by content: nothing is decoded twice, and a stop in the middle loses nothing."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from mwgan.data.decoding import Decoded
from mwgan.data.slice_cache import SliceCache, mapped
from mwgan.errors import InputError

FORK = multiprocessing.get_context("fork")


class Decoder:
    """Two 4 x 4 slices of the number that a file holds; it notes each file it is called for."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __call__(self, file: Path) -> Decoded:
        self.calls.append(file.name)
        return Decoded("somebody", np.full((2, 4, 4), float(file.read_text()), dtype=np.float32))


@pytest.fixture
def files(tmp_path) -> list[Path]:
    paths = [tmp_path / f"{number}.txt" for number in range(5)]
    for number, path in enumerate(paths):
        path.write_text(f"0.{number}")
    return paths


@pytest.fixture
def decoder() -> Decoder:
    return Decoder()


def cache(tmp_path: Path, **settings: object) -> SliceCache:
    return SliceCache(tmp_path / "cache", {"size": 4, **settings})


def left_behind(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "cache").rglob("*") if path.name.endswith(".partial")]


def test_every_file_has_its_entry(tmp_path, files, decoder):
    entries, skipped = cache(tmp_path).entries(files, decoder)
    assert [entry.path for entry in entries] == files
    assert [(entry.subject, entry.count) for entry in entries] == [("somebody", 2)] * 5
    for number, entry in enumerate(entries):
        np.testing.assert_array_equal(mapped(entry.slices), np.full((2, 4, 4), number / 10, dtype=np.float16))
    assert skipped == []
    assert left_behind(tmp_path) == []


def test_slices_are_read_from_the_disk_as_they_are_looked_at(tmp_path, files, decoder):
    array = mapped(cache(tmp_path).entries(files, decoder)[0][0].slices)
    assert isinstance(array, np.memmap)
    assert not array.flags.writeable


def test_a_second_time_nothing_is_decoded(tmp_path, files, decoder):
    first = cache(tmp_path).entries(files, decoder)
    assert len(decoder.calls) == 5
    assert cache(tmp_path).entries(files, decoder) == first
    assert len(decoder.calls) == 5


def test_a_second_time_no_file_is_read_either(tmp_path, files, decoder, monkeypatch):
    cache(tmp_path).entries(files, decoder)
    monkeypatch.setattr("mwgan.data.slice_cache.sha256", lambda file: pytest.fail(f"{file} was read"))
    assert len(cache(tmp_path).entries(files, decoder)[0]) == 5


@pytest.mark.parametrize("other", [{"size": 8}, {"window": (40.0, 400.0)}, {"kind": "photograph"}])
def test_other_settings_are_other_entries(tmp_path, files, decoder, other):
    first = cache(tmp_path).entries(files, decoder)[0]
    second = cache(tmp_path, **other).entries(files, decoder)[0]
    assert len(decoder.calls) == 10
    assert {entry.slices for entry in first}.isdisjoint(entry.slices for entry in second)


def test_a_file_changed_under_its_name_is_decoded_anew(tmp_path, files, decoder):
    cache(tmp_path).entries(files, decoder)
    before = files[2].stat().st_mtime_ns
    files[2].write_text("0.9")  # as long as it was
    os.utime(files[2], ns=(before + 1_000_000, before + 1_000_000))
    entries, _ = cache(tmp_path).entries(files, decoder)
    assert decoder.calls[5:] == ["2.txt"]
    assert mapped(entries[2].slices)[0, 0, 0] == np.float16(0.9)


def test_a_file_with_another_name_and_the_same_content_is_known(tmp_path, files, decoder):
    cache(tmp_path).entries(files, decoder)
    moved = files[2].rename(tmp_path / "moved.txt")
    entries, _ = cache(tmp_path).entries([moved], decoder)
    assert len(decoder.calls) == 5
    assert entries[0].path == moved


def test_an_entry_whose_slices_are_gone_is_decoded_anew(tmp_path, files, decoder):
    entries, _ = cache(tmp_path).entries(files, decoder)
    entries[3].slices.unlink()
    assert cache(tmp_path).entries(files, decoder)[0] == entries
    assert decoder.calls[5:] == ["3.txt"]
    assert entries[3].slices.is_file()


def test_broken_files_are_left_out_with_their_reason_and_no_folder_in_it(tmp_path, files, decoder):
    def stumble(file: Path) -> Decoded:
        if file.name in ("1.txt", "3.txt"):
            raise OSError(f"cannot make sense of '{file}'\nat all")
        return decoder(file)

    entries, skipped = cache(tmp_path).entries(files, stumble)
    assert [entry.path.name for entry in entries] == ["0.txt", "2.txt", "4.txt"]
    assert skipped == [(files[1], "OSError: cannot make sense of '1.txt'"), (files[3], "OSError: cannot make sense of '3.txt'")]


def test_a_file_that_is_gone_is_left_out(tmp_path, files, decoder):
    files[1].unlink()
    entries, skipped = cache(tmp_path).entries(files, decoder)
    assert len(entries) == 4
    assert skipped[0][0] == files[1]


def test_what_no_file_is_to_blame_for_is_not_put_on_one(tmp_path, files):
    def lacking(file: Path) -> Decoded:
        raise InputError("a package is missing")

    with pytest.raises(InputError, match="a package is missing"):
        cache(tmp_path).entries(files, lacking)


def test_a_full_disk_is_not_taken_for_a_broken_file(tmp_path, files, decoder, monkeypatch):
    def full(stream: object, array: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mwgan.data.slice_cache.np.save", full)
    with pytest.raises(InputError, match=r"No space left on device.*paths\.cache"):
        cache(tmp_path).entries(files, decoder)
    assert left_behind(tmp_path) == []


def test_a_cache_where_no_folder_can_be_made_is_refused(tmp_path, files, decoder):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(InputError, match=r"cache .*paths\.cache"):
        cache(tmp_path).entries(files, decoder)


def test_interrupted_in_the_middle_it_goes_on_behind_the_last_file(tmp_path, files, decoder):
    def interrupted(file: Path) -> Decoded:
        if file.name == "3.txt":
            raise KeyboardInterrupt
        return decoder(file)

    with pytest.raises(KeyboardInterrupt):
        cache(tmp_path).entries(files, interrupted)
    assert len(cache(tmp_path).entries(files, decoder)[0]) == 5
    assert decoder.calls == ["0.txt", "1.txt", "2.txt", "3.txt", "4.txt"]


@pytest.mark.parametrize("what", ["slices", "record"])
def test_killed_while_writing_it_goes_on_with_that_file(tmp_path, files, decoder, monkeypatch, what):
    store, save, dumps = cache(tmp_path), np.save, json.dumps

    def half_the_slices(stream, array):
        if array[0, 0, 0] > 0.15:
            stream.write(b"half")
            stream.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        save(stream, array)

    def no_record(message):
        if message["file"] == "2.txt":
            os.kill(os.getpid(), signal.SIGKILL)
        return dumps(message)

    def killed() -> None:
        if what == "slices":
            monkeypatch.setattr("mwgan.data.slice_cache.np.save", half_the_slices)
        else:
            monkeypatch.setattr("mwgan.data.slice_cache.json.dumps", no_record)
        store.entries(files, Decoder())

    process = FORK.Process(target=killed)
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    entries, skipped = cache(tmp_path).entries(files, decoder)
    assert decoder.calls == ["2.txt", "3.txt", "4.txt"]
    assert skipped == []
    assert [float(mapped(entry.slices)[1, 3, 3]) for entry in entries] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4], abs=1e-3)


def test_two_processes_may_fill_one_cache_at_once(tmp_path, decoder):
    files = [tmp_path / f"{number:03d}.txt" for number in range(60)]
    for number, path in enumerate(files):
        path.write_text(f"0.{number:03d}")
    together = FORK.Barrier(2)

    def fill() -> None:
        together.wait(20)
        entries, skipped = cache(tmp_path).entries(files, Decoder())
        whole = all(mapped(entry.slices).shape == (2, 4, 4) for entry in entries)
        os._exit(0 if whole and not skipped and len(entries) == 60 else 1)

    processes = [FORK.Process(target=fill) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    entries, _ = cache(tmp_path).entries(files, decoder)
    assert decoder.calls == []
    assert [float(mapped(entry.slices)[0, 0, 0]) for entry in entries] == pytest.approx([number / 1000 for number in range(60)], abs=1e-3)
    assert left_behind(tmp_path) == []


def test_long_decoding_says_how_far_it_is(tmp_path):
    message: list[str] = []
    files = [tmp_path / f"{number}.txt" for number in range(502)]
    for number, path in enumerate(files):
        path.write_text(f"0.{number:03d}")
    for _ in range(2):
        cache(tmp_path).entries(files, Decoder(), message.append)
    assert message == ["decoded 500 of 502 files"]
