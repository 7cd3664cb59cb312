"""MRC files written byte by byte, so that their headers can be those of any program."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

MODES = {"i1": 0, "u1": 0, "i2": 1, "f4": 2, "c8": 4, "u2": 6, "f2": 12}
IMOD_STAMP = 1146047817


@pytest.fixture(scope="session")
def mrc_bytes() -> Callable[..., bytes]:
    """``mrc_bytes(data, ...)``: a whole MRC file of images (A, rows, columns)."""

    def make(
        data: np.ndarray,
        order: str = "<",
        mode: int | None = None,
        spacing: tuple[float, float] = (10.0, 10.0),
        imod_flags: int | None = None,
        exttyp: bytes = b"",
        extended: bytes = b"",
        counts: tuple[int, int] = (0, 0),
        label: bytes = b"",
        marked: bool = True,
        limits: tuple[float, float] | None = None,
        **sides: int,
    ) -> bytes:
        nz, ny, nx = data.shape
        nx, ny, nz = sides.get("nx", nx), sides.get("ny", ny), sides.get("nz", nz)
        header = bytearray(1024)
        kind = data.dtype.newbyteorder("=").str[1:]
        struct.pack_into(f"{order}4i", header, 0, nx, ny, nz, MODES[kind] if mode is None else mode)
        struct.pack_into(f"{order}3i", header, 28, nx, ny, nz)
        struct.pack_into(f"{order}6f", header, 40, nx * spacing[1], ny * spacing[0], nz * 10.0, 90, 90, 90)
        lowest, highest = limits or ((float(data.min()), float(data.max())) if data.dtype.kind != "c" else (0.0, 0.0))
        struct.pack_into(f"{order}3f", header, 76, lowest, highest, 0.0)
        struct.pack_into(f"{order}i", header, 92, len(extended))
        header[104 : 104 + len(exttyp)] = exttyp
        struct.pack_into(f"{order}2h", header, 128, *counts)
        if imod_flags is not None:
            struct.pack_into(f"{order}2i", header, 152, IMOD_STAMP, imod_flags)
        if marked:
            header[208:216] = b"MAP " + (b"\x44\x44\0\0" if order == "<" else b"\x11\x11\0\0")
        header[224 : 224 + len(label)] = label
        return bytes(header) + extended + data.astype(data.dtype.newbyteorder(order)).tobytes()

    return make


@pytest.fixture
def write_mrc(tmp_path: Path, mrc_bytes: Callable[..., bytes]) -> Callable[..., Path]:
    """``write_mrc(data, name="series.mrc", **header)``: such a file in the test's folder."""

    def write(data: np.ndarray, name: str = "series.mrc", **header: Any) -> Path:
        path = tmp_path / name
        path.write_bytes(mrc_bytes(data, **header))
        return path

    return write


@pytest.fixture(scope="session")
def counts() -> np.ndarray:
    """Images (5, 6, 9) uint16 of a bright bar on a dark ground, each pixel its own number: a mix-up shows."""
    images = np.random.default_rng(0).integers(20, 60, (5, 6, 9))
    images[:, :, 3:6] += 200
    return images.astype("u2")
