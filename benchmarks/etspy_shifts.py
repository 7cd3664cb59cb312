"""Shifts by ETSpy's aligners, in an environment of its own: it brings parts under the GPL, and nothing of it is part of mwgan.

    python benchmarks/etspy_shifts.py FOLDER

Each ``NAME.npz`` in it holds ``images`` (A, Y, X), the tilt axis along y, and ``tilt_deg``; the ``NAME.shifts.npz`` that is written has
(A, 2), along and across the axis, by the name of each method.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np

METHODS = ("StackReg", "PC", "COM", "COM-CL")


def align(series: Path) -> None:
    """All methods that come to an end."""
    from etspy.base import TomoStack

    given = np.load(series)
    images, tilts = given["images"].swapaxes(1, 2).copy(), given["tilt_deg"]  # its tilt axis runs along x
    found = {}
    for method in METHODS:
        stack = TomoStack(images.copy())
        stack.tilts.data = tilts[:, None]
        try:
            shifts = stack.stack_register(method, show_progressbar=False).shifts.data
            found[method] = -np.asarray(shifts, float)[:, ::-1]
        except Exception as error:
            print(f"{method} of {series}: {error}", file=sys.stderr)
    np.savez(series.with_suffix(".shifts.npz"), **found)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    for file in sorted(Path(sys.argv[1]).glob("*.npz")):
        align(file)
