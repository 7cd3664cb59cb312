"""A metric against the missing wedge, a column of axes for each test source and a row for each noise level."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from mwgan.figures.metric_by_wedge import about_bands, draw_lines
from mwgan.figures.parts.stand_ins import write_note
from mwgan.figures.parts.style import new_figure
from mwgan.results.subjects import counted


def metric_grid(results: pd.DataFrame, metric: str = "psnr") -> Figure:
    """Means of ``metric`` over images; bands hold the middle half of the images (of several trainings: lowest to highest)."""
    sources = list(dict.fromkeys(results["source"]))
    noises = sorted(results["noise_percent"].unique())
    figure = new_figure(1.8 + max(2.3 * len(sources), 4.0), max(0.7 + 2.0 * len(noises), 3.2))
    # Sources differ in what is within reach: each has its own range.
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
