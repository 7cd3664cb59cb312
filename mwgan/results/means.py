"""Means over images with equal weight for every test source, separately for each training."""

from __future__ import annotations

import pandas as pd

from mwgan.results.subjects import counted, named

KEYS = ["method", "train_seed", "wedge_deg"]


def with_train_seed(rows: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with a column ``train_seed``; NaN for older tables without it."""
    return rows if "train_seed" in rows else rows.assign(train_seed=float("nan"))


def source_means(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Mean over images of ``metric``, one row per method, training seed, wedge and source, in the table's order."""
    return with_train_seed(rows).groupby([*KEYS, "source"], sort=False, dropna=False)[[metric]].mean().reset_index()


def means_over_sources(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Mean over sources of :func:`source_means`, one row per method, training seed and wedge.

    Only where all sources of the table are present: else a mean over the easier ones could be mistaken for the full mean.
    """
    means = source_means(rows, metric).dropna(subset=[metric])
    grouped = means.groupby(KEYS, as_index=False, sort=False, dropna=False)
    both = grouped.agg(**{metric: (metric, "mean"), "sources": ("source", "nunique")})
    return both[both["sources"] == rows["source"].nunique()].drop(columns="sources").reset_index(drop=True)


def over_seeds(means: pd.DataFrame, metric: str) -> pd.DataFrame:
    """For one method's means: ``mean``, ``low``, ``high`` and ``seeds`` over its trainings, by ascending wedge.

    ``seeds`` counts the trainings; it is 1 for a method without any (classical, or an older table).
    """
    by_wedge = means.groupby("wedge_deg")[metric]
    return pd.DataFrame({"mean": by_wedge.mean(), "low": by_wedge.min(), "high": by_wedge.max(), "seeds": by_wedge.size()})


def averaged_over(results: pd.DataFrame) -> str:
    """A description of what is averaged: sources, images, their subjects and noise, as ``brain, 40 images of 2 subjects, noise 2 %``."""
    sources = list(results["source"].unique())
    noise = ", ".join(f"{noise:g}" for noise in sorted(results["noise_percent"].unique()))
    if len(sources) == 1:
        return f"{sources[0]}, {counted(results)}, noise {noise} %"
    images = len(results[["source", "image"]].drop_duplicates())
    return f"mean over {len(sources)} sources ({', '.join(named(results))}), {images} images, noise {noise} %"
