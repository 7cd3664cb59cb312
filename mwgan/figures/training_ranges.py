"""NRMSE against the wedge for networks trained on ranges of different width (IRDM 2020, Fig. 4c and d)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mwgan.errors import InputError
from mwgan.figures.metric_by_wedge import about_bands, draw_lines
from mwgan.figures.parts.stand_ins import marked, write_note
from mwgan.figures.parts.style import look, new_figure
from mwgan.figures.registry import Needs, figure
from mwgan.results.means import averaged_over, means_over_sources

METRIC = "nrmse"


@figure("training_ranges", needs=Needs.WEDGES)
def training_ranges(
    results: pd.DataFrame, ranges_deg: Mapping[str, Sequence[float]] | None, zoom_deg: Sequence[float], sinogram: str = "missing"
) -> Figure:
    """On the left all wedges, on the right those of ``zoom_deg``; below each a bar for every range of training.

    The enlarged part is scaled to the networks of ``ranges_deg``: a method above it is noted there.

    Parameters
    ----------
    results
        A results table.
    ranges_deg
        The lowest and the highest training wedge, by method.
    zoom_deg
        The lowest and the highest wedge to enlarge.
    sinogram
        Which sinograms: ``missing`` or ``complete``.
    """
    rows = results[results["sinogram"] == sinogram]
    ranges_deg = ranges_deg or {}
    trained = {method: ranges_deg[method] for method in dict.fromkeys(rows["method"]) if method in ranges_deg}
    if not trained:
        raise InputError(
            f"the table has none of {', '.join(ranges_deg) or 'the networks'}: give ranges_deg={{method: [low, high]}} of its own"
        )
    figure = new_figure(10.4, 4.4)
    axes = figure.subplots(2, 2, sharex="col", height_ratios=[1.0, 0.045 * len(trained) + 0.03])
    for above, below in axes.T:
        draw_lines(above, rows, METRIC)
        above.set_xlabel("")
        _draw_ranges(below, trained, look(rows), marked(rows))
    wedges = sorted(rows["wedge_deg"].unique())
    axes[0, 0].set(ylim=(0, None), xlim=(wedges[0] - 1, wedges[-1] + 1))
    figure.suptitle(f"{averaged_over(rows)}\n{about_bands(rows)}", fontsize=9)
    axes[0, 0].set_title("(c) all wedges", fontsize=9, loc="left")
    axes[0, 0].legend(frameon=False, fontsize=8)
    _enlarge(axes[0, 1], rows, list(trained), zoom_deg)
    axes[0, 1].set_title(f"(d) wedges of {zoom_deg[0]:g}° to {zoom_deg[1]:g}°", fontsize=9, loc="left")
    write_note(figure, rows)
    return figure


def _draw_ranges(
    axis: Axes, trained: Mapping[str, Sequence[float]], styles: Mapping[str, Mapping[str, str]], names: Mapping[str, str]
) -> None:
    for place, (method, (low, high)) in enumerate(trained.items()):
        axis.barh(place, high - low, left=low, height=0.55, color=styles[method]["color"])
    axis.set_yticks(range(len(trained)), [names[method] for method in trained], fontsize=7)
    axis.invert_yaxis()
    axis.set_xlabel("missing wedge / degrees; bars: wedges of training")
    axis.tick_params(axis="y", length=0)
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.grid(axis="x", alpha=0.25)


def _enlarge(axis: Axes, rows: pd.DataFrame, networks: Sequence[str], zoom_deg: Sequence[float]) -> None:
    """Set the limits by the networks' values inside the zoom; note the methods above them."""
    means = means_over_sources(rows, METRIC)
    inside = means[means["wedge_deg"].between(zoom_deg[0], zoom_deg[1])]
    shown = inside.loc[inside["method"].isin(networks), METRIC]
    axis.set_xlim(zoom_deg[0] - 0.5, zoom_deg[1] + 0.5)
    axis.xaxis.set_major_formatter("{x:g}")
    if shown.empty:
        raise InputError(f"the table has no wedge of the networks between {zoom_deg[0]:g} and {zoom_deg[1]:g}: choose others (zoom_deg=…)")
    margin = 0.12 * max(float(np.ptp(shown)), 0.05 * float(shown.max()))
    top = float(shown.max()) + margin
    axis.set_ylim(float(shown.min()) - margin, top)
    names = marked(rows)
    reach = inside.groupby("method", sort=False)[METRIC].agg(["min", "max"])
    above = [
        f"{names[method]} lies above, from {low:.3f}" if low > top else f"{names[method]} continues above, to {high:.3f}"
        for method, low, high in reach.itertuples()
        if high > top
    ]
    if above:
        axis.text(0.98, 0.98, "\n".join(above), transform=axis.transAxes, ha="right", va="top", fontsize=8, color="#555555")
