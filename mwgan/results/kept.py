"""Kept tomograms: the available ones, named as in Ding 2019, their pixels and their scores.

A column of a panel is a method and its sinograms: ``M_wbp`` is WBP of the missing-wedge sinograms, ``C_wbp`` of the
complete ones (Ding 2019, Fig. 10).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mwgan.errors import InputError

Pixels = npt.NDArray[np.float32]
Column = tuple[str, str]
"""A method and its sinograms, ``missing`` or ``complete``."""

PREFIX = {"missing": "M_", "complete": "C_"}
JOINT = "joint"


def encode(picture: npt.NDArray[Any]) -> dict[str, Any]:
    """The pixels of a tomogram (N, N) as the columns ``size`` and ``pixels``, in half precision."""
    return {"size": len(picture), "pixels": np.asarray(picture, dtype=np.float16).tobytes()}


def decode(row: pd.Series) -> Pixels:
    """The pixels of a kept tomogram (N, N)."""
    return np.frombuffer(row["pixels"], dtype=np.float16).reshape(row["size"], row["size"]).astype(np.float32)


def kept_columns(tomograms: pd.DataFrame) -> list[Column]:
    """Every kept column, in the table's order."""
    pairs = tomograms.loc[tomograms["method"] != "truth", ["method", "sinogram"]].drop_duplicates()
    return [(str(method), str(sinogram)) for method, sinogram in pairs.itertuples(index=False)]


def columns_to_draw(tomograms: pd.DataFrame, usual: Sequence[Column], asked: Sequence[str] | None = None) -> list[Column]:
    """The columns of ``usual`` that were kept, the joint model followed by its variants; or exactly those ``asked`` for.

    Raises
    ------
    InputError
        If a requested column was not kept, or none of the usual ones.
    """
    kept = kept_columns(tomograms)
    there = ", ".join(f"{PREFIX[sinogram]}{method}" for method, sinogram in kept)
    if asked is not None:
        known = {f"{PREFIX[sinogram]}{method}": (method, sinogram) for method, sinogram in kept}
        absent = [name for name in asked if name not in known]
        if absent:
            raise InputError(f"no tomograms of {', '.join(absent)} were kept, only {there}: choose from these (columns=[…])")
        return [known[name] for name in asked]
    found = list(dict.fromkeys(column for wanted in usual for column in kept if column == wanted or _is_variant(column, wanted)))
    if not found:
        wanted = ", ".join(f"{PREFIX[sinogram]}{method}" for method, sinogram in usual)
        raise InputError(f"this figure shows {wanted}, but only {there} were kept: evaluate them into the table first")
    return found


def of_columns(columns: Sequence[Column], rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the columns' methods."""
    return rows[rows["method"].isin([method for method, _ in columns])]


def truth(tomograms: pd.DataFrame, image: int) -> Pixels:
    """The true image (N, N), or an :class:`InputError` if image ``image`` was not kept."""
    rows = tomograms[(tomograms["method"] == "truth") & (tomograms["image"] == image)]
    if rows.empty:
        kept = sorted(int(index) for index in tomograms["image"].unique())
        raise InputError(f"no tomograms of image {image} were kept, only {kept}: choose from these (image=… or images=[…])")
    return decode(rows.iloc[-1])


def pixels(tomograms: pd.DataFrame, column: Column, image: int) -> Pixels | None:
    """The tomogram (N, N) of an image in a column; None if it was not kept."""
    rows = rows_of(tomograms, column, image)
    return None if rows.empty else decode(rows.iloc[-1])


def rows_of(rows: pd.DataFrame, column: Column, image: int) -> pd.DataFrame:
    return rows[(rows["method"] == column[0]) & (rows["sinogram"] == column[1]) & (rows["image"] == image)]


def _is_variant(column: Column, wanted: Column) -> bool:
    return wanted[0] == JOINT and column[0].startswith(f"{JOINT}_") and column[1] == wanted[1]
