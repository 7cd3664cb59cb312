"""Omission and hallucination rates of each method on specimens unlike its training data, by kind."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mwgan.errors import InputError
from mwgan.figures.parts.stand_ins import marked, write_note
from mwgan.figures.parts.style import look, new_figure
from mwgan.figures.registry import Needs, figure
from mwgan.results.subjects import counted

RATES = {"omission": "omitted features / %", "hallucination": "hallucinated area / %"}
ALL = "all"
WIDTH = 0.8  # of a group of bars, whose places are 1 apart


@figure("honesty", needs=Needs.ONE_WEDGE_AND_SINOGRAM)
def honesty(results: pd.DataFrame) -> Figure:
    """Bars of both rates, mean over the images of a kind and over all; lower is better.

    Parameters
    ----------
    results
        Rows of one wedge and noise level of the challenge: ``subject`` starts with the kind of image.
    """
    if "omission" not in results or results["omission"].isna().all():
        raise InputError("the table has no images with known features: evaluate on data=challenge")
    results = results[results["hallucination"].notna()]
    rows = results.assign(kind=results["subject"].str.split().str[0])
    methods, kinds = list(dict.fromkeys(rows["method"])), list(dict.fromkeys(rows["kind"]))
    styles, names, groups = look(rows), marked(rows), [*kinds, ALL]
    figure = new_figure(max(6.0, 0.14 * len(methods) * len(groups) + 2.0), 4.6)
    for axis, (rate, meaning) in zip(figure.subplots(2, 1, sharex=True), RATES.items(), strict=True):
        for rank, method in enumerate(methods):
            own = rows[rows["method"] == method]
            means = [100 * (own if group == ALL else own[own["kind"] == group])[rate].mean() for group in groups]
            shift = WIDTH * ((rank + 0.5) / len(methods) - 0.5)
            places = np.arange(len(groups)) + shift
            hatch = None if styles[method]["linestyle"] == "-" else "///"
            axis.bar(places, means, WIDTH / len(methods), color=styles[method]["color"], hatch=hatch, label=names[method], linewidth=0)
        axis.set_ylabel(meaning, fontsize=8)
        axis.set_xticks(range(len(groups)), groups)
        axis.tick_params(axis="x", length=0)
        axis.spines[["top", "right"]].set_visible(False)
        axis.axvline(len(kinds) - 0.5, color="#cccccc", linewidth=0.8)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=8)
    wedge, noise = rows["wedge_deg"].iloc[0], rows["noise_percent"].iloc[0]
    figure.axes[0].set_title(f"{counted(results)}, {wedge:g}° missing, noise {noise:g} %", fontsize=9)
    write_note(figure, rows)
    return figure
