import bz2
import gzip
from pathlib import Path

import numpy as np
import pytest

from mwgan.errors import InputError
from mwgan.io import open_series, open_stack
from mwgan.io.lazy import mapping

TILTS = "-40:40:20"


def pixels(stack):
    return np.asarray(stack.images[:])


@pytest.mark.parametrize("kind", ["i1", "i2", "f4", "u2", "f2"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_mode_and_byte_order_is_read_and_mapped(kind, order, counts, write_mrc):
    data = (counts // 3).astype(kind)
    stack = open_stack(write_mrc(data, order=order))
    np.testing.assert_array_equal(pixels(stack), data)
    assert mapping(stack.images) is not None
    assert ("the numbers are big-endian" in stack.notes) == (order == ">")
    np.testing.assert_array_equal(open_series(write_mrc(data, order=order), TILTS).sinograms(2, 3)[0, 0].numpy(), data[:, 2])


@pytest.mark.parametrize("name", ["a.st", "a.ali", "a.rec", "a.mrcs", "A.MRC", "a.preali", "a.map"])
def test_the_kin_of_mrc_by_their_suffixes(name, counts, write_mrc):
    np.testing.assert_array_equal(pixels(open_stack(write_mrc(counts, name))), counts)


def test_an_old_header_is_read_in_the_byte_order_in_which_it_makes_sense(counts, write_mrc):
    for order in "<>":
        np.testing.assert_array_equal(pixels(open_stack(write_mrc(counts, order=order, marked=False))), counts)


def test_a_wrong_machine_stamp_is_seen_through(counts, write_mrc):
    path = write_mrc(counts, order=">")
    content = bytearray(path.read_bytes())
    content[212:214] = b"\x44\x44"
    path.write_bytes(bytes(content))
    np.testing.assert_array_equal(pixels(open_stack(path)), counts)


@pytest.mark.parametrize(
    ("stored", "header", "printed"),
    [
        ("signed", {"imod_flags": 1}, "128 is added"),
        ("unsigned", {"imod_flags": 0}, "unsigned by IMOD"),
        ("unsigned", {}, "values up to 255"),
        ("unsigned", {"limits": (0.0, 0.0)}, "jump between neighbours"),
        ("unsigned", {"limits": (0.0, 100.0)}, "jump between neighbours"),  # of a part of the images, say
    ],
)
def test_bytes_get_the_sign_that_the_header_or_else_the_pixels_tell(stored, header, printed, write_mrc):
    bright = 150 * np.sin(np.linspace(0, np.pi, 40)) ** 2
    data = np.clip(np.random.default_rng(0).normal(50 + bright, 8, (5, 20, 40)), 0, 255).astype("u1")
    data[0, 0, :2] = 0, 255
    written = (data.astype("i2") - 128).astype("i1") if stored == "signed" else data
    stack = open_stack(write_mrc(written, **header))
    np.testing.assert_array_equal(pixels(stack), data)
    assert printed in stack.notes[0]


def test_signed_bytes_of_the_standard_stay_as_they_are(write_mrc):
    data = np.random.default_rng(0).normal(0, 20, (5, 20, 40)).clip(-128, 127).astype("i1")
    for header in ({}, {"imod_flags": 0}):  # the flag of a header that another program copied, over a minimum below 0
        np.testing.assert_array_equal(pixels(open_stack(write_mrc(data, **header))), data)


def test_pixels_of_unequal_sides(counts, write_mrc):
    path = write_mrc(counts, spacing=(5.0, 10.0))
    assert open_stack(path).pixel_sizes_angstrom == (5.0, 10.0)
    along_y, along_x = open_series(path, TILTS), open_series(path, TILTS, tilt_axis="x", binning=2)
    assert along_y.voxel_sizes_angstrom == (5.0, 10.0, 10.0)
    assert along_x.voxel_sizes_angstrom == (20.0, 10.0, 10.0)
    assert along_y.voxel_size_angstrom == 10.0


def test_a_size_that_was_never_set_is_unknown(counts, write_mrc):
    series = open_series(write_mrc(counts, spacing=(0.0, 0.0)), TILTS)
    assert series.voxel_sizes_angstrom is None
    assert series.voxel_size_angstrom == 0.0
    assert any("don't know" in note for note in open_stack(write_mrc(counts, spacing=(1.0, 1.0))).notes)


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_a_packed_file_is_unpacked_into_a_temporary_one_and_mapped(suffix, pack, counts, tmp_path, mrc_bytes, monkeypatch):
    (tmp_path / "there").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "there"))
    path = tmp_path / f"series.mrc{suffix}"
    path.write_bytes(pack(mrc_bytes(counts)))
    stack = open_stack(path)
    np.testing.assert_array_equal(pixels(stack), counts)
    assert mapping(stack.images) is not None
    assert "temporary file" in stack.notes[0]
    assert not list((tmp_path / "there").iterdir())


def test_what_lies_behind_the_images_is_told(counts, write_mrc):
    path = write_mrc(counts)
    path.write_bytes(path.read_bytes() + bytes(100))
    assert "100 bytes longer" in open_stack(path).notes[0]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"mode": 3}, "mode 3, complex numbers of 16 bits.*give the images themselves"),
        ({"mode": 4}, "mode 4, complex numbers.*give the images themselves"),
        ({"mode": 101}, "mode 101, numbers of 4 bits.*newstack -mode 1"),
        ({"mode": 0, "imod_flags": 16}, "mode 101, numbers of 4 bits"),
        ({"mode": 16}, "colours"),
        ({"mode": 77}, "its mode is 77"),
        ({"nz": 6}, "cut short"),
        ({"nx": -3}, "not an MRC file: its header gives -3 x"),
    ],
)
def test_what_can_not_be_read_is_refused_by_name(header, message, counts, write_mrc):
    with pytest.raises(InputError, match=message):
        open_stack(write_mrc(counts, **header))


def test_a_packed_file_that_breaks_off_is_refused_and_leaves_nothing(counts, tmp_path, mrc_bytes, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    packed = gzip.compress(np.random.default_rng(0).bytes(100) + mrc_bytes(counts)[100:])
    for content in (gzip.compress(mrc_bytes(counts))[:-40], packed, gzip.compress(mrc_bytes(counts)[:-50])):
        (tmp_path / "s.mrc.gz").write_bytes(content)
        with pytest.raises(InputError, match=r"s\.mrc\.gz"):
            open_stack(tmp_path / "s.mrc.gz")
    assert [file.name for file in Path(tmp_path).iterdir()] == ["s.mrc.gz"]
