"""Mean NRMSE of every method by wedge and test source, with its spread over trainings: what IRDM 2020's claims are tested on."""

from __future__ import annotations

import pandas as pd

from mwgan.figures.parts.stand_ins import train_data
from mwgan.results.means import means_over_sources, source_means

ALL = "all"


def nrmse_table(results: pd.DataFrame, sinogram: str = "missing") -> pd.DataFrame:
    """A row per method, source and wedge; source ``all`` is the mean over sources, where a method has them all.

    ``nrmse`` is the mean over trainings of the means over images, ``nrmse_std`` the standard deviation between ``trainings``
    trainings (NaN of a single one, 0 trainings of a classical method). ``train_data`` tells of stand-ins for training images.
    """
    rows = results[results["sinogram"] == sinogram]
    means = [source_means(rows, "nrmse"), means_over_sources(rows, "nrmse").assign(source=ALL)]
    grouped = pd.concat(means, ignore_index=True).groupby(["method", "source", "wedge_deg"], as_index=False, sort=False)
    table = grouped.agg(nrmse=("nrmse", "mean"), nrmse_std=("nrmse", "std"), trainings=("train_seed", "nunique"))
    table.insert(1, "train_data", table["method"].map(train_data(rows)))
    return table
