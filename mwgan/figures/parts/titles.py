"""What stands above and below a kept tomogram in a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from mwgan.figures.parts.stand_ins import marked
from mwgan.results.kept import PREFIX, Column, of_columns, rows_of


def title(column: Column, names: Mapping[str, str]) -> str:
    """A column's name for people, ``M_joint, adversarial``, of the methods' ``names``."""
    return PREFIX[column[1]] + names[column[0]]


def titles(columns: Sequence[Column], rows: pd.DataFrame) -> list[str]:
    """Names for people of the columns drawn, marked where a network was trained with stand-ins."""
    names = marked(of_columns(columns, rows))
    return [title(column, names) for column in columns]


def scores(results: pd.DataFrame, column: Column, image: int) -> str:
    """PSNR and SSIM of an image in a column, in words; empty where the table has none."""
    rows = rows_of(results, column, image)
    return "" if rows.empty else f"{rows['psnr'].iloc[-1]:.1f} dB / {rows['ssim'].iloc[-1]:.3f}"
