"""The missing wedge, in the sinogram and in Fourier space (Ding 2019, Fig. 1)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mwgan.figures.parts.picture_grid import picture_grid, show
from mwgan.figures.parts.spectrum import outline_wedge, show_spectrum
from mwgan.figures.registry import Needs, figure

Pixels = npt.NDArray[np.float32]
NOT_MEASURED = "#56B4E9"


@figure("wedge", needs=Needs.MEASUREMENT)
def wedge(image: Pixels, sinogram: Pixels, measured: npt.NDArray[np.bool_], tilt_deg: Pixels, tomogram: Pixels, wedge_deg: float) -> Figure:
    """Top: an image, its complete sinogram and its spectrum; bottom: the same with the wedge missing: WBP, sinogram, spectrum.

    Parameters
    ----------
    image, tomogram
        The truth and WBP of its missing-wedge sinogram, (N, N).
    sinogram
        The complete sinogram (A, N).
    measured, tilt_deg
        Which tilts are measured, and all of them in degrees, (A,).
    wedge_deg
        The missing wedge.
    """
    figure, axes = picture_grid(["image", "complete sinogram", "Fourier transform of the image"], rows=2)
    for axis, title in zip(axes[1], ["WBP", f"sinogram, {wedge_deg:g}° missing", "Fourier transform of WBP"], strict=True):
        axis.set_title(title, fontsize=8)
    white = float(sinogram.max())
    for row, (picture, rows) in enumerate([(image, sinogram), (tomogram, np.where(measured[:, None], sinogram, np.nan))]):
        show(axes[row, 0], picture)
        show_sinogram(axes[row, 1], rows, tilt_deg, white)
        show_spectrum(axes[row, 2], picture, like=image)
    if not measured[0]:
        middle_deg = (tilt_deg[0] + tilt_deg[measured.argmax()]) / 2
        axes[1, 1].text(sinogram.shape[1] / 2, middle_deg, "not measured", ha="center", va="center", fontsize=7)
    outline_wedge(axes[1, 2], len(image), wedge_deg)
    return figure


def show_sinogram(axis: Axes, rows: Pixels, tilt_deg: npt.NDArray[Any], white: float, first_deg: float = -90.0) -> None:
    """A sinogram (A, N) at evenly spaced tilts, in a square of 180 degrees from ``first_deg``.

    Rows of NaN get the colour for unmeasured tilts; tilts that are not given stay white.
    """
    half_step, detector = float(tilt_deg[1] - tilt_deg[0]) / 2, float(rows.shape[1])
    colors = colormaps["gray"].with_extremes(bad=NOT_MEASURED)
    top, bottom = float(tilt_deg[0]) - half_step, float(tilt_deg[-1]) + half_step
    axis.imshow(rows, cmap=colors, vmin=0, vmax=white, extent=(0.0, detector, bottom, top), aspect=detector / 180, interpolation="nearest")
    axis.set(xlim=(0, detector), ylim=(first_deg + 180 - half_step, first_deg - half_step))
    axis.set_yticks([tick for tick in np.arange(first_deg, first_deg + 180, 45) if top <= tick <= bottom])
    axis.tick_params(labelsize=7, length=2)
    axis.set_xlabel("detector", fontsize=8)
    axis.set_ylabel("tilt / degrees", fontsize=8)
