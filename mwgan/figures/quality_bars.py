"""Mean PSNR and SSIM of every method, over all test sources and on each (IRDM 2020, Fig. 4a)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mwgan.figures.means import averaged_over, source_means, with_train_seed
from mwgan.figures.style import label, look, new_figure

METRICS = {"psnr": ("PSNR / dB", ".1f"), "ssim": ("SSIM", ".3f")}
ALL = "mean of the sources"
WIDTH = 0.84  # of a group of bars, whose places are 1 apart


def quality_bars(results: pd.DataFrame, sinogram: str = "missing") -> Figure:
    """A group of bars for the mean of all test sources, if there are several, and one for each; PSNR above SSIM.

    Bars are means over the images and wedges of ``results``. The error of a method that was trained several times runs from
    its lowest training to its highest; that of any other is the standard error over images.

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
    axes = figure.subplots(2, 1, sharex=True)
    for axis, (metric, (name, precision)) in zip(axes, METRICS.items(), strict=True):
        for place, group in enumerate(groups):
            chosen = rows if group == ALL else rows[rows["source"] == group]
            cells = len(chosen[["source", "wedge_deg"]].drop_duplicates())
            values = {method: _mean_and_ends(chosen[chosen["method"] == method], metric, cells) for method in methods}
            _draw_group(axis, place, values, precision)
        axis.set_ylabel(name)
        axis.margins(y=0.14)
        axis.set_xticks(range(len(groups)), groups)
        axis.tick_params(axis="x", length=0)
        axis.spines[["top", "right"]].set_visible(False)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles[: len(methods)], names[: len(methods)], loc="outside lower center", ncols=len(methods), frameon=False, fontsize=8)
    wedges = ", ".join(f"{wedge:g}°" for wedge in sorted(rows["wedge_deg"].unique()))
    bars = (
        "bars: lowest to highest training, or the standard error over images"
        if _trainings(rows) > 1
        else "bars: standard error over images"
    )
    axes[0].set_title(f"{averaged_over(rows)}; wedges {wedges}\n{bars}", fontsize=8)
    return figure


def _draw_group(axis: Axes, place: int, values: dict[str, tuple[float, float, float]], precision: str) -> None:
    """Bars round ``place`` of (mean, low, high) by method, the mean over each."""
    styles, width = look(list(values)), WIDTH / len(values)
    for rank, (method, (mean, low, high)) in enumerate(values.items()):
        if np.isnan(mean):
            continue
        x = place + (rank + 0.5) * width - WIDTH / 2
        axis.bar(x, mean, 0.92 * width, color=styles[method]["color"], label=label(method))
        axis.errorbar(x, mean, [[mean - low], [high - mean]], color="#000000", linewidth=0.9, capsize=2)
        axis.annotate(f"{mean:{precision}}", (x, high), (0, 2), textcoords="offset points", ha="center", fontsize=6.5)


def _mean_and_ends(rows: pd.DataFrame, metric: str, cells: int) -> tuple[float, float, float]:
    """Mean over ``cells`` sources and wedges of a method's means over images, and both ends of its error; NaN without them all."""
    means = source_means(rows, metric).dropna(subset=[metric]).groupby("train_seed", dropna=False)[metric]
    trainings = means.mean()[means.size() == cells]
    mean = float(trainings.mean())
    if len(trainings) != 1:
        return mean, float(trainings.min()), float(trainings.max())
    images = rows.groupby(["source", "image"])[metric].mean()  # the wedges of an image are no independent samples
    errors = images.groupby("source").sem().fillna(0.0)  # a single image has no standard error
    error = float(np.sqrt((errors**2).sum()) / len(errors))
    return mean, mean - error, mean + error


def _trainings(rows: pd.DataFrame) -> int:
    return int(rows.groupby("method")["train_seed"].nunique().max())
