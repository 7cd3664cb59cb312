"""Whether pixels are numbers, and such as single precision holds: everything is computed in it."""

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
    """Look at the images (A, rows, columns) that are ``used``, one after the other.

    Raises
    ------
    InputError
        If some pixels are NaN or infinite; or, of images in double precision, if the brightest is beyond single precision or all are below.
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
