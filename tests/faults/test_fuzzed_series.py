"""Headers of MRC files and lists of tilts that nobody wrote on purpose."""

from __future__ import annotations

import gzip
import struct
from functools import cache
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from fuzzing import DAMAGES, ENDS, answered, check_answer, damaged, fuzzed
from hypothesis import strategies as st

IMAGES, ROWS, COLUMNS = 5, 8, 12
TILTS = "".join(f"{tilt}\n" for tilt in (-60, -30, 0, 30, 60))
HEADER_WORDS = 256
SUFFIXES = (".mrc", ".mrc", ".st", ".rec", ".mrc.gz", ".tif", ".dat")
WORDS = st.sampled_from([0, 1, -1, 2, 5, 6, 12, 16, 101, 127, 128, 1024, 2**15, 2**20, 2**20 + 1, 2**31 - 1, -(2**31)])
FLOATS = st.floats(width=32) | st.sampled_from([0.0, 1.0, -1.0, 1e-38, 3e38, float("nan"), float("inf")])
PACKED = st.builds(lambda order, word: struct.pack(f"{order}i", word), st.sampled_from("<>"), WORDS) | st.builds(
    lambda order, number: struct.pack(f"{order}f", number), st.sampled_from("<>"), FLOATS
)
TAKES_A_HEADER = (("info",), ("reconstruct", "-o", "out.mrc", "--method", "wbp"), ("reconstruct", "-o", "out.mrc", "--method", "sirt"))


@cache
def stack(mode: str, kind: bytes) -> bytes:
    """A small series of a number format, and with an extended header of a program."""
    file = Path("stack.mrc")
    images = np.random.default_rng(0).integers(0, 100, (IMAGES, ROWS, COLUMNS)).astype(mode)
    with mrcfile.new(file, images, overwrite=True) as mrc:
        mrc.voxel_size = 4.0
        if kind in (b"FEI1", b"FEI2"):
            records = np.zeros(IMAGES, mrcfile.dtypes.get_ext_header_dtype(kind))
            records["Metadata size"], records["Alpha tilt"] = records.dtype.itemsize, np.arange(-60, 61, 30)
            mrc.set_extended_header(records)
            mrc.header.exttyp = kind
        elif kind == b"SERI":
            mrc.set_extended_header(np.frombuffer(b"".join(struct.pack("<h", 100 * tilt) for tilt in range(-60, 61, 30)), "V2"))
            mrc.header.exttyp = kind
    content = bytearray(file.read_bytes())
    if kind == b"SERI":
        content[128:132] = struct.pack("<2h", 2, 1)
    file.unlink()
    return bytes(content)


@pytest.fixture(autouse=True, scope="module")
def _compiled(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is compiled on first use takes longer than any answer may."""
    folder = tmp_path_factory.mktemp("compiled")
    (folder / "s.mrc").write_bytes(stack("int16", b"FEI1"))
    for name, *options in TAKES_A_HEADER:
        assert answered(("mwgan", name, "s.mrc", *options), folder, limit_s=300).code == 0


HEADERS = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["int8", "int16", "uint16", "float32", "float16"]),
        "kind": st.sampled_from([b"", b"FEI1", b"FEI2", b"SERI"]),
        "words": st.lists(st.tuples(st.sampled_from([*range(28), 32, 52, 53, 54]) | st.integers(0, HEADER_WORDS - 1), PACKED), max_size=3),
        "damages": DAMAGES,
        "end": ENDS,
        "longer": st.binary(max_size=9),
        "suffix": st.sampled_from(SUFFIXES),
        "tilts": st.booleans(),
        "command": st.sampled_from(TAKES_A_HEADER),
    }
)


@fuzzed(HEADERS)
def test_headers_of_mrc(folder: Path, case: Any) -> None:
    content = bytearray(stack(case["mode"], case["kind"]))
    for word, packed in case["words"]:
        content[4 * word : 4 * word + 4] = packed
    written = damaged(bytes(content), case["damages"], case["end"]) + case["longer"]
    series = folder / f"s{case['suffix']}"
    series.write_bytes(gzip.compress(written) if series.suffix == ".gz" else written)
    (folder / "t.tlt").write_text(TILTS)
    name, *options = case["command"]
    check_answer("header of MRC", ("mwgan", name, series.name, *options, *(("--tilts", "t.tlt") if case["tilts"] else ())), folder)


ODD_NUMBERS = (
    *("nan", "inf", "-inf", "1e400", "9" * 5000, "1e30", "-181", "359.9", "1,5", "1_0", "\u0661\u0662", "0x10", "--5", "+.5", "5."),
    *("1e-320", "\u00b2"),
)
NUMBERS = st.floats(-90, 90).map(lambda tilt: f"{tilt:.2f}") | st.sampled_from(ODD_NUMBERS)
LINES = st.builds(lambda mark, numbers: mark.join(numbers), st.sampled_from([" ", ",", ";", "\t", ", "]), st.lists(NUMBERS, max_size=4))
ODD_LINES = st.text(max_size=30) | st.sampled_from(
    [
        *("# tilts", "tilt angle dose", "[ZValue = 0]", f"[ZValue = {'9' * 5000}]", "[ZValue = -1]", "TiltAngle = 1e300"),
        *("TiltAngle = nan", "PixelSpacing = -4", "PixelSpacing = 1e-300", "[T = SerialEM]", "= =", "\x00", "\x85", "\u2028", ","),
    ]
)
MDOC = st.lists(
    st.builds(
        lambda number, tilt, size: f"[ZValue = {number}]\nTiltAngle = {tilt}\nPixelSpacing = {size}",
        st.integers(0, 6) | st.sampled_from(["9" * 5000, "007"]),
        NUMBERS,
        NUMBERS,
    ),
    min_size=IMAGES,
    max_size=IMAGES,
)
LISTS = st.fixed_dictionaries(
    {
        "lines": st.lists(NUMBERS, min_size=IMAGES, max_size=IMAGES) | st.lists(LINES | ODD_LINES, max_size=8) | MDOC,
        "end_of_line": st.sampled_from(["\n", "\r\n", "\r"]),
        "encoding": st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
        "damages": DAMAGES,
        "end": ENDS,
        "suffix": st.sampled_from([".tlt", ".mdoc", ".rawtlt", ".csv"]),
        "given": st.booleans(),
        "command": st.sampled_from(TAKES_A_HEADER),
    }
)


@fuzzed(LISTS)
def test_lists_of_tilts(folder: Path, case: Any) -> None:
    (folder / "s.mrc").write_bytes(stack("int16", b""))
    text = case["end_of_line"].join(case["lines"]).encode(case["encoding"], "replace")
    tilts = folder / f"s{case['suffix']}"
    tilts.write_bytes(damaged(text, case["damages"], case["end"]))
    name, *options = case["command"]
    check_answer("list of tilts", ("mwgan", name, "s.mrc", *options, *(("--tilts", tilts.name) if case["given"] else ())), folder)


@fuzzed(st.lists(NUMBERS | st.text("0123456789.-+:e ", max_size=6), min_size=1, max_size=4).map(":".join))
def test_ranges_of_tilts(folder: Path, text: str) -> None:
    (folder / "s.mrc").write_bytes(stack("int16", b""))
    check_answer("range of tilts", ("mwgan", "info", "s.mrc", f"--tilts={text}"), folder)
