"""Shifts by ETSpy's aligners, in a separate environment: parts of it are under the GPL, and mwgan contains none of it.

    python benchmarks/etspy_shifts.py FOLDER

Each ``NAME.npz`` in it contains ``images`` (A, Y, X), the tilt axis along y, and ``tilt_deg``; the output ``NAME.shifts.npz`` contains
shifts (A, 2), along and across the axis, by the name of each method.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np

METHODS = ("StackReg", "PC", "COM", "COM-CL")


def align(series: Path) -> None:
    """Run all methods and write the shifts of those that finish."""
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
