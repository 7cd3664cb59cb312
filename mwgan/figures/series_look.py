"""Overview of a tilt series: an image, a sinogram with its axis, and levels, masses and centres by tilt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mwgan.figures.parts.style import new_figure


def series_look(
    image: np.ndarray, sinogram: np.ndarray, tilt_deg: Sequence[float], curves: Mapping[str, np.ndarray], seen: Mapping[str, Any]
) -> Figure:
    """Plot the findings of a check of a series.

    Parameters
    ----------
    image
        An image (R, C) near tilt 0.
    sinogram
        The series (A, N), averaged along the tilt axis.
    tilt_deg
        Of its rows.
    curves
        For each image (A,): ``level`` of its sides, ``mass`` relative to the median, ``centre`` of mass in pixels right of the centre.
    seen
        ``tilt_axis``, ``axis_offset_px``, and ``rows`` and ``columns`` of the images in the file.
    """
    figure = new_figure(11.0, 3.2)
    axes = figure.subplots(1, 4, gridspec_kw={"width_ratios": (1.1, 1.3, 1, 1)})
    aspect = (seen["rows"] / image.shape[0]) / (seen["columns"] / image.shape[1])
    axes[0].imshow(image, cmap="gray", aspect=aspect, vmin=np.nanquantile(image, 0.005), vmax=np.nanquantile(image, 0.995))
    along = axes[0].axvline if seen["tilt_axis"] == "y" else axes[0].axhline
    size = image.shape[1] if seen["tilt_axis"] == "y" else image.shape[0]
    middle = (size - 1) / 2 + seen["axis_offset_px"] * size / sinogram.shape[1]
    along(middle, color="#E69F00", linewidth=1.0, linestyle="--")
    axes[0].set_title(f"image at about 0°, tilt axis along {seen['tilt_axis']}", fontsize=9)
    axes[0].axis("off")
    width = sinogram.shape[1]
    extent = (-(width - 1) / 2 - 0.5, (width - 1) / 2 + 0.5, len(sinogram) - 0.5, -0.5)
    low, high = np.nanquantile(sinogram, (0.005, 0.995))
    axes[1].imshow(sinogram, cmap="gray", aspect="auto", extent=extent, vmin=low, vmax=high)
    axes[1].plot(curves["centre"], np.arange(len(sinogram)), color="#56B4E9", linewidth=1.2, label="centre of mass")
    axes[1].axvline(seen["axis_offset_px"], color="#E69F00", linewidth=1.0, linestyle="--", label="tilt axis")
    places = np.linspace(0, len(tilt_deg) - 1, min(5, len(tilt_deg))).astype(int)
    axes[1].set_yticks(places, [f"{tilt_deg[place]:.0f}°" for place in places])
    axes[1].set_title("mean sinogram / pixels", fontsize=9)
    axes[1].legend(fontsize=6, loc="lower right")
    for axis, name, title in ((axes[2], "level", "level of the sides"), (axes[3], "mass", "mass of an image / median")):
        axis.plot(tilt_deg, curves[name], color="#0072B2", marker="o", markersize=2.5, linewidth=1.0)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("tilt / degrees", fontsize=8)
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes[1:]:
        axis.tick_params(labelsize=7)
    return figure
