"""Titles and scores of kept tomograms in figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from mwgan.figures.parts.stand_ins import marked
from mwgan.results.kept import PREFIX, Column, of_columns, rows_of


def title(column: Column, names: Mapping[str, str]) -> str:
    """A column's label, ``M_joint, adversarial``, from the methods' ``names``."""
    return PREFIX[column[1]] + names[column[0]]


def titles(columns: Sequence[Column], rows: pd.DataFrame) -> list[str]:
    """Labels of the columns, marked if a network was trained with stand-ins."""
    names = marked(of_columns(columns, rows))
    return [title(column, names) for column in columns]


def scores(results: pd.DataFrame, column: Column, image: int) -> str:
    """PSNR and SSIM of an image in a column, as text; empty if the table has none."""
    rows = rows_of(results, column, image)
    return "" if rows.empty else f"{rows['psnr'].iloc[-1]:.1f} dB / {rows['ssim'].iloc[-1]:.3f}"
