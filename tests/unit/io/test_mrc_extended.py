import struct

import mrcfile
import numpy as np
import pytest

from mwgan.io import open_stack

TILTS = (-40.0, -20.0, 0.0, 20.0, 40.25)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [b"FEI1", b"FEI2"])
def test_fei_tells_tilts_and_pixels(kind, order, counts, write_mrc):
    records = np.zeros(5, mrcfile.dtypes.get_ext_header_dtype(kind, order))
    records["Metadata size"] = records.dtype.itemsize
    records["Alpha tilt"], records["Pixel size X"], records["Pixel size Y"] = TILTS, 3.36e-9, 3.4e-9
    stack = open_stack(write_mrc(counts, order=order, exttyp=kind, extended=records.tobytes()))
    assert stack.tilt_deg == TILTS
    assert stack.pixel_sizes_angstrom == (34.0, 33.6)


@pytest.mark.parametrize("order", ["<", ">"])
def test_fei_of_the_first_kind(order, counts, write_mrc):
    floats = np.zeros((1024, 32), f"{order}f4")
    floats[:5, 0], floats[:5, 11] = TILTS, 3.36e-9
    path = write_mrc(
        counts, order=order, marked=False, counts=(0, 32), label=b"    Fei Company (c)", extended=floats.tobytes(), spacing=(1.0, 1.0)
    )
    stack = open_stack(path)
    assert stack.tilt_deg == TILTS
    assert stack.pixel_sizes_angstrom == (33.6, 33.6)


@pytest.mark.parametrize("exttyp", [b"SERI", b""])
@pytest.mark.parametrize("flags", [1, 1 | 2, 1 | 4 | 8 | 16 | 32])
def test_serialem_counts_hundredths_of_a_degree(flags, exttyp, counts, write_mrc):
    sizes = {1: 2, 2: 6, 4: 4, 8: 2, 16: 2, 32: 4}
    length = sum(size for flag, size in sizes.items() if flags & flag)
    records = b"".join(struct.pack("<h", round(100 * tilt)) + b"\x07" * (length - 2) for tilt in TILTS)
    stack = open_stack(write_mrc(counts, exttyp=exttyp, counts=(length, flags), extended=records + bytes(64)))
    assert stack.tilt_deg == TILTS


def test_serialem_without_tilts_tells_none(counts, write_mrc):
    path = write_mrc(counts, exttyp=b"SERI", counts=(6, 4 | 8), extended=b"\x07" * 30)
    assert open_stack(path).tilt_deg is None


def test_the_older_header_of_integers_and_floats(counts, write_mrc):
    records = b"".join(struct.pack("<2i3f", 7, 8, tilt, 1.0, 2.0) for tilt in TILTS)
    assert open_stack(write_mrc(counts, exttyp=b"AGAR", counts=(2, 3), extended=records)).tilt_deg == TILTS


@pytest.mark.parametrize(
    "header",
    [
        {"counts": (0, 32), "extended": bytes(1024 * 128)},  # never filled in
        {"counts": (0, 32), "extended": bytes(100)},  # too short
        {"exttyp": b"FEI1", "extended": bytes(1000)},
        {"exttyp": b"FEI1", "extended": b""},
        {"counts": (0, 4), "extended": np.full(20, np.nan, "f4").tobytes()},
        {"counts": (0, 4), "extended": np.full(20, 5000.0, "f4").tobytes()},  # something else than degrees
        {"counts": (-3, 7), "extended": bytes(200)},
    ],
)
def test_a_header_that_tells_nothing_believable_tells_none(header, counts, write_mrc):
    stack = open_stack(write_mrc(counts, **header))
    assert stack.tilt_deg is None
    assert stack.pixel_sizes_angstrom == (10.0, 10.0)
