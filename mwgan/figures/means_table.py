"""What a results table says on average: every measure of every method, by source, noise and wedge."""

from __future__ import annotations

import pandas as pd

CELL = ["source", "noise_percent", "wedge_deg", "method"]
MEASURES = ["psnr", "ssim", "nrmse", "frc_inside", "frc_outside", "residual", "residual_of_truth", "added_share", "added_share_of_truth"]
MEASURES += ["omission", "hallucination", "band_scale", "coverage", "rank_correlation", "ause", "seconds"]


def means_table(results: pd.DataFrame) -> pd.DataFrame:
    """A row per source, noise level, wedge and method: means over images (and trainings), and how many images they are of.

    Measures that the table lacks altogether are left out.
    """
    measures = [name for name in MEASURES if name in results and results[name].notna().any()]
    grouped = results.groupby(CELL, sort=False)
    means = grouped[measures].mean()
    means.insert(0, "images", grouped["image"].nunique())
    return means.reset_index().sort_values(CELL[1:3], kind="stable").sort_values("source", key=_first_seen, kind="stable")


def _first_seen(names: pd.Series) -> pd.Series:
    return names.map({name: rank for rank, name in enumerate(names.drop_duplicates())})
