"""Selects rows of a table for figures: by test source, methods and training, and the first images of the kept tomograms.

Older tables without the columns ``train_seed`` and ``kept_as`` are treated as if these were empty.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from mwgan.errors import InputError
from mwgan.results.means import with_train_seed

TRUTH = "truth"


def choose(
    rows: pd.DataFrame,
    source: str | None = None,
    methods: Sequence[str] | None = None,
    train_seed: int | None = None,
    noise_percent: float | None = None,
) -> pd.DataFrame:
    """The requested rows, with methods in the requested order; None takes all. The truth and classical methods stay.

    Raises
    ------
    InputError
        If the table has no such source, method, training or noise; the message lists those available.
    """
    rows = with_train_seed(rows)
    if source is not None:
        rows = _some(rows, rows["source"] == source, f"test_source={source}", rows["source"])
    if noise_percent is not None:
        rows = _some(rows, rows["noise_percent"] == noise_percent, f"noise_percent={noise_percent:g}", rows["noise_percent"])
    if methods is not None:
        there = rows.loc[rows["method"] != TRUTH, "method"]
        absent = [name for name in methods if name not in set(there)]
        if absent:
            raise InputError(f"the table has no method {', '.join(absent)}: it has {_listed(there)} (methods=[…])")
        order = {name: rank for rank, name in enumerate([TRUTH, *methods])}
        rows = rows[rows["method"].isin(order)].sort_values("method", key=lambda names: names.map(order), kind="stable")
    if train_seed is not None:
        _some(rows, rows["train_seed"] == train_seed, f"train_seed={train_seed}", rows["train_seed"].dropna().astype(int))
        untrained = rows.groupby("method")["train_seed"].transform("count") == 0
        rows = rows[(rows["train_seed"] == train_seed) | untrained | (rows["method"] == TRUTH)]
    return rows


def of_one_source(rows: pd.DataFrame) -> pd.DataFrame:
    """``rows``, checked to be of one source, for a figure of images: image numbers of several sources clash."""
    if rows["source"].nunique() > 1:
        raise InputError(
            f"this figure shows images of one test source, and the table has {_listed(rows['source'])}: choose one (test_source=…)"
        )
    return rows


def of_one_noise(rows: pd.DataFrame) -> pd.DataFrame:
    """``rows``, checked to be of one noise level, for a figure that must not mix them."""
    if rows["noise_percent"].nunique() > 1:
        raise InputError(
            f"this figure shows one noise level, and the table has {_listed(rows['noise_percent'])} %: choose one (noise_percent=…)"
        )
    return rows


def of_one_wedge(rows: pd.DataFrame) -> pd.DataFrame:
    """``rows``, for a figure that means nothing across wedges."""
    wedges = sorted(rows["wedge_deg"].unique())
    if len(wedges) > 1:
        available = ", ".join(f"{wedge:g}" for wedge in wedges)
        raise InputError(f"this figure shows one wedge, and the table has {available}: choose one (wedges_deg=[{wedges[0]:g}])")
    return rows


def of_one_sinogram(rows: pd.DataFrame, sinogram: str) -> pd.DataFrame:
    """The rows of one kind of sinogram, ``missing`` or ``complete``."""
    chosen = rows[rows["sinogram"] == sinogram]
    if chosen.empty:
        raise InputError(f"the table has no {sinogram} sinograms: it has {_listed(rows['sinogram'])}")
    return chosen


def of_one_training(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of each method's training with the lowest seed, for a figure of images."""
    rows = with_train_seed(rows)
    lowest = rows.groupby("method")["train_seed"].transform("min")  # NaN for classical methods
    return rows[(rows["train_seed"] == lowest) | lowest.isna() | (rows["method"] == TRUTH)]


def first_images(tomograms: pd.DataFrame) -> pd.DataFrame:
    """The tomograms that were kept as the first of their source, without those kept as best or worst."""
    return tomograms[tomograms["kept_as"].isna() | (tomograms["kept_as"] == "first")] if "kept_as" in tomograms else tomograms


def _some(rows: pd.DataFrame, wanted: pd.Series, asked: str, there: pd.Series) -> pd.DataFrame:
    if not wanted.any():
        raise InputError(f"the table has no rows of {asked}: it has {_listed(there) or 'none'}")
    return rows[wanted]


def _listed(names: pd.Series) -> str:
    return ", ".join(str(name) for name in sorted(names.unique()))
