"""The parts of the methods in some rows."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from mwgan.results.columns import DATA_CONSISTENCY, METHOD, RECONSTRUCTOR, STAND_INS, TRAIN_DATA
from mwgan.results.reading import up_to_date


class MadeOf(NamedTuple):
    """A method: its reconstructor, and whether data consistency corrects it."""

    reconstructor: str
    data_consistency: bool


class Training(NamedTuple):
    """What a network was trained on, and which of its sources were replaced by phantom faces: ``brain, ct``, or empty."""

    data: str
    stand_ins: str


def made_of(rows: pd.DataFrame) -> dict[str, MadeOf]:
    """The parts of each method, in the order of the rows."""
    known = up_to_date(rows)[[METHOD, RECONSTRUCTOR, DATA_CONSISTENCY]].drop_duplicates(METHOD)
    return {str(method): MadeOf(str(base), bool(corrected)) for method, base, corrected in known.itertuples(index=False, name=None)}


def trainings(rows: pd.DataFrame) -> dict[str, list[Training]]:
    """The different trainings of each method, in the order of the rows; none for one that needs no training."""
    known = up_to_date(rows)[[METHOD, TRAIN_DATA, STAND_INS]].fillna("").drop_duplicates()
    found: dict[str, list[Training]] = {}
    for method, data, stand_ins in known.itertuples(index=False, name=None):
        of_method = found.setdefault(str(method), [])
        if data or stand_ins:
            of_method.append(Training(str(data), str(stand_ins)))
    return found
