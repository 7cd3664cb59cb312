"""Training curves of the runs of a sweep: quality of held-out images and pixel loss against the images seen."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from mwgan.figures.parts.style import LINES, MARKERS, new_figure

PANELS = {"val/psnr": "PSNR / dB, held out", "train/pixel_loss": "pixel loss, training"}
LOGARITHMIC = "train/pixel_loss"
IMAGES = "train/images"
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#222222", "#999999")
MARKED = 12  # epochs; with more, markers would hide the line style


def run_curves(logs: Mapping[tuple[str, str], pd.DataFrame]) -> Figure:
    """A panel for each of PSNR and pixel loss, a line for each run.

    Parameters
    ----------
    logs
        A run's ``csv/metrics.csv``, by what is trained, which determines the colour, and by training. Runs of one
        colour have different line styles, and when these run out markers.
    """
    runs = {names: log.groupby("epoch").last() for names, log in logs.items()}  # a value an epoch and key, whichever row it stands in
    colors = {kind: COLORS[rank % len(COLORS)] for rank, kind in enumerate(dict.fromkeys(kind for kind, _ in runs))}
    by_images = all(IMAGES in epochs for epochs in runs.values())
    figure = new_figure(10.4, 3.6)
    axes = figure.subplots(1, len(PANELS))
    seen: dict[str, int] = {}
    for (kind, training), epochs in runs.items():
        color = colors[kind]
        turn, place = divmod(seen.get(color, 0), len(LINES))
        seen[color] = seen.get(color, 0) + 1
        name = ", ".join(part for part in (kind, training) if part)
        for axis, key in zip(axes, PANELS, strict=True):
            if key in epochs:
                values = epochs[key].dropna()
                x = epochs[IMAGES][values.index] if by_images else values.index + 1
                marker = MARKERS[turn % len(MARKERS)] if turn or len(x) <= MARKED else None
                style = {"color": color, "linestyle": LINES[place], "marker": marker, "markevery": -(-len(x) // MARKED)}
                axis.plot(x, values, markersize=3, linewidth=1.3, label=name, **style)
    for axis, (key, title) in zip(axes, PANELS.items(), strict=True):
        if key == LOGARITHMIC and axis.lines:
            axis.set_yscale("log")
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("images seen" if by_images else "epochs", fontsize=8)
        axis.tick_params(which="both", labelsize=7)
        axis.xaxis.get_offset_text().set_fontsize(7)
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    handles, names = max((axis.get_legend_handles_labels() for axis in axes), key=lambda found: len(found[0]))
    figure.legend(handles, names, loc="outside right upper", frameon=False, fontsize=7)
    return figure
