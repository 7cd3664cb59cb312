"""Shifts by ETSpy's aligners, in an environment of its own: it brings parts under the GPL, and nothing of it is part of mwgan.

    python benchmarks/etspy_shifts.py SERIES.npz SHIFTS.npz

``SERIES.npz`` holds ``images`` (A, Y, X), the tilt axis along y, and ``tilt_deg``; what is written has (A, 2), along and across the axis,
by the name of each method.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np

METHODS = ("StackReg", "PC", "COM", "COM-CL")


def main(series: str, output: str) -> None:
    import etspy

    given = np.load(series)
    images, tilts = given["images"].swapaxes(1, 2).copy(), given["tilt_deg"]  # its tilt axis runs along x
    found = {}
    for method in METHODS:
        stack = etspy.TomoStack(images.copy())
        stack.tilts.data = tilts[:, None]
        try:
            shifts = stack.stack_register(method, show_progressbar=False).shifts.data
            found[method] = -np.asarray(shifts, float)[:, ::-1]
        except Exception as error:
            print(f"{method} of {series}: {error}", file=sys.stderr)
    np.savez(output, **found)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main(*sys.argv[1:3])
