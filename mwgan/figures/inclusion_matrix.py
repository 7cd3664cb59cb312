"""Which training data are sufficient for which images: the minimum inclusion matrix of IRDM 2020, Fig. 6, as measured."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mwgan.figures.parts.stand_ins import marked, note, train_data
from mwgan.figures.parts.style import new_figure
from mwgan.figures.registry import Needs, figure
from mwgan.results.columns import column
from mwgan.results.means import averaged_over, source_means, with_train_seed
from mwgan.results.subjects import standard_error, with_subject

METRIC = "nrmse"
NOT_METHODS = ("source", "wedge_deg", "best", "tied", "train_data")  # columns of the table
NOTE = (
    "Solid frame: the lowest of its row. Dashed: as good, that is, no further from the lowest than two trainings of either differ,\n"
    "or than the standard error of the paired difference between three or more subjects (a synthetic image is its own)."
)
LETTERS = 118  # per line of the note below


@figure("inclusion_matrix", needs=Needs.WEDGES)
def inclusion_matrix(results: pd.DataFrame, sinogram: str = "missing", ranges_deg: Mapping[str, Sequence[float]] | None = None) -> Figure:
    """Mean NRMSE of each method (columns) on each test source and wedge (rows); the best of each row framed.

    Parameters
    ----------
    results
        A results table.
    sinogram
        Which sinograms: ``missing`` or ``complete``.
    ranges_deg
        The lowest and the highest training wedge of a method, shown under its name.
    """
    table = inclusion_matrix_table(results, sinogram)
    methods = [str(column) for column in table if column not in NOT_METHODS]
    cells = table[methods].to_numpy(dtype=float)
    figure = new_figure(1.9 + 0.85 * len(methods), 1.6 + 0.3 * len(table))
    axis = figure.subplots()
    drawn = axis.imshow(cells, cmap="cividis_r", aspect="auto", vmin=np.nanmin(cells), vmax=np.nanmax(cells))
    for (row, place), value in np.ndenumerate(cells):
        # cividis_r is bright where the error is small.
        dark = value - np.nanmin(cells) > 0.5 * np.ptp(cells[~np.isnan(cells)])
        text = "–" if np.isnan(value) else f"{value:.3f}"
        best = methods[place] == table["best"][row]
        axis.text(
            place, row, text, ha="center", va="center", fontsize=8, color="white" if dark else "black", weight="bold" if best else None
        )
        if best or methods[place] in table["tied"][row].split("; "):
            _frame(axis, row, place, dark, dashed=not best)
    rows = results[results["sinogram"] == sinogram]
    names, ranges = marked(rows), ranges_deg or {}
    headings = [names[name] + (f"\n{ranges[name][0]:g}–{ranges[name][1]:g}°" if name in ranges else "") for name in methods]
    axis.set_xticks(range(len(methods)), headings, fontsize=8)
    axis.xaxis.tick_top()
    axis.set_yticks(range(len(table)), [f"{wedge:g}°" for wedge in table["wedge_deg"]], fontsize=8)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    _name_sources(axis, list(table["source"]))
    bar = figure.colorbar(drawn, ax=axis, fraction=0.04, pad=0.02)
    bar.set_label(column(METRIC).label, fontsize=8)
    bar.ax.tick_params(labelsize=7)
    below = [averaged_over(rows).replace("mean over ", ""), note(rows)]
    figure.supxlabel("\n".join([NOTE, *(line for text in below for line in textwrap.wrap(text, LETTERS))]), fontsize=7.5)
    return figure


@figure("inclusion_matrix_table", needs=Needs.WEDGES)
def inclusion_matrix_table(results: pd.DataFrame, sinogram: str = "missing") -> pd.DataFrame:
    """The matrix: ``source``, ``wedge_deg``, a column of mean NRMSE for each method, ``best``, ``tied`` and ``train_data``.

    A method is tied with the best of its row if it is worse by no more than the range over trainings of either, or than the
    standard error between subjects of the difference between them on the same images, whichever is larger; ``tied`` joins
    them by ``; ``. ``train_data``, as in ``irdm_d1: D1 | irdm_d2: D2 (phantom faces for ct)``, is the same in every row.
    """
    rows = with_train_seed(results[results["sinogram"] == sinogram])
    methods = list(dict.fromkeys(rows["method"]))
    matrix = []
    for (source, wedge_deg), group in rows.groupby(["source", "wedge_deg"], sort=False):
        trainings = source_means(group, METRIC).groupby("method")[METRIC]
        means, spreads = trainings.mean(), trainings.max() - trainings.min()
        best = str(means.idxmin())
        images = with_subject(group).pivot_table(index=["subject", "image", "seed"], columns="method", values=METRIC)  # over trainings
        noise = {method: max(spreads[method], spreads[best], _paired_error(images[method] - images[best])) for method in means.index}
        tied = [method for method in methods if method in noise and method != best and means[method] - means[best] <= noise[method]]
        matrix.append({"source": source, "wedge_deg": wedge_deg, **means.reindex(methods).to_dict(), "best": best, "tied": "; ".join(tied)})
    data = " | ".join(f"{method}: {name}" for method, name in train_data(rows).items() if name)
    table = pd.DataFrame(matrix).assign(train_data=data)
    order = {source: rank for rank, source in enumerate(dict.fromkeys(rows["source"]))}
    return table.sort_values(
        ["source", "wedge_deg"], key=lambda column: column.map(order) if column.name == "source" else column, ignore_index=True
    )


def _paired_error(difference: pd.Series) -> float:
    """The standard error between subjects of a difference by image; 0 for too few, where only trainings decide a tie."""
    return float(np.nan_to_num(standard_error(difference.groupby("subject").mean())))


def _frame(axis: Axes, row: int, column: int, dark: bool, dashed: bool) -> None:
    color = "white" if dark else "black"
    style: dict[str, object] = {"linestyle": (0, (3, 2)), "linewidth": 0.9} if dashed else {"linewidth": 2.0}
    axis.add_patch(Rectangle((column - 0.46, row - 0.41), 0.92, 0.82, fill=False, zorder=3, edgecolor=color, **style))  # type: ignore[arg-type]


def _name_sources(axis: Axes, sources: Sequence[str]) -> None:
    """Each source's name beside its rows, and a gap in the colours between one source and the next."""
    start = 0
    for source, rows in groupby(sources):
        end = start + len(list(rows))
        axis.text(
            -0.085, (start + end - 1) / 2, source, transform=axis.get_yaxis_transform(), rotation=90, ha="right", va="center", fontsize=9
        )
        if start:
            axis.axhline(start - 0.5, color="white", linewidth=4)
        start = end
