"""A crystal by several methods, after IRDM 2020, Fig. 5: its atoms in space, and the power spectrum with the missing wedge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from mwgan.figures.parts.isosurface import isosurface
from mwgan.figures.parts.style import new_figure

TURN = (20.0, 28.0)  # degrees about the tilt axis and about the horizontal, to see three sides
BRIGHT, SOLID = 99.7, 0.45  # a percentile of voxels, and which share of it is solid
DECADES = 8.0  # displayed range of power
SPOT = 0.07  # per ångström, radius of the mark around a spot


class Spot(NamedTuple):
    """A reflection in the plane of a spectrum."""

    across: float
    """Per ångström, along the detector."""
    along: float
    """Per ångström, along the beam."""
    missing: bool
    """Whether it lies in the missing wedge."""


def crystal_figure(
    volumes: Mapping[str, npt.NDArray[np.float32]],
    voxel_angstrom: float,
    tilts_deg: tuple[float, float],
    spots: Sequence[Spot],
    notes: Mapping[str, str],
) -> Figure:
    """Draw one column per volume.

    Parameters
    ----------
    volumes
        (Y, Z, X), by name.
    voxel_angstrom
        Voxel size.
    tilts_deg
        Lowest and highest measured tilt.
    spots
        Reflections to mark; missing ones in another colour.
    notes
        Text below the spectrum of a volume.
    """
    figure = new_figure(1.9 * len(volumes), 4.6)
    axes = figure.subplots(2, len(volumes), squeeze=False)
    for column, (name, volume) in enumerate(volumes.items()):
        level = SOLID * float(np.percentile(volume, BRIGHT))
        axes[0, column].imshow(isosurface(volume, level, _view(*TURN)))
        axes[0, column].set_title(name, fontsize=8)
        axes[0, column].set_axis_off()
        _spectrum(axes[1, column], volume, voxel_angstrom, tilts_deg, spots)
        axes[1, column].set_xlabel(notes.get(name, ""), fontsize=6)
    return figure


def central_spectrum(volume: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Power (Z, X) of the projection of a volume (Y, Z, X) along the tilt axis: the central plane of its transform."""
    power: npt.NDArray[np.float64] = np.abs(np.fft.fftshift(np.fft.fft2(volume.sum(axis=0, dtype=np.float64)))) ** 2
    return power


def _spectrum(axis: Axes, volume: npt.NDArray[np.float32], voxel: float, tilts_deg: tuple[float, float], spots: Sequence[Spot]) -> None:
    power = central_spectrum(volume)
    highest = 0.5 / voxel
    shown = np.log10(np.maximum(power / max(float(power.max()), 1e-30), 1e-30))
    axis.imshow(shown, cmap="magma", vmin=-DECADES, vmax=0, extent=(-highest, highest, highest, -highest), interpolation="nearest")
    for tilt in np.deg2rad(tilts_deg):  # the lines that the images of these tilts fill: z points down, as on the picture
        axis.axline((0, 0), (np.cos(tilt), -np.sin(tilt)), color="0.75", linewidth=0.6, linestyle=":")
    for spot in spots:
        color = "#56B4E9" if spot.missing else "0.9"
        axis.add_patch(Circle((spot.across, spot.along), SPOT, fill=False, edgecolor=color, linewidth=0.9))
    axis.set_xlim(-highest, highest)
    axis.set_ylim(highest, -highest)
    axis.set_xticks([])
    axis.set_yticks([])


def _view(about_axis: float, about_horizontal: float) -> npt.NDArray[np.float64]:
    """Right, down and away from the eye, in x, y, z: the tilt axis upright, turned about it, then seen from above."""
    one, other = np.deg2rad(about_axis), np.deg2rad(about_horizontal)
    right = np.array([np.cos(one), 0, np.sin(one)])
    level = np.array([-np.sin(one), 0, np.cos(one)])
    up = np.array([0.0, -1.0, 0.0])
    away = np.cos(other) * level - np.sin(other) * up
    down = -(np.cos(other) * up + np.sin(other) * level)
    return np.stack([right, down, away])
