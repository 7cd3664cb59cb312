"""The reliability of one slice: the slice, its unmeasured part, its residual and its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from mwgan.figures.parts.picture_grid import WIDEST
from mwgan.figures.parts.spectrum import SCALE, log_magnitude
from mwgan.figures.parts.style import new_figure

Pixels = npt.NDArray[np.float32]
LEAST_NOISES = 4.0  # minimum range of the residual's colour scale in standard deviations, so that noise is pale
BRIGHTEST = 0.995  # quantile at the end of a scale
TINY = float(np.finfo(np.float32).tiny)


def trust_panel(
    tomogram: Pixels,
    added: Pixels,
    residual: Pixels,
    noise: float,
    deviation: Pixels,
    contrast: float,
    tilt_deg: Sequence[float],
    wedges_deg: Sequence[tuple[float, float]],
) -> Figure:
    """The slice, its content in the missing wedge, its power spectrum, its residual in units of the noise, its uncertainty.

    Parameters
    ----------
    tomogram, added, deviation
        The slice (Z, X), its part in the missing wedge, and its standard deviation.
    residual, noise
        Projections minus data (A, N), and the RMS noise.
    contrast
        The uncertainty is shown relative to it.
    tilt_deg
        Measured tilts in degrees (A,).
    wedges_deg
        Missing wedges in degrees, from one measured tilt to the next as in (60, 120); drawn as dashed lines.
    """
    titles = ["tomogram", "its part in the missing wedge", "log₁₀ power spectrum", "residual / noise", "uncertainty, % of contrast"]
    figure = new_figure(WIDEST, WIDEST / len(titles) + 0.45)
    axes = figure.subplots(1, len(titles))
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title, fontsize=8)
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_linewidth(0.4)
    white = max(float(np.quantile(tomogram, BRIGHTEST)), TINY)
    _scale(axes[0], axes[0].imshow(tomogram, cmap="gray", vmin=0, vmax=white))
    # The same width of scale as the tomogram's, so that they can be compared by eye.
    _scale(axes[1], axes[1].imshow(added, cmap="gray", vmin=-white / 2, vmax=white / 2))
    power = 2 * log_magnitude(tomogram)
    black, bright = np.quantile(power, SCALE)
    _scale(axes[2], axes[2].imshow(power, cmap="inferno", vmin=black, vmax=bright))
    _outline(axes[2], len(tomogram), wedges_deg)
    _show_residual(axes[3], residual / max(noise, TINY), tilt_deg)
    percent = 100 * deviation / max(contrast, TINY)
    _scale(axes[4], axes[4].imshow(percent, cmap="magma", vmin=0, vmax=max(float(np.quantile(percent, BRIGHTEST)), TINY)))
    return figure


def _show_residual(axis: Axes, noises: Pixels, tilt_deg: Sequence[float]) -> None:
    """Tilts from top to bottom, detector from left to right; red where the projection is too high, blue where too low."""
    reach = max(LEAST_NOISES, float(np.quantile(np.abs(noises), BRIGHTEST)))
    rows, detector = noises.shape
    picture = axis.imshow(noises, cmap="RdBu_r", vmin=-reach, vmax=reach, aspect=detector / rows, interpolation="nearest")
    ticks = np.unique(np.linspace(0, rows - 1, 5).round().astype(int))
    axis.set_yticks(ticks, [f"{tilt_deg[row]:.0f}°" for row in ticks])
    axis.tick_params(labelsize=7, length=2)
    _scale(axis, picture)


def _outline(axis: Axes, size: int, wedges_deg: Sequence[tuple[float, float]]) -> None:
    """Dashed lines along the tilts at the wedges' edges: a tilt measures the direction (x: cos, z: -sin), z down the rows."""
    middle = size // 2
    for tilt_deg in {edge for wedge in wedges_deg for edge in wedge}:
        x, z = math.cos(math.radians(tilt_deg)), -math.sin(math.radians(tilt_deg))
        reach = size / 2 / max(abs(x), abs(z))
        ends = np.array([-reach, reach])
        axis.plot(middle + ends * x, middle + ends * z, color="white", linewidth=0.8, linestyle=(0, (4, 4)))
    axis.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5))


def _scale(axis: Axes, picture: AxesImage) -> None:
    """A colour bar close below a picture."""
    bar = axis.figure.colorbar(picture, cax=axis.inset_axes((0.0, -0.09, 1.0, 0.04)), orientation="horizontal", ticks=MaxNLocator(4))
    bar.ax.tick_params(labelsize=7, length=2)
    bar.outline.set_linewidth(0.4)  # type: ignore[operator]
