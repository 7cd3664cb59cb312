"""Whose images they are: slices of one patient in several poses are no independent samples, so errors are between subjects.

A drawn image is a subject of its own, and so is every image of a table from before the column ``subject``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

FEWEST = 3  # subjects that a standard error takes


def with_subject(rows: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with a subject in each; images without one are told apart by their number and the seed that drew them."""
    own = "image " + rows["image"].astype(str) + " of seed " + rows["seed"].astype(str)
    known = known_subject(rows)
    return rows.assign(subject=known.where(known != "", own))


def known_subject(rows: pd.DataFrame) -> pd.Series:
    """The subject of each row's image, empty where no row of the image knows it."""
    if "subject" not in rows:
        return pd.Series("", index=rows.index, dtype=str)
    told = rows.assign(subject=rows["subject"].astype(object).where(rows["subject"].notna(), "").astype(str))
    # A table that was begun before the column has rows of the same image with and without it.
    return told.groupby(["source", "image", "seed"])["subject"].transform("max")


def standard_error(of_subjects: pd.Series) -> float:
    """The standard error of the mean of values that are one a subject; NaN of fewer than three."""
    values = of_subjects.dropna()
    return float(values.std()) / float(np.sqrt(len(values))) if len(values) >= FEWEST else float("nan")


def counted(rows: pd.DataFrame) -> str:
    """How many images of how many subjects: ``40 images of 2 subjects``; ``40 images`` where each is its own."""
    images, subjects = _counts(rows)
    return f"{images} images" + (f" of {_number(subjects)}" if subjects < images else "")


def named(rows: pd.DataFrame) -> list[str]:
    """Each source, with its subjects where they are fewer than its images: ``brain of 2 subjects``."""
    counts = {str(source): _counts(own) for source, own in rows.groupby("source", sort=False)}
    return [source + (f" of {_number(subjects)}" if subjects < images else "") for source, (images, subjects) in counts.items()]


def _counts(rows: pd.DataFrame) -> tuple[int, int]:
    # Image 0 of one source is not image 0 of the next.
    rows = with_subject(rows)
    return len(rows[["source", "image"]].drop_duplicates()), len(rows[["source", "subject"]].drop_duplicates())


def _number(subjects: int) -> str:
    return f"{subjects} subject{'' if subjects == 1 else 's'}"
