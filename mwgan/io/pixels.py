"""Checks that pixels are finite and within single precision, in which everything is computed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from mwgan.errors import InputError
from mwgan.io.lazy import release
from mwgan.io.stack import Images

SMALLEST, LARGEST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
SINGLE_BYTES = 4


def check_pixels(images: Images, used: Iterable[int], path: Path) -> None:
    """Check the ``used`` images (A, rows, columns), one by one.

    Raises
    ------
    InputError
        If pixels are NaN or infinite; or, for double precision, if the values are too large or too small for single precision.
    """
    if images.dtype.kind != "f":
        return
    bad: dict[int, int] = {}
    peak = 0.0
    for index in sorted(map(int, used)):
        image = np.asarray(images[index])
        found = int((~np.isfinite(image)).sum())
        bad |= {index + 1: found} if found else {}
        if images.dtype.itemsize > SINGLE_BYTES:
            peak = max(peak, float(np.abs(image).max()))
        release(images)
    if bad:
        raise InputError(
            f"{path} holds {sum(bad.values())} pixels that are NaN or infinite, the first in image {min(bad)}: "
            f"repair that image or leave it out (--exclude {','.join(map(str, bad))})"
        )
    if peak and not SMALLEST <= peak <= LARGEST:
        what = "large" if peak > 1 else "small"
        raise InputError(f"{path} has pixels of up to {peak:.0e}, too {what} for single precision: divide all of them by that")
