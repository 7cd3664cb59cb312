"""Perceptual index against RMSE, or RMSE alone and the reason where there is no index (Ding 2019, Fig. 12 and Table 5)."""

from __future__ import annotations

import textwrap

import pandas as pd
from matplotlib.figure import Figure

from mwgan.figures.parts.stand_ins import marked, names, note
from mwgan.figures.parts.style import look, new_figure
from mwgan.figures.parts.titles import title
from mwgan.figures.psnr_ssim import better, described, errors, scatter_means
from mwgan.figures.registry import Needs, figure
from mwgan.results.columns import column
from mwgan.results.reading import up_to_date

INDEX = "perceptual_index"
NOTE = "perceptual_note"
RMSE = "rmse_255"
UNKNOWN = "the table has none and gives no reason (column perceptual_note)"


@figure("perceptual", needs=Needs.ONE_WEDGE)
def perceptual(results: pd.DataFrame) -> Figure:
    """Mean perceptual index against mean RMSE, a point for each method and kind of sinogram; lower is better in both.

    Methods without an index are named below with the table's ``perceptual_note``; if no method has one, the figure
    shows only RMSE.
    """
    results = up_to_date(results)
    results = results if INDEX in results else results.assign(**{INDEX: float("nan")})
    known, lacking = results[results[INDEX].notna()], results[results[INDEX].isna()]
    figure = _rmse_alone(results) if known.empty else new_figure(8.4, 6.0)
    below = []
    if not lacking.empty:
        who = "" if known.empty else f" for {', '.join(dict.fromkeys(title(of, names(results)) for of in _columns(lacking)))}"
        below += textwrap.wrap(f"No perceptual index{who}: {_reasons(lacking)}", 110)
    below += textwrap.wrap(note(results), 110)
    if below:
        figure.supxlabel("\n".join(below), fontsize=8, x=0.02, ha="left")
    if not known.empty:
        axis = figure.subplots()
        axis.set_title(f"{described(known)}; bars: standard error; {better(RMSE, INDEX)}", fontsize=9)
        axis.set(xlabel=column(RMSE).label, ylabel=column(INDEX).label)
        scatter_means(axis, results, RMSE, INDEX)
    return figure


def _rmse_alone(results: pd.DataFrame) -> Figure:
    styles, named = look(results), marked(results)
    groups = results.groupby(["method", "sinogram"])
    quality = pd.DataFrame({"mean": groups[RMSE].mean(), "error": groups.apply(lambda rows: errors(rows, [RMSE])[RMSE])})
    quality = quality.reset_index().sort_values("mean")
    figure = new_figure(8.4, 1.6 + 0.27 * len(quality))
    axis = figure.subplots()
    titles = []
    rows = zip(quality["method"], quality["sinogram"], quality["mean"], quality["error"], strict=True)
    for place, (method, sinogram, mean, error) in enumerate(rows):
        color, marker = styles[method]["color"], styles[method]["marker"]
        axis.errorbar(
            mean, place, xerr=error, color=color, marker=marker, markersize=7, linewidth=1, capsize=2,
            markerfacecolor=color if sinogram == "missing" else "white", markeredgewidth=1.4,
        )  # fmt: skip
        titles.append(title((method, sinogram), named))
    axis.set_yticks(range(len(titles)), titles, fontsize=8)
    axis.set(xlabel=column(RMSE).label, xlim=(0, None))
    axis.invert_yaxis()
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    axis.set_title(f"{described(results)}; bars: standard error; lower is better", fontsize=9)
    return figure


def _columns(rows: pd.DataFrame) -> list[tuple[str, str]]:
    return [(str(method), str(sinogram)) for method, sinogram in rows[["method", "sinogram"]].itertuples(index=False)]


def _reasons(lacking: pd.DataFrame) -> str:
    notes = lacking[NOTE].dropna().astype(str).str.strip() if NOTE in lacking else pd.Series(dtype=str)
    return "; ".join(note for note in notes.unique() if note) or UNKNOWN
