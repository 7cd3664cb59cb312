"""Overview of a measured volume: its particles outlined in two sections, and their sizes with intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mwgan.figures.parts.style import new_figure

BLUE, ORANGE = "#0072B2", "#E69F00"
OUTLINES = ("#56B4E9", "#E69F00", "#009E73", "#F0E442", "#CC79A7", "#D55E00")
MOST_NAMED = 40  # most labels written into a section
Row = tuple[int, float, float, float, bool]


def measured_volume(
    volume: np.ndarray, labels: np.ndarray, voxel_nm: tuple[float, float, float], diameters: Sequence[Row], thicknesses: Sequence[Row]
) -> Figure:
    """Plot the results of a measurement.

    Parameters
    ----------
    volume, labels
        (Y, Z, X), and the particle of each voxel, from 1.
    voxel_nm
        (y, z, x).
    diameters, thicknesses
        Of each particle: its label, the number in nm, both ends of its interval, and whether it is safe.
    """
    figure = new_figure(12.0, 3.6)
    axes = figure.subplots(1, 4, width_ratios=(1, 1, 1.1, 1.1))
    y, z = _fullest(labels), _fullest(labels.swapaxes(0, 1))
    _section(axes[0], volume[y], labels[y], (voxel_nm[1], voxel_nm[2]), f"across the tilt axis, y = {y * voxel_nm[0]:.4g} nm")
    _section(axes[1], volume[:, z], labels[:, z], (voxel_nm[0], voxel_nm[2]), f"from above, z = {z * voxel_nm[1]:.4g} nm")
    _numbers(axes[2], diameters, "equivalent diameter / nm")
    _numbers(axes[3], thicknesses, "thickness / nm")
    return figure


def _fullest(labels: np.ndarray) -> int:
    """The slice (along the first axis) that shows most particles, and of these the one with most of them."""
    shown = [(len(np.unique(one)), int((one > 0).sum())) for one in labels]
    return max(range(len(shown)), key=lambda place: shown[place])


def _section(axis: Axes, values: np.ndarray, labels: np.ndarray, pixel_nm: tuple[float, float], title: str) -> None:
    rows, columns = values.shape
    low, high = np.quantile(values, (0.005, 0.995))
    reach = (-pixel_nm[1] / 2, (columns - 0.5) * pixel_nm[1], (rows - 0.5) * pixel_nm[0], -pixel_nm[0] / 2)
    axis.imshow(values, cmap="gray", vmin=low, vmax=max(high, low + 1e-12), extent=reach, interpolation="nearest")
    down, right = np.arange(rows) * pixel_nm[0], np.arange(columns) * pixel_nm[1]
    there = [int(label) for label in np.unique(labels) if label]
    for label in there:
        inside = (labels == label).astype(float)
        color = OUTLINES[label % len(OUTLINES)]
        if min(values.shape) > 1:
            axis.contour(right, down, inside, levels=[0.5], colors=[color], linewidths=0.9)
        if len(there) <= MOST_NAMED:
            places = np.argwhere(inside > 0)
            # A particle's centre may lie outside it, as for a shell; its label is placed at its nearest voxel.
            at = places[np.argmin(((places - places.mean(axis=0)) ** 2).sum(axis=1))]
            axis.text(at[1] * pixel_nm[1], at[0] * pixel_nm[0], str(label), color=color, fontsize=6, ha="center", va="center")
    axis.set_title(title, fontsize=8)
    axis.set_xlabel("x / nm", fontsize=7)
    axis.set_ylabel("z / nm" if title.startswith("across") else "y / nm", fontsize=7)
    axis.tick_params(labelsize=6, length=2)


def _numbers(axis: Axes, rows: Sequence[Row], name: str) -> None:
    """Particles from small to large, each with its interval."""
    ordered = sorted(rows, key=lambda row: row[1])
    for color, safe, status in ((BLUE, True, "safe"), (ORANGE, False, "unsafe: wedge or border decide")):
        chosen = [(place, row) for place, row in enumerate(ordered) if row[4] is safe]
        if not chosen:
            continue
        places = np.array([place for place, _ in chosen])
        values = np.array([row[1:4] for _, row in chosen]).T
        bars = np.clip(np.stack([values[0] - values[1], values[2] - values[0]]), 0, None)
        axis.errorbar(values[0], places, xerr=bars, fmt="o", color=color, markersize=3, linewidth=1.0, capsize=1.5, label=status)
    if len(ordered) <= MOST_NAMED:
        axis.set_yticks(range(len(ordered)), [str(row[0]) for row in ordered])
    axis.set_xlabel(f"{name}, with its 90 % interval", fontsize=7)
    axis.set_ylabel("particle" if len(ordered) <= MOST_NAMED else "particles, from small to large", fontsize=7)
    axis.set_xlim(left=0)
    axis.tick_params(labelsize=6, length=2)
    axis.grid(axis="x", alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(fontsize=6, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, frameon=False, borderaxespad=0.2)
