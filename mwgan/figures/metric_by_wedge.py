"""A metric against the missing wedge, one line per method (IRDM 2020, Fig. 4b); or a grid of such axes, by source and noise."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mwgan.figures.parts.stand_ins import marked, write_note
from mwgan.figures.parts.style import look, new_figure
from mwgan.figures.registry import Needs, figure
from mwgan.results.columns import column
from mwgan.results.means import averaged_over, means_over_sources, over_seeds, with_train_seed
from mwgan.results.subjects import counted

LETTERS = 86  # per line of the title
LEGEND_INSIDE = 6  # methods, with more the legend would cover lines


@figure("{metric}_by_wedge", needs=Needs.WEDGES)
def metric_by_wedge(
    results: pd.DataFrame, metric: str = "nrmse", sinogram: str = "missing", trained_deg: Sequence[float] | None = None
) -> Figure:
    """Mean of ``metric`` over images, and over test sources where there are several, against the wedge.

    The band of a method that was trained several times runs from the lowest of its trainings to the highest; that of any
    other from the 25th to the 75th percentile of its images.

    Parameters
    ----------
    results
        A results table.
    metric
        Its column to draw.
    sinogram
        Which sinograms: ``missing`` or ``complete``.
    trained_deg
        The lowest and the highest wedge of training, shaded; None shades nothing.
    """
    rows = results[results["sinogram"] == sinogram]
    crowded = rows["method"].nunique() > LEGEND_INSIDE
    figure = new_figure(7.0 if crowded else 5.6, 3.8)
    axis = figure.subplots()
    if trained_deg is not None:
        axis.axvspan(*trained_deg, color="#000000", alpha=0.06, linewidth=0, label="wedges of training")
    draw_lines(axis, rows, metric)
    if column(metric).from_zero:
        axis.set_ylim(bottom=0)
    if crowded:
        figure.legend(loc="outside right center", frameon=False, fontsize=8)
    else:
        axis.legend(frameon=False, fontsize=8)
    lines = textwrap.wrap(averaged_over(rows), LETTERS)
    if with_train_seed(rows)["train_seed"].notna().any():
        lines += textwrap.wrap(about_bands(rows), LETTERS)
    axis.set_title("\n".join(lines), fontsize=9)
    write_note(figure, rows)
    return figure


@figure("{metric}_grid", needs=Needs.NOISE_LEVELS)
def metric_grid(results: pd.DataFrame, metric: str = "psnr") -> Figure:
    """Means of ``metric`` over images; bands contain the middle half of the images (for several trainings: lowest to highest)."""
    sources = list(dict.fromkeys(results["source"]))
    noises = sorted(results["noise_percent"].unique())
    figure = new_figure(1.8 + max(2.3 * len(sources), 4.0), max(0.7 + 2.0 * len(noises), 3.2))
    # The achievable values differ between sources: each has its own range.
    axes = figure.subplots(len(noises), len(sources), sharex=True, sharey="col", squeeze=False)
    for row, noise in zip(axes, noises, strict=True):
        for axis, source in zip(row, sources, strict=True):
            chosen = results[(results["source"] == source) & (results["noise_percent"] == noise)].dropna(subset=metric)
            if chosen.empty:
                axis.set_axis_off()
                continue
            draw_lines(axis, chosen, metric)
            axis.set(
                xlabel="missing wedge / degrees" if noise == noises[-1] else "", ylabel=axis.get_ylabel() if source == sources[0] else ""
            )
            axis.set_title(f"{source}, {noise:g} % noise added\n{counted(chosen)}", fontsize=8)
    handles = {name: handle for axis in axes.flat for handle, name in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(list(handles.values()), list(handles), loc="outside right center", frameon=False, fontsize=8)
    figure.supxlabel(about_bands(results), fontsize=8)
    write_note(figure, results)
    return figure


def draw_lines(axis: Axes, rows: pd.DataFrame, metric: str) -> None:
    """A line and a band for each method of ``rows``, and the axes' names."""
    methods = list(dict.fromkeys(rows["method"]))
    styles, names = look(rows), marked(rows)
    means = means_over_sources(rows, metric)
    for method in methods:
        line = over_seeds(means[means["method"] == method], metric)
        axis.plot(line.index, line["mean"], label=names[method], linewidth=1.6, markersize=5, **styles[method])  # type: ignore[arg-type]
        low, high, alpha = line["low"], line["high"], 0.25
        if line["seeds"].max() < 2:
            images = rows[(rows["method"] == method) & rows["wedge_deg"].isin(line.index)].groupby("wedge_deg")[metric]
            low, high, alpha = images.quantile(0.25), images.quantile(0.75), 0.12
        axis.fill_between(line.index, low, high, color=styles[method]["color"], alpha=alpha, linewidth=0)
    axis.set(xlabel="missing wedge / degrees", ylabel=column(metric).label)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.25)


def about_bands(rows: pd.DataFrame) -> str:
    """A description of the bands of :func:`draw_lines`."""
    trainings = with_train_seed(rows).groupby("method")["train_seed"].nunique()
    if trainings.max() < 2:
        return "bands: the middle half of the images"
    rest = "" if trainings.min() > 1 else ", else the middle half of the images"
    return f"bands: lowest to highest of {trainings.max()} trainings{rest}"
