"""mwgan reconstruct that is ended from outside: the same command continues, and what comes out is the same to the bit."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
import time

import pytest
from called import mwgan
from typer.testing import CliRunner

from mwgan.cli.main import app

SIZE, SLICES = 48, 16


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    folder = tmp_path_factory.mktemp("series")
    made = CliRunner().invoke(app, ["simulate", str(folder / "s.mrc"), "--size", str(SIZE), "--slices", str(SLICES), "--step", "4"])
    assert made.exit_code == 0, made.exception
    return folder / "s.mrc"


def command(series, output, *options):
    return ["reconstruct", series, "-o", output, "--block", "2", *options]


def start(series, output, *options):
    program = [sys.executable, "-m", "mwgan.cli.main", *map(str, command(series, output, *options))]
    return subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_journal(folder, process, entries=2):
    """Until so many blocks are noted, or it has ended."""
    while process.poll() is None:
        for journal in folder.glob(".*.partial/journal"):
            try:
                if len(journal.read_bytes().splitlines()) > entries:
                    return
            except OSError:  # it has gone in between
                continue
        time.sleep(0.01)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process on SIGTERM without asking")
def test_sigterm_says_that_it_can_be_gone_on_with_and_the_same_command_does(series, tmp_path):
    output, options = tmp_path / "v.mrc", ("--method", "sirt", "--iterations", "400")
    first = start(series, output, *options)
    wait_for_journal(tmp_path, first)
    first.send_signal(signal.SIGSTOP)  # or it may be done before the second has begun
    second = mwgan(*command(series, output, *options))  # at the same time: refused
    assert second.stderr.strip().endswith("is being written by another process with the same command: wait for it")
    assert second.returncode == 2
    first.send_signal(signal.SIGTERM)
    first.send_signal(signal.SIGCONT)
    message = first.communicate()[1]
    assert first.returncode == 143, message
    done = int(re.search(rf"ended by SIGTERM: (\d+) of {SLICES} slices are kept: the same command resumes there", message)[1])
    assert not output.exists()
    again = mwgan(*command(series, output, *options))
    assert again.returncode == 0
    assert f"resuming after {done} of {SLICES} slices" in again.stdout
    assert sorted(file.name for file in tmp_path.iterdir()) == ["v.json", "v.mrc"]
    assert mwgan(*command(series, tmp_path / "p.mrc", *options)).returncode == 0
    assert output.read_bytes() == (tmp_path / "p.mrc").read_bytes()


@pytest.mark.slow  # a dozen processes, each of which loads torch
@pytest.mark.parametrize("options", [("--method", "sirt", "--iterations", "900"), ("--method", "lpd", "--trust")], ids=["sirt", "trust"])
def test_killed_at_ten_random_moments_it_ends_with_the_same_files(options, series, tmp_path):
    plain, output = tmp_path / "plain.mrc", tmp_path / "v.mrc"
    begun = time.monotonic()
    assert start(series, plain, *options).wait() == 0
    took, draw = time.monotonic() - begun, random.Random(0)
    for _ in range(10):
        process = start(series, output, *options)
        time.sleep(draw.uniform(0.2, 0.6) * took)
        process.kill()
        process.communicate()
    last = start(series, output, *options)
    assert last.wait() == 0
    files = sorted(file.name for file in tmp_path.iterdir() if not file.name.startswith("plain"))
    assert files == sorted(file.name.replace("plain", "v", 1) for file in tmp_path.iterdir() if file.name.startswith("plain"))
    for name in files:
        assert (
            name.endswith((".png", ".json")) or (tmp_path / name).read_bytes() == (tmp_path / name.replace("v", "plain", 1)).read_bytes()
        ), name
