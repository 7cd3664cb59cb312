"""Inputs that can't be used, through the program itself: one sentence, exit code 2, and nothing written."""

import gzip
import os
import sys

import h5py
import mrcfile
import numpy as np
import pytest
import tifffile

from mwgan.cli.main import main

TILTS = "-40:40:20"


def cases(folder, mrc_bytes, counts):
    """Case: (series, further options, what the sentence has to say)."""
    good = mrc_bytes(counts)

    def written(name, content):
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def mrc(name, data=counts, **header):
        return written(f"{name}.mrc", mrc_bytes(data, **header))

    def saved(name, save, *content, **options):
        save(folder / name, *content, **options)
        return folder / name

    def hdf5(name, **arrays):
        with h5py.File(folder / name, "w") as file:
            file.update(arrays)
        return folder / name

    def tilts(name, content):
        return ["--tilts", written(name, content)]

    series = mrc("good")
    nan, infinite = counts.astype("f4"), counts.astype("f4")
    nan[2, 3, 4], infinite[1] = np.nan, np.inf
    (folder / "empty_folder").mkdir()
    (folder / "mixed").mkdir()
    for name, image in {"a.tif": counts[0], "b.tif": counts[0, :3]}.items():
        tifffile.imwrite(folder / "mixed" / name, image)
    os.mkfifo(folder / "pipe.mrc")
    lines = "\n".join(map(str, range(-40, 41, 20)))
    tiff = saved("cut.tif", tifffile.imwrite, np.repeat(counts, 50, 2), photometric="minisblack")
    tiff.write_bytes(tiff.read_bytes()[:20000])
    return {
        "a series that is not there": (folder / "none.mrc", ["--tilts", TILTS], "none.mrc can't be read (no such file"),
        "an empty file": (written("empty.mrc", b""), ["--tilts", TILTS], "is empty"),
        "a pipe": (folder / "pipe.mrc", ["--tilts", TILTS], "neither a file nor a folder"),
        "an unknown suffix": (written("a.xyz", b"words " * 1000), ["--tilts", TILTS], "unknown format"),
        "a text called MRC": (written("text.mrc", b"words " * 1000), ["--tilts", TILTS], "text.mrc is not an MRC file"),
        "less than a header": (written("short.mrc", good[:500]), ["--tilts", TILTS], "shorter than a header"),
        "an MRC cut short": (written("cut.mrc", good[:-7]), ["--tilts", TILTS], "cut short"),
        "a header alone": (written("head.mrc", good[:1024]), ["--tilts", TILTS], "cut short"),
        "more images than there are": (mrc("many", nz=500), ["--tilts", TILTS], "cut short"),
        "sides below zero": (mrc("minus", ny=-6), ["--tilts", TILTS], "not an MRC file"),
        "mode 3": (mrc("m3", mode=3), ["--tilts", TILTS], "mode 3, complex numbers of 16 bits"),
        "mode 4": (mrc("m4", mode=4), ["--tilts", TILTS], "mode 4, complex numbers"),
        "mode 101": (mrc("m101", mode=101), ["--tilts", TILTS], "mode 101, numbers of 4 bits"),
        "half bytes by IMOD's flag": (mrc("m0", mode=0, imod_flags=16), ["--tilts", TILTS], "mode 101"),
        "a mode that nobody knows": (mrc("m99", mode=99), ["--tilts", TILTS], "its mode is 99"),
        "doubles beyond single precision": (
            saved("large.npy", np.save, counts * 1e200),
            ["--tilts", TILTS],
            "too large for single precision",
        ),
        "doubles that vanish in it": (saved("small.npy", np.save, counts * 1e-60), ["--tilts", TILTS], "too small for single precision"),
        "NaN": (mrc("nan", nan), ["--tilts", TILTS], "1 pixels that are NaN or infinite, the first in image 3"),
        "an infinite image": (mrc("inf", infinite), ["--tilts", TILTS], "leave it out (--exclude 2)"),
        "a gzip cut short": (written("cut.mrc.gz", gzip.compress(good)[:-30]), ["--tilts", TILTS], "can't be unpacked"),
        "a gzip of a cut file": (written("in.mrc.gz", gzip.compress(good[:-30])), ["--tilts", TILTS], "cut short"),
        "a gzip of words": (written("text.mrc.gz", gzip.compress(b"words " * 1000)), ["--tilts", TILTS], "not an MRC file"),
        "no gzip": (written("no.mrc.gz", b"words " * 1000), ["--tilts", TILTS], "no.mrc.gz is not an MRC file"),
        "a TIFF cut short": (tiff, ["--tilts", TILTS], "cut.tif"),
        "a TIFF header alone": (written("head.tif", b"II*\0\x08\0\0\0"), ["--tilts", TILTS], "head.tif is damaged or cut short"),
        "a TIFF of words": (written("text.tif", b"words " * 100), ["--tilts", TILTS], "text.tif can't be read as TIFF"),
        "colours": (
            saved("rgb.tif", tifffile.imwrite, np.zeros((6, 9, 3), "u1"), photometric="rgb"),
            ["--tilts", TILTS],
            "holds colours",
        ),
        "an empty folder": (folder / "empty_folder", ["--tilts", TILTS], "holds no TIFF images"),
        "images that are not alike": (folder / "mixed", ["--tilts", "0:20:20"], "a.tif and b.tif"),
        "HDF5 cut short": (written("cut.h5", hdf5("whole.h5", d=counts).read_bytes()[:900]), ["--tilts", TILTS], "as HDF5"),
        "HDF5 without images": (hdf5("none.h5", theta=np.arange(5.0)), ["--tilts", TILTS], "no array of three axes"),
        "HDF5 with several": (hdf5("two.h5", a=counts, b=counts), ["--tilts", TILTS], "name one, as two.h5::/a"),
        "HDF5 without that array": (f"{hdf5('one.h5', a=counts)}::/b", ["--tilts", TILTS], "no array '/b'"),
        "an array named twice": (f"{folder / 'one.h5'}::/a", ["--tilts", TILTS, "--dataset", "b"], "give one of them"),
        "NPY of objects": (saved("o.npy", np.save, np.array([{}])), ["--tilts", TILTS], "can't be read as NPY"),
        "NPY of two axes": (saved("two.npy", np.save, counts[0]), ["--tilts", TILTS], "an array of 6 x 9"),
        "complex numbers": (saved("c.npy", np.save, counts.astype("c8")), ["--tilts", TILTS], "complex numbers"),
        "truth values": (saved("b.npy", np.save, counts > 100), ["--tilts", TILTS], "holds bool"),
        "nothing in NPY": (saved("e.npy", np.save, counts[:0]), ["--tilts", TILTS], "holds no pixels"),
        "NPZ cut short": (written("cut.npz", b"PK\x03\x04" + bytes(50)), ["--tilts", TILTS], "as NPZ"),
        "EMD without images": (hdf5("none.emd", d=counts), ["--tilts", TILTS], "holds no arrays of images"),
        "a damaged DM3": (written("a.dm3", b"\0\0\0\3" + bytes(99)), ["--tilts", TILTS], "a.dm3"),
        "nothing tells the tilts": (series, [], "the tilts of"),
        "a list that is not there": (series, ["--tilts", folder / "none.tlt"], "none.tlt can't be read"),
        "a folder for a list": (series, ["--tilts", folder], "can't be read (is a directory)"),
        "an empty list": (series, tilts("empty.tlt", ""), "empty.tlt is empty"),
        "a list too short": (series, tilts("four.tlt", "1\n2\n3\n4\n"), "5 images but"),
        "a word": (series, tilts("word.tlt", lines.replace("20", "up", 1)), "is not a tilt"),
        "not a number": (series, tilts("nan.tlt", lines.replace("20", "nan", 1)), "not a finite number"),
        "more than a turn": (series, tilts("far.tlt", lines.replace("-40", "4000")), "tilts are degrees between"),
        "a picture for a list": (series, ["--tilts", series], "is no text"),
        "a column that counts": (series, tilts("n.tlt", "".join(f"{k} {10 * k}\n" for k in range(5))), "only counts"),
        "commas of two meanings": (series, tilts("c.tlt", "-40,5\n-20,25\n0,5\n20,25\n40,5\n"), "its commas may"),
        "an mdoc without tilts": (series, tilts("s.mdoc", "[ZValue = 0]\nStageZ = 1\n"), "no TiltAngle"),
        "an mdoc of frames": (series, tilts("f.mdoc", "[FrameSet = 0]\nTiltAngle = 1\n"), "no section"),
        "a range without steps": (series, ["--tilts", "-40:40:0"], "has a step of 0"),
        "a range of another length": (series, ["--tilts", "-40:40:10"], "5 images but the range -40:40:10 9 tilts"),
        "image 0": (series, ["--tilts", TILTS, "--exclude", "0"], "numbers between 1 and 5"),
        "image 6": (series, ["--tilts", TILTS, "--exclude", "2,6"], "not '6'"),
        "an image by a word": (series, ["--tilts", TILTS, "--exclude", "first"], "not 'first'"),
        "every image": (series, ["--tilts", TILTS, "--exclude", "1-5"], "all 5 images are left out"),
        "no tilt within the limit": (series, ["--tilts", "50:90:10", "--max-tilt", "40"], "no tilt within"),
        "bins wider than the image": (series, ["--tilts", TILTS, "--bin", "7"], "binning must lie between"),
        "the list as the output": (series, ["--tilts", folder / "volume.mrc"], "is an input"),
    }


def test_bad_input_is_one_sentence_and_nothing_is_written(tmp_path, monkeypatch, capfd, mrc_bytes, counts):
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")  # main sets it where it isn't set
    pytest.importorskip("rsciio", reason="one of the inputs is a DM3 file, which needs rosettasciio")
    target = tmp_path / "volume.mrc"
    target.write_bytes(b"as it was")
    inputs = cases(tmp_path, mrc_bytes, counts)
    assert len(inputs) >= 60
    before = sorted(file.name for file in tmp_path.rglob("*"))
    for case, (series, options, named) in inputs.items():
        command = ["mwgan", "reconstruct", series, "-o", target, "--method", "wbp", *options]
        monkeypatch.setattr(sys, "argv", [str(part) for part in command])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capfd.readouterr()
        message = printed.err.strip()
        assert end.value.code == 2, (case, printed)
        assert message.startswith("error: "), (case, message)
        assert len(message.splitlines()) == 1, (case, message)
        assert named in message, (case, message)
        assert target.read_bytes() == b"as it was", case
        assert sorted(file.name for file in tmp_path.rglob("*")) == before, case


def test_what_is_corrected_is_said_and_a_volume_comes_of_it(tmp_path, monkeypatch, capfd, mrc_bytes, counts):
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    path, output = tmp_path / "s.st", tmp_path / "v.mrc"
    path.write_bytes(mrc_bytes((counts.astype("i4") - 32768).astype("i2")))
    monkeypatch.setattr(sys, "argv", ["mwgan", "reconstruct", str(path), "-o", str(output), "--method", "wbp", "--tilts", "-40:320:90"])
    main_ends_well()
    printed = capfd.readouterr()
    assert "32768 is added" in printed.out
    assert "2 images beyond ±90 degrees" in printed.out
    assert mrcfile.read(output).shape == (6, 9, 9)


def main_ends_well():
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code in (0, None)
