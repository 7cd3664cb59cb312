"""One slice of a measured tilt series by several methods and tilt ranges, with its width over its height."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from mwgan.figures.parts.style import label, new_figure


def slice_panel(
    slices: Mapping[tuple[str, str], npt.NDArray[np.float32]],
    ratios: Mapping[tuple[str, str], float],
    columns: Sequence[str],
    titles: Mapping[str, str] | None = None,
) -> Figure:
    """Rows are tilt ranges, columns methods; all pictures share one grey scale, from 0 to the brightest 99th percentile.

    Parameters
    ----------
    slices, ratios
        Slice (Z, X) and its width over height, NaN where it is empty, by (tilt range, method).
    columns
        The methods, from left to right.
    titles
        Titles of methods that differ from their usual labels.
    """
    ranges = list(dict.fromkeys(tilts for tilts, _ in slices))
    figure = new_figure(1.75 * len(columns) + 0.3, 2.05 * len(ranges) + 0.2)
    axes = figure.subplots(len(ranges), len(columns), squeeze=False)
    white = max(float(np.quantile(pixels, 0.99)) for pixels in slices.values())
    for row, tilts in enumerate(ranges):
        for column, method in enumerate(columns):
            axis, pixels = axes[row, column], slices[tilts, method]
            axis.imshow(pixels, cmap="gray", vmin=0, vmax=white)
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
            ratio = ratios[tilts, method]
            axis.set_xlabel("empty" if math.isnan(ratio) else f"width / height {ratio:.2f}", fontsize=8)
            if row == 0:
                axis.set_title((titles or {}).get(method, label(method)), fontsize=9)
        axes[row, 0].set_ylabel(tilts, fontsize=9)
    return figure
