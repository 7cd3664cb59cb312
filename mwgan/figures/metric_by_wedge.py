"""A metric against the missing wedge, one line a method (IRDM 2020, Fig. 4b)."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from mwgan.figures.style import label, look, new_figure

AXES = {"nrmse": "NRMSE", "psnr": "PSNR / dB", "ssim": "SSIM", "rmse_255": "RMSE / grey levels of 255"}


def metric_by_wedge(results: pd.DataFrame, metric: str = "nrmse", sinogram: str = "missing") -> Figure:
    """Mean over images of ``metric`` against the wedge, with a band from the 25th to the 75th percentile.

    Parameters
    ----------
    results
        A results table.
    metric
        Its column to draw.
    sinogram
        Which sinograms: ``missing`` or ``complete``.
    """
    rows = results[results["sinogram"] == sinogram]
    methods = list(dict.fromkeys(rows["method"]))
    styles = look(methods)
    figure = new_figure(5.6, 3.8)
    axis = figure.subplots()
    for method in methods:
        by_wedge = rows[rows["method"] == method].groupby("wedge_deg")[metric]
        mean, low, high = by_wedge.mean(), by_wedge.quantile(0.25), by_wedge.quantile(0.75)
        axis.plot(mean.index, mean, label=label(method), linewidth=1.6, markersize=5, **styles[method])  # type: ignore[arg-type]
        axis.fill_between(mean.index, low, high, color=styles[method]["color"], alpha=0.12, linewidth=0)
    axis.set(xlabel="missing wedge / degrees", ylabel=AXES.get(metric, metric))
    if metric in ("nrmse", "rmse_255"):
        axis.set_ylim(bottom=0)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.25)
    axis.legend(frameon=False, fontsize=8)
    images = rows["image"].nunique()
    axis.set_title(f"{', '.join(rows['source'].unique())}, {images} images, noise {rows['noise_percent'].iloc[0]:g} %", fontsize=9)
    return figure
