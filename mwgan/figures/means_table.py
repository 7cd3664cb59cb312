"""Averages of a results table: every metric of every method; and NRMSE with its spread over trainings (IRDM 2020's claims)."""

from __future__ import annotations

import pandas as pd

from mwgan.figures.parts.stand_ins import train_data
from mwgan.figures.registry import Needs, figure
from mwgan.results.columns import column, metrics_of
from mwgan.results.means import means_over_sources, source_means

CELL = ["source", "noise_percent", "wedge_deg", "method"]
ALL = "all"


@figure("means_table", needs=Needs.NOISE_LEVELS)
def means_table(results: pd.DataFrame) -> pd.DataFrame:
    """A row per source, noise level, wedge and method: means over images (and trainings), and the number of images.

    Metrics without any value in the table are left out.
    """
    grouped = results.groupby(CELL, sort=False)
    means = grouped[[name for name in metrics_of(results) if column(name).in_means]].mean()
    means.insert(0, "images", grouped["image"].nunique())
    return means.reset_index().sort_values(CELL[1:3], kind="stable").sort_values("source", key=_first_seen, kind="stable")


@figure("nrmse_table", needs=Needs.WEDGES)
def nrmse_table(results: pd.DataFrame, sinogram: str = "missing") -> pd.DataFrame:
    """A row per method, source and wedge; source ``all`` is the mean over sources, if a method has them all.

    ``nrmse`` is the mean over trainings of the means over images, ``nrmse_std`` the standard deviation between ``trainings``
    trainings (NaN for a single one, 0 trainings for a classical method). ``train_data`` includes fallback data.
    """
    rows = results[results["sinogram"] == sinogram]
    means = [source_means(rows, "nrmse"), means_over_sources(rows, "nrmse").assign(source=ALL)]
    grouped = pd.concat(means, ignore_index=True).groupby(["method", "source", "wedge_deg"], as_index=False, sort=False)
    table = grouped.agg(nrmse=("nrmse", "mean"), nrmse_std=("nrmse", "std"), trainings=("train_seed", "nunique"))
    table.insert(1, "train_data", table["method"].map(train_data(rows)))
    return table


def _first_seen(names: pd.Series) -> pd.Series:
    return names.map({name: rank for rank, name in enumerate(names.drop_duplicates())})
