"""Overview of atoms: three views, their masses, and the residual of each image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mwgan.figures.parts.style import new_figure

COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")
SIDES = ((0, 1, 2, "along the beam"), (0, 2, 1, "along the tilt axis"), (1, 2, 0, "from the side"))
SIZE = 6000.0  # total size of all markers in a view, in square points
MOST, LEAST = 60.0, 3.0


def atoms_figure(
    positions: np.ndarray, groups: np.ndarray, names: Sequence[str], errors: np.ndarray, masses: np.ndarray, by_tilt: np.ndarray
) -> Figure:
    """Plot the atoms found.

    Parameters
    ----------
    positions
        (K, 3) ångström: x, y, z.
    groups, names
        (K,): species of each atom.
    errors
        (K, 3) ångström; NaN if not refined.
    masses
        (K,) in units of the heaviest species'.
    by_tilt
        (A,): residual of each image in variances of its noise; empty if not refined.
    """
    figure = new_figure(14.0, 3.3)
    axes = figure.subplots(1, 5, width_ratios=(1, 1, 1, 0.8, 0.8))
    for axis, side in zip(axes[:3], SIDES, strict=True):
        _side(axis, positions, groups, names, side)
    _masses(axes[3], masses, groups, names)
    _left(axes[4], by_tilt, errors)
    return figure


def _side(axis: Axes, positions: np.ndarray, groups: np.ndarray, names: Sequence[str], side: tuple[int, int, int, str]) -> None:
    right, down, depth, title = side
    size = float(np.clip(SIZE / max(len(positions), 1), LEAST, MOST))
    order = np.argsort(-positions[:, depth], kind="stable")  # the near ones last
    share = np.ones(len(order)) if len(order) < 2 else 0.35 + 0.65 * np.arange(len(order)) / (len(order) - 1)
    for group, name in enumerate(names):
        chosen = groups[order] == group
        axis.scatter(
            positions[order][chosen, right],
            positions[order][chosen, down],
            s=size,
            c=COLORS[group % len(COLORS)],
            alpha=share[chosen],
            linewidths=0.2,
            edgecolors="white",
            label=f"{name} ({int(chosen.sum())})",
        )
    axis.set_aspect("equal")
    axis.invert_yaxis()
    axis.set_title(title, fontsize=8)
    axis.set_xlabel(f"{'xyz'[right]} / Å", fontsize=7)
    axis.set_ylabel(f"{'xyz'[down]} / Å", fontsize=7)
    axis.tick_params(labelsize=6, length=2)
    if right == 0 and down == 1 and len(names) > 1:
        axis.legend(fontsize=6, frameon=False, loc="upper right")


def _masses(axis: Axes, masses: np.ndarray, groups: np.ndarray, names: Sequence[str]) -> None:
    bins = list(np.linspace(0, max(float(masses.max(initial=0.0)), 1e-9) * 1.05, 50))
    for group, name in enumerate(names):
        axis.hist(masses[groups == group], bins, color=COLORS[group % len(COLORS)], label=name)
    axis.set_xlabel("mass, of the heaviest species", fontsize=7)
    axis.set_ylabel("atoms", fontsize=7)
    axis.tick_params(labelsize=6, length=2)
    axis.spines[["top", "right"]].set_visible(False)


def _left(axis: Axes, by_tilt: np.ndarray, errors: np.ndarray) -> None:
    axis.set_xlabel("image, by tilt", fontsize=7)
    axis.set_ylabel("residual, in variances of the noise", fontsize=7)
    axis.tick_params(labelsize=6, length=2)
    axis.spines[["top", "right"]].set_visible(False)
    if not len(by_tilt):
        axis.set_title("not refined", fontsize=8)
        return
    axis.plot(by_tilt, "o-", color=COLORS[0], markersize=2, linewidth=0.8)
    axis.axhline(1.0, color="0.6", linewidth=0.8)
    axis.set_ylim(0, max(1.5, 1.1 * float(by_tilt.max())))
    whole = 100 * float(np.sqrt(np.mean((errors**2).sum(axis=1))))
    axis.set_title(f"floor {whole:.1f} pm in space", fontsize=8)
