"""A few tomograms beside a results table, for pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt
import pandas as pd

from mwgan.results.kept import encode
from mwgan.results.table import IDENTITY, KEPT_AS, TRAIN_SEED, write_table

Array = npt.NDArray[Any]
FIRST = "first"
OF = "kept_for"  # the network whose best or worst it is; its truth tells it too


class KeptTomograms:
    """One row each in ``<table>.tomograms.parquet``, identified as in the table, the truth among them."""

    def __init__(self, table_path: Path) -> None:
        self.path = table_path.with_name(table_path.name + ".tomograms")
        parquet = self.path.with_name(self.path.name + ".parquet")
        self.rows = pd.read_parquet(parquet) if parquet.exists() else pd.DataFrame()
        self._new: list[dict[str, object]] = []

    def keep(self, identity: dict[str, object], train_seed: int | None, tomogram: Array, image: Array, kept_as: str) -> None:
        """Take in the tomogram (N, N) of a row, and its truth."""
        truth = {**identity, "method": "truth", "checkpoint": "", "train_data": ""}
        for row, seed, picture in ((identity, train_seed, tomogram), (truth, None, image)):
            described = {**row, TRAIN_SEED: seed, KEPT_AS: kept_as, OF: "" if kept_as == FIRST else identity["checkpoint"]}
            self._new.append({**described, **encode(picture)})

    def write(self) -> None:
        """Write what was taken in; of a network's best and worst the latest stay."""
        new = pd.DataFrame(self._new)
        if KEPT_AS in self.rows and not new.empty:  # a network has one best and one worst
            which = [OF, "source", "noise_percent", KEPT_AS]
            again = set(new.loc[new[KEPT_AS] != FIRST, which].itertuples(index=False, name=None))
            self.rows = self.rows[~self.rows[which].apply(tuple, axis=1).isin(again)]
        rows = pd.concat([self.rows, new], ignore_index=True)
        subset = [*IDENTITY, *(column for column in (KEPT_AS, OF) if column in rows)]
        self.rows, self._new = rows.drop_duplicates(subset=subset, keep="last"), []
        write_table(self.rows, self.path, suffixes=(".parquet",))
