"""Structural similarity against PSNR, a point for each method and kind of sinogram (Ding 2019, Fig. 11 and Table 4)."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mwgan.figures.parts.label_placement import Point, label_points
from mwgan.figures.parts.stand_ins import marked, write_note
from mwgan.figures.parts.style import look, new_figure
from mwgan.figures.parts.titles import title
from mwgan.figures.registry import Needs, figure
from mwgan.results.columns import column
from mwgan.results.subjects import counted, standard_error, with_subject


@figure("psnr_ssim", needs=Needs.ONE_WEDGE)
def psnr_ssim(results: pd.DataFrame) -> Figure:
    """Mean SSIM against mean PSNR over the images of ``results``, with the standard error of either.

    Filled marks are missing-wedge sinograms (M_), open ones complete sinograms (C_).
    """
    figure = new_figure(8.4, 6.0)
    axis = figure.subplots()
    scatter_means(axis, results, "psnr", "ssim")
    axis.set(xlabel=column("psnr").label, ylabel=column("ssim").label)
    axis.set_title(f"{described(results)}; bars: standard error; {better('psnr', 'ssim')}", fontsize=9)
    write_note(figure, results)
    return figure


def scatter_means(axis: Axes, results: pd.DataFrame, x: str, y: str) -> None:
    """A named point for each method and kind of sinogram at its means of two columns, with their standard errors between subjects.

    Where one of the columns is all NaN there is no point.
    """
    styles, names = look(results), marked(results)
    points = []
    for group, rows in results.groupby(["method", "sinogram"], sort=False):
        method, sinogram = map(str, group)  # type: ignore[call-overload]
        color, marker = styles[method]["color"], styles[method]["marker"]
        mean, error = rows[[x, y]].mean(), errors(rows, [x, y])
        if mean.isna().any():
            continue
        axis.errorbar(
            mean[x], mean[y], xerr=error[x], yerr=error[y], color=color, marker=marker, markersize=7, linewidth=1, capsize=2,
            markerfacecolor=color if sinogram == "missing" else "white", markeredgewidth=1.4,
        )  # fmt: skip
        points.append(Point(mean[x], mean[y], error[x], error[y], title((method, sinogram), names), color))
    axis.margins(0.12)
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    label_points(axis, points)


def better(x: str, y: str) -> str:
    """A note on where better methods are in a plot of two metrics."""
    return f"better is {column(y).better} and to the {'right' if column(x).better == 'up' else 'left'}"


def errors(rows: pd.DataFrame, metrics: list[str]) -> pd.Series:
    """The standard error between subjects of each metric's mean; 0 for too few subjects."""
    return with_subject(rows).groupby(["source", "subject"])[metrics].mean().agg(standard_error).fillna(0.0)


def described(results: pd.DataFrame) -> str:
    """A description of what is averaged: source, images, wedge and noise."""
    wedges = ", ".join(f"{wedge:g}°" for wedge in sorted(results["wedge_deg"].unique()))
    sources = ", ".join(results["source"].unique())
    return f"{sources}, {counted(results)}, wedge {wedges}, noise {results['noise_percent'].iloc[0]:g} %"
