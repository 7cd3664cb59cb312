"""Overview of an alignment: sinograms before and after, image shifts, and reconstruction residuals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mwgan.figures.parts.style import new_figure

BLUE, ORANGE = "#0072B2", "#E69F00"


def alignment_figure(
    tilt_deg: Sequence[float],
    shifts_px: np.ndarray,
    sinograms: tuple[np.ndarray, np.ndarray],
    residuals: tuple[np.ndarray, np.ndarray],
) -> Figure:
    """Draw an alignment.

    Parameters
    ----------
    tilt_deg
        (A,).
    shifts_px
        (A, 2): along the tilt axis and across it.
    sinograms
        (A, X) of the raw and of the aligned images, averaged along the tilt axis.
    residuals
        (A,) relative reconstruction residuals of the raw and of the aligned images.
    """
    figure = new_figure(11.0, 3.2)
    axes = figure.subplots(1, 4)
    low, high = np.quantile(sinograms[1], (0.005, 0.995))
    places = np.linspace(0, len(tilt_deg) - 1, min(5, len(tilt_deg))).astype(int)
    for axis, name, sinogram in zip(axes, ("raw", "aligned"), sinograms, strict=False):
        width = sinogram.shape[1]
        axis.imshow(sinogram, cmap="gray", aspect="auto", vmin=low, vmax=max(high, low + 1e-12), interpolation="nearest")
        axis.axvline((width - 1) / 2, color=ORANGE, linewidth=0.8, linestyle="--")
        axis.set_yticks(places, [f"{tilt_deg[place]:.0f}°" for place in places])
        axis.set_xticks([])
        axis.set_title(f"mean sinogram, {name}", fontsize=9)
    for column, name, color in ((0, "along the tilt axis", BLUE), (1, "across it", ORANGE)):
        axes[2].plot(tilt_deg, shifts_px[:, column], color=color, marker="o", markersize=2.5, linewidth=1.0, label=name)
    axes[2].set_title("shift / pixels", fontsize=9)
    for residual, name, color in zip(residuals, ("raw", "aligned"), (ORANGE, BLUE), strict=True):
        axes[3].plot(tilt_deg, 100 * residual, color=color, marker="o", markersize=2.5, linewidth=1.0, label=name)
    axes[3].set_title("reconstruction residual / %", fontsize=9)
    axes[3].set_yscale("log")
    for axis in axes[2:]:
        axis.set_xlabel("tilt / degrees", fontsize=8)
        axis.legend(fontsize=7)
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes:
        axis.tick_params(labelsize=7)
    return figure
