"""Subjects of images: slices of one patient in several poses are not independent samples, so errors are between subjects.

A synthetic image is its own subject, and so is every image of an older table without the column ``subject``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

FEWEST = 3  # subjects that a standard error needs


def with_subject(rows: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with a subject in each; images without one are distinguished by their number and seed."""
    own = "image " + rows["image"].astype(str) + " of seed " + rows["seed"].astype(str)
    known = known_subject(rows)
    return rows.assign(subject=known.where(known != "", own))


def known_subject(rows: pd.DataFrame) -> pd.Series:
    """The subject of each row's image; empty where no row of the image has it."""
    if "subject" not in rows:
        return pd.Series("", index=rows.index, dtype=str)
    subjects = rows.assign(subject=rows["subject"].astype(object).where(rows["subject"].notna(), "").astype(str))
    # A table started before the column existed has rows of the same image with and without it.
    return subjects.groupby(["source", "image", "seed"])["subject"].transform("max")


def standard_error(of_subjects: pd.Series) -> float:
    """The standard error of the mean of values, one per subject; NaN for fewer than three."""
    values = of_subjects.dropna()
    return float(values.std()) / float(np.sqrt(len(values))) if len(values) >= FEWEST else float("nan")


def counted(rows: pd.DataFrame) -> str:
    """Numbers of images and subjects as text: ``40 images of 2 subjects``; ``40 images`` where each is its own subject."""
    images, subjects = _counts(rows)
    return f"{images} images" + (f" of {_number(subjects)}" if subjects < images else "")


def named(rows: pd.DataFrame) -> list[str]:
    """Each source, with the number of subjects where it is smaller than that of images: ``brain of 2 subjects``."""
    counts = {str(source): _counts(own) for source, own in rows.groupby("source", sort=False)}
    return [source + (f" of {_number(subjects)}" if subjects < images else "") for source, (images, subjects) in counts.items()]


def _counts(rows: pd.DataFrame) -> tuple[int, int]:
    # Image 0 of one source is not image 0 of the next.
    rows = with_subject(rows)
    return len(rows[["source", "image"]].drop_duplicates()), len(rows[["source", "subject"]].drop_duplicates())


def _number(subjects: int) -> str:
    return f"{subjects} subject{'' if subjects == 1 else 's'}"
