"""Rows from a file, those of earlier versions too: what a name hid then is a column now, and nothing else reads it from names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mwgan.results.columns import CORRECTED, DATA_CONSISTENCY, METHOD, RECONSTRUCTOR, STAND_INS, TRAIN_DATA, known_metrics

_STAND_INS = re.compile(r" \(phantom faces for ([^)]*)\)")


def read_rows(path: Path) -> pd.DataFrame:
    """The rows of a parquet file, as :func:`up_to_date` makes them.

    Raises
    ------
    OSError, ValueError
        If there is no such file, or none that holds rows.
    """
    return up_to_date(pd.read_parquet(path))


def up_to_date(rows: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with the columns that tables of earlier versions don't have; ``rows`` itself where it has them.

    Earlier, ``lpd + data`` alone told that a tomogram was corrected, and ``D2 (phantom faces for brain, ct)`` in ``train_data``
    what stood in for what. A metric of which nothing was ever measured was no column of numbers.
    """
    objects = [name for name in known_metrics() if name in rows and rows[name].dtype == object]
    added: dict[str, pd.Series] = {name: pd.to_numeric(rows[name]) for name in objects}
    if METHOD in rows and (older := _older(rows, DATA_CONSISTENCY)) is not None:
        method = rows[METHOD].astype(str)
        added[DATA_CONSISTENCY] = _filled(rows, DATA_CONSISTENCY, older, method.str.endswith(CORRECTED)).astype(bool)
        added[RECONSTRUCTOR] = _filled(rows, RECONSTRUCTOR, older, method.str.removesuffix(CORRECTED))
    if TRAIN_DATA in rows and (older := _older(rows, STAND_INS)) is not None:
        told = rows[TRAIN_DATA].fillna("").astype(str)
        parts = {data: _parted(data) for data in told[older].unique()}
        added[TRAIN_DATA] = told.where(~older, told.map({data: part[0] for data, part in parts.items()}))
        added[STAND_INS] = _filled(rows, STAND_INS, older, told.map({data: part[1] for data, part in parts.items()}))
    return rows.assign(**added) if added else rows


def training_of(record: Mapping[str, Any]) -> tuple[str, str]:
    """What a run's or a network's record says it was trained on, and for which of that phantom faces stood in, as ``brain, ct``."""
    data = str(record.get("train_data", ""))
    named = record.get("stand_ins")
    return _parted(data) if named is None else (data, ", ".join(map(str, named)))


def _parted(train_data: str) -> tuple[str, str]:
    """``D2 (phantom faces for ct)`` as ``D2`` and ``ct``."""
    found = _STAND_INS.search(train_data)
    return (train_data.replace(found[0], ""), found[1]) if found else (train_data, "")


def _older(rows: pd.DataFrame, column: str) -> pd.Series | None:
    """Which rows are from before a column; None if none is and the column is there."""
    older = rows[column].isna() if column in rows else pd.Series(True, index=rows.index, dtype=bool)
    return older if column not in rows or older.any() else None


def _filled(rows: pd.DataFrame, column: str, where: pd.Series, values: pd.Series) -> pd.Series:
    return rows[column].where(~where, values) if column in rows else values
