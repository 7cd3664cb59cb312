"""Blocks that stay within a memory."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.recon import SIRT, TVM, WBP
from mwgan.recon.named import make_method
from mwgan.series import memory
from mwgan.series.few_iterations import with_few_iterations
from mwgan.series.memory import default_memory, parse_memory, slices_that_fit

GIB = 2**30


def example(size, tilts=31):
    geometry = TiltGeometry(tuple(float(tilt) for tilt in range(tilts)), size)
    return Measurement(torch.rand(1, 1, tilts, size), torch.ones(tilts, dtype=torch.bool), geometry)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2GB", 2 * GIB), ("500MB", 500 << 20), ("1.5 G", 3 * GIB // 2), ("4 GiB", 4 * GIB), ("1024", 1024), ("8kb", 8192)],
)
def test_memories_are_read(text, expected):
    assert parse_memory(text) == expected


@pytest.mark.parametrize("text", ["", "much", "-2GB", "0GB", "2XB", "2,5GB"])
def test_what_is_no_memory_is_refused(text):
    with pytest.raises(InputError, match="2GB or 500MB"):
        parse_memory(text)


def test_part_of_the_machine_is_taken_where_nothing_is_said():
    assert 0 < default_memory() < 1 << 50


def test_less_memory_makes_smaller_blocks_until_not_one_slice_fits(monkeypatch):
    monkeypatch.setattr(memory, "_resident", lambda: 0)
    monkeypatch.setattr(memory, "LATER", 0)
    monkeypatch.setattr(memory, "PROGRAM", 0)
    given = example(256)
    blocks = [slices_that_fit(TVM(iterations=2), given, megabytes << 20, most=500) for megabytes in (20000, 150, 75, 36, 18, 9)]
    assert blocks == sorted(blocks, reverse=True)
    assert blocks[0] == 32
    assert 1 <= blocks[-1] <= 4
    with pytest.raises(InputError, match=r"a single slice of 256 x 256 pixels and 31 tilts takes about 0\.0 GB .* raise --memory"):
        slices_that_fit(TVM(iterations=2), given, 1 << 20)


def test_no_more_slices_at_a_time_than_there_are():
    assert [slices_that_fit(WBP(), example(32), 8 * GIB, most=most) for most in (1, 2, 5, 9, 100)] == [1, 2, 8, 16, 32]


@pytest.mark.parametrize("name", ["wbp", "sirt", "lpd"])
def test_what_small_slices_take_tells_what_large_ones_take(name):
    method = with_few_iterations(make_method(name))
    given, slices = example(192), 4
    foretold = memory._measured(method, given)(slices)
    found = memory._peak(method, memory._smaller(given, 192, slices))
    assert 0.8 * found < foretold < 1.3 * found


def test_a_shortened_method_is_a_copy():
    method = make_method("tvm", {"iterations": 50})
    assert with_few_iterations(method).reconstructor.iterations == 2
    assert method.reconstructor.iterations == 50
    assert with_few_iterations(SIRT(1)).iterations == 1
    network = make_method("lpd")
    assert with_few_iterations(network).reconstructor.generator is network.reconstructor.generator


@pytest.mark.slow  # four processes, each of which loads torch
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak of a process where Linux keeps it")
@pytest.mark.parametrize("name", ["wbp", "sirt", "tvm", "lpd"])
def test_a_process_stays_within_its_memory(name, tmp_path):
    script = f"""
import sys, torch
from pathlib import Path
from mwgan.geometry import TiltGeometry
from mwgan.recon.named import make_method
from mwgan.series import reconstruct_series
class Series:
    path, voxel_sizes_angstrom, slices = Path("s"), None, 40
    geometry = TiltGeometry(tuple(range(-60, 61, 3)), 384)
    def sinograms(self, start, stop): return torch.rand(stop - start, 1, 41, 384)
settings = {{"iterations": 12}} if "{name}" in ("sirt", "tvm") else {{}}
reconstruct_series(Series(), make_method("{name}", settings), "{tmp_path}/v.mrc", memory=900 << 20)
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=500)
    assert int(done.stdout.split()[-1]) * 1024 < 900 << 20
