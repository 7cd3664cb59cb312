"""Mean PSNR and SSIM of every method, over all test sources and on each (IRDM 2020, Fig. 4a)."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mwgan.figures.parts.stand_ins import marked, note
from mwgan.figures.parts.style import LINES, look, new_figure
from mwgan.figures.registry import Needs, figure
from mwgan.results.columns import column
from mwgan.results.means import averaged_over, source_means, with_train_seed
from mwgan.results.subjects import counted, standard_error, with_subject

METRICS = {"psnr": ".1f", "ssim": ".3f"}
ALL = "mean of the sources"
HATCHES = dict(zip(LINES, (None, "///", "...", "xxx"), strict=True))  # distinguish bars of the same colour, like line styles
LETTERS_PER_INCH = 16  # of the title
WIDTH = 0.84  # of a group of bars, whose places are 1 apart


@figure("quality_bars", needs=Needs.WEDGES)
def quality_bars(results: pd.DataFrame, sinogram: str = "missing") -> Figure:
    """A group of bars for the mean of all test sources, if there are several, and one for each; PSNR above SSIM.

    Bars are means over the images and wedges of ``results``. The error of a method that was trained several times runs from
    its lowest training to its highest; that of any other is the standard error between subjects, none of fewer than three.

    Parameters
    ----------
    results
        A results table of the wedges to average.
    sinogram
        Which sinograms: ``missing`` or ``complete``.
    """
    rows = with_train_seed(results[results["sinogram"] == sinogram])
    methods, sources = list(dict.fromkeys(rows["method"])), list(dict.fromkeys(rows["source"]))
    groups = [ALL, *sources] if len(sources) > 1 else sources
    # A bar must be wide enough for the number over it.
    figure = new_figure(max(5.0, 0.9 + 0.4 * len(methods) * len(groups)), 5.2)
    letters = round(figure.get_figwidth() * LETTERS_PER_INCH)
    axes = figure.subplots(2, 1, sharex=True)
    for axis, (metric, precision) in zip(axes, METRICS.items(), strict=True):
        for place, group in enumerate(groups):
            chosen = rows if group == ALL else rows[rows["source"] == group]
            cells = len(chosen[["source", "wedge_deg"]].drop_duplicates())
            values = {method: _mean_and_ends(chosen[chosen["method"] == method], metric, cells) for method in methods}
            _draw_group(axis, place, values, look(rows), marked(rows), precision)
        axis.set_ylabel(column(metric).label)
        axis.margins(y=0.14)
        axis.set_xticks(range(len(groups)), groups)
        axis.tick_params(axis="x", length=0)
        axis.spines[["top", "right"]].set_visible(False)
    handles, names = axes[0].get_legend_handles_labels()
    columns = min(len(methods), int(figure.get_figwidth()))  # a name takes an inch
    figure.legend(handles[: len(methods)], names[: len(methods)], loc="outside lower center", ncols=columns, frameon=False, fontsize=8)
    wedges = ", ".join(f"{wedge:g}°" for wedge in sorted(rows["wedge_deg"].unique()))
    whose = "between subjects (of three or more)" if "subject" in counted(rows) else "over images"
    bars = f"bars: lowest to highest training, or the standard error {whose}" if _trainings(rows) > 1 else f"bars: standard error {whose}"
    lines = [averaged_over(rows), f"wedges {wedges}; {bars}", note(rows)]  # not below, where the legend is
    axes[0].set_title("\n".join(line for text in lines for line in textwrap.wrap(text, letters)), fontsize=8)
    return figure


def _draw_group(
    axis: Axes,
    place: int,
    values: dict[str, tuple[float, float, float]],
    styles: dict[str, dict[str, str]],
    names: dict[str, str],
    precision: str,
) -> None:
    """Bars round ``place`` of (mean, low, high) by method, the mean over each."""
    width = WIDTH / len(values)
    for rank, (method, (mean, low, high)) in enumerate(values.items()):
        if np.isnan(mean):
            continue
        x = place + (rank + 0.5) * width - WIDTH / 2
        hatch = HATCHES[styles[method]["linestyle"]]
        bars = axis.bar(x, mean, 0.92 * width, color=styles[method]["color"], label=names[method])
        if hatch:
            bars.patches[0].set(hatch=hatch, edgecolor="white")
        if not np.isnan(low):
            axis.errorbar(x, mean, [[mean - low], [high - mean]], color="#000000", linewidth=0.9, capsize=2)
        top = mean if np.isnan(high) else high
        axis.annotate(f"{mean:{precision}}", (x, top), (0, 2), textcoords="offset points", ha="center", fontsize=6.5)


def _mean_and_ends(rows: pd.DataFrame, metric: str, cells: int) -> tuple[float, float, float]:
    """Mean over ``cells`` sources and wedges of a method's means over images, and both ends of its error; NaN without them all."""
    means = source_means(rows, metric).dropna(subset=[metric]).groupby("train_seed", dropna=False)[metric]
    trainings = means.mean()[means.size() == cells]
    mean = float(trainings.mean())
    if len(trainings) != 1:
        return mean, float(trainings.min()), float(trainings.max())
    subjects = with_subject(rows).groupby(["source", "subject"])[metric].mean()  # nor are an image's wedges independent samples
    errors = subjects.groupby("source").agg(standard_error)
    error = float(np.sqrt((errors**2).sum(skipna=False)) / len(errors))
    return mean, mean - error, mean + error


def _trainings(rows: pd.DataFrame) -> int:
    return int(rows.groupby("method")["train_seed"].nunique().max())
