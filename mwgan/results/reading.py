"""Rows from a file, also of earlier versions: facts that were encoded in names then are columns now, and only read here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mwgan.results.columns import CORRECTED, DATA_CONSISTENCY, METHOD, RECONSTRUCTOR, STAND_INS, TRAIN_DATA, known_metrics

_STAND_INS = re.compile(r" \(phantom faces for ([^)]*)\)")


def read_rows(path: Path) -> pd.DataFrame:
    """The rows of a parquet file, converted by :func:`up_to_date`.

    Raises
    ------
    OSError, ValueError
        If there is no such file, or it has no rows.
    """
    return up_to_date(pd.read_parquet(path))


def up_to_date(rows: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with the columns that tables of earlier versions lack; ``rows`` itself where it has them.

    Earlier, a corrected tomogram was marked only by the name ``lpd + data``, and fallback data by ``D2 (phantom faces for
    brain, ct)`` in ``train_data``. A metric without any value was no column of numbers.
    """
    objects = [name for name in known_metrics() if name in rows and rows[name].dtype == object]
    added: dict[str, pd.Series] = {name: pd.to_numeric(rows[name]) for name in objects}
    if METHOD in rows and (older := _older(rows, DATA_CONSISTENCY)) is not None:
        method = rows[METHOD].astype(str)
        added[DATA_CONSISTENCY] = _filled(rows, DATA_CONSISTENCY, older, method.str.endswith(CORRECTED)).astype(bool)
        added[RECONSTRUCTOR] = _filled(rows, RECONSTRUCTOR, older, method.str.removesuffix(CORRECTED))
    if TRAIN_DATA in rows and (older := _older(rows, STAND_INS)) is not None:
        train_data = rows[TRAIN_DATA].fillna("").astype(str)
        parts = {data: _parted(data) for data in train_data[older].unique()}
        added[TRAIN_DATA] = train_data.where(~older, train_data.map({data: part[0] for data, part in parts.items()}))
        added[STAND_INS] = _filled(rows, STAND_INS, older, train_data.map({data: part[1] for data, part in parts.items()}))
    return rows.assign(**added) if added else rows


def training_of(record: Mapping[str, Any]) -> tuple[str, str]:
    """What a run or a network was trained on by its record, and which sources phantom faces replaced, as ``brain, ct``."""
    data = str(record.get("train_data", ""))
    named = record.get("stand_ins")
    return _parted(data) if named is None else (data, ", ".join(map(str, named)))


def _parted(train_data: str) -> tuple[str, str]:
    """``D2 (phantom faces for ct)`` as ``D2`` and ``ct``."""
    found = _STAND_INS.search(train_data)
    return (train_data.replace(found[0], ""), found[1]) if found else (train_data, "")


def _older(rows: pd.DataFrame, column: str) -> pd.Series | None:
    """Which rows lack a column; None if none does and the column exists."""
    older = rows[column].isna() if column in rows else pd.Series(True, index=rows.index, dtype=bool)
    return older if column not in rows or older.any() else None


def _filled(rows: pd.DataFrame, column: str, where: pd.Series, values: pd.Series) -> pd.Series:
    return rows[column].where(~where, values) if column in rows else values
