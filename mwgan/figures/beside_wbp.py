"""A slice next to that of a weighted back-projection, with their power spectra; and the residual of a volume by tilt."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from mwgan.figures.parts.spectrum import SCALE, log_magnitude
from mwgan.figures.parts.style import new_figure

BRIGHTEST, DARKEST = 0.999, 0.001
DASHES = (0, (4, 4))


def beside_wbp(slices: Mapping[str, npt.NDArray[np.float32]], wedges_deg: Sequence[tuple[float, float]]) -> Figure:
    """Slices (Z, X) by name, with the grey scale of the first, over their power spectra with the missing wedges outlined.

    Parameters
    ----------
    slices
        Of one size.
    wedges_deg
        From one measured tilt to the next, as in (60, 120).
    """
    figure = new_figure(4.2 * len(slices), 7.6)
    axes = figure.subplots(2, len(slices), squeeze=False)
    first = next(iter(slices.values()))
    black, white = np.quantile(first, (DARKEST, BRIGHTEST))
    dark, bright = np.quantile(2 * log_magnitude(first), SCALE)
    for (name, pixels), above, below in zip(slices.items(), axes[0], axes[1], strict=True):
        above.imshow(pixels, cmap="gray", vmin=black, vmax=white)
        above.set_title(name, fontsize=10)
        below.imshow(2 * log_magnitude(pixels), cmap="inferno", vmin=dark, vmax=bright, extent=_frequencies(pixels.shape))
        for tilt_deg in {edge for wedge in wedges_deg for edge in wedge}:
            # A tilt measures the direction (x: cos, z: -sin), z down the rows.
            x, z = math.cos(math.radians(tilt_deg)), -math.sin(math.radians(tilt_deg))
            ends = np.array([-0.5, 0.5]) / max(abs(x), abs(z))
            below.plot(ends * x, ends * z, color="white", linewidth=0.8, linestyle=DASHES)
        below.set(xlim=(-0.5, 0.5), ylim=(0.5, -0.5))
        below.set_xlabel("cycles / pixel", fontsize=8)
        below.tick_params(labelsize=7)
        above.set(xticks=[], yticks=[])
    axes[1, 0].set_ylabel("log₁₀ power spectrum", fontsize=8)
    return figure


def residual_by_tilt(tilt_deg: Sequence[float], residual: npt.NDArray[np.float64], noise: npt.NDArray[np.float64]) -> Figure:
    """Relative residual of each tilt (A,), and that expected from noise alone."""
    figure = new_figure(7.0, 2.8)
    axis = figure.subplots()
    axis.plot(tilt_deg, 100 * residual, color="#0072B2", marker="o", markersize=3, linewidth=1.0, label="residual of the volume")
    axis.plot(tilt_deg, 100 * noise, color="#555555", linestyle="--", linewidth=1.0, label="expected from noise")
    axis.set(ylim=(0, None))
    axis.set_xlabel("tilt / degrees", fontsize=9)
    axis.set_ylabel("% of the tilt's data", fontsize=9)
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=8)
    axis.legend(fontsize=8, frameon=False)
    return figure


def _frequencies(shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    """(left, right, bottom, top) of a shifted transform's pixels, in cycles per pixel."""
    (top, bottom), (left, right) = ((-(size // 2) - 0.5, size - size // 2 - 0.5) for size in shape)
    return left / shape[1], right / shape[1], bottom / shape[0], top / shape[0]
