"""A few tomograms kept with a results table, for pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt
import pandas as pd

from mwgan.results.columns import CHECKPOINT, DATA_CONSISTENCY, IDENTITY, KEPT_AS, METHOD, RECONSTRUCTOR, STAND_INS, TRAIN_DATA, TRAIN_SEED
from mwgan.results.kept import encode
from mwgan.results.reading import read_rows
from mwgan.results.selection import TRUTH
from mwgan.results.table import write_table

Array = npt.NDArray[Any]
FIRST = "first"
OF = "kept_for"  # the network whose best or worst it is; also set for the truth
OF_TRUTH = {METHOD: TRUTH, CHECKPOINT: "", TRAIN_DATA: "", RECONSTRUCTOR: TRUTH, DATA_CONSISTENCY: False, STAND_INS: "", TRAIN_SEED: None}


class KeptTomograms:
    """Rows of ``<table>.tomograms.parquet``, identified as in the table, including the truth."""

    def __init__(self, table_path: Path) -> None:
        self.path = table_path.with_name(table_path.name + ".tomograms")
        parquet = self.path.with_name(self.path.name + ".parquet")
        self.rows = read_rows(parquet) if parquet.exists() else pd.DataFrame()
        self._new: list[dict[str, object]] = []

    def keep(self, described: dict[str, object], tomogram: Array, image: Array, kept_as: str) -> None:
        """Add the tomogram (N, N) of a row, and its truth; ``described`` are the row's columns without its metrics."""
        for row, picture in ((described, tomogram), ({**described, **OF_TRUTH}, image)):
            own = {KEPT_AS: kept_as, OF: "" if kept_as == FIRST else described[CHECKPOINT]}
            self._new.append({**row, **own, **encode(picture)})

    def write(self) -> None:
        """Write the added tomograms; of a network's best and worst only the latest stay."""
        if not self._new:
            return
        new = pd.DataFrame(self._new)
        stay = self.rows
        if KEPT_AS in stay:  # a network has one best and one worst
            which = [OF, "source", "noise_percent", KEPT_AS]
            again = set(new.loc[new[KEPT_AS] != FIRST, which].itertuples(index=False, name=None))
            stay = stay[~stay[which].apply(tuple, axis=1).isin(again)]
        rows = pd.concat([stay, new], ignore_index=True).drop_duplicates(subset=[*IDENTITY, KEPT_AS, OF], keep="last")
        write_table(rows, self.path, suffixes=(".parquet",))
        self.rows, self._new = rows, []
