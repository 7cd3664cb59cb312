"""The results table: one row per method, wedge and image; rows are only appended."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from mwgan.errors import InputError
from mwgan.files.atomic import atomic_write
from mwgan.files.json_files import read_object
from mwgan.files.locks import hold
from mwgan.results.columns import IDENTITY, KEPT_AS, NAMES, TRAIN_SEED, known_metrics, metrics_of
from mwgan.results.reading import read_rows, up_to_date

PLACES = ("folder", "cache", "licence")  # settings of a source that don't affect its images
CONTENT = (".parquet", ".tuning.csv")  # without these files a table has no results yet, and its conditions may change
LISTED = 5  # most differences in a message
FILES = (".parquet", ".csv", ".tomograms.parquet", ".tuning.csv", ".conditions.json")  # of a table


class ResultsTable:
    """A table saved as ``<path>.parquet`` and ``<path>.csv``, each replaced atomically so that neither is ever half-written.

    A row is identified by :data:`mwgan.results.columns.IDENTITY`; an interrupted evaluation gets what is left to do from
    :meth:`missing`. A table of an earlier version gets the current columns when rows are added to it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = table_path(path)
        parquet = self.path.with_name(self.path.name + ".parquet")
        try:
            self.rows = read_rows(parquet) if parquet.exists() else pd.DataFrame(columns=list(NAMES))
            self._known = set(self.rows[list(IDENTITY)].itertuples(index=False, name=None))
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{parquet} can't be read as a results table: move it away or give another name") from error

    def missing(self, identities: list[dict[str, object]]) -> list[int]:
        """Positions of the identities without a row in the table."""
        return [position for position, row in enumerate(identities) if tuple(row[column] for column in IDENTITY) not in self._known]

    def append(self, rows: list[dict[str, object]]) -> None:
        """Add rows and write both files. Further keys of the rows become further columns."""
        names = dict.fromkeys([*NAMES, *(name for row in rows for name in row)])
        numbers = (TRAIN_SEED, *known_metrics())  # None must not turn them into columns of objects
        added = up_to_date(pd.DataFrame(rows, columns=list(names)).astype(dict.fromkeys(numbers, float)))
        whole = added if self.rows.empty else pd.concat([self.rows, added], ignore_index=True)
        write_table(whole, self.path)
        self.rows = whole
        self._known.update(added[list(IDENTITY)].itertuples(index=False, name=None))

    def summary(self) -> pd.DataFrame:
        """Mean of each metric over images, by source, noise, method, sinogram and wedge."""
        order = {name: rank for rank, name in enumerate([*self.rows["source"].drop_duplicates(), *self.rows["method"].drop_duplicates()])}
        by = ["source", "noise_percent", "method", "sinogram", "wedge_deg"]
        means = latest(self.rows).groupby(by, as_index=False)[metrics_of(self.rows)].mean()
        return means.sort_values(
            ["source", "noise_percent", "wedge_deg", "method"],
            key=lambda column: column.map(order) if column.name in ("source", "method") else column,
        )


def latest(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per method, training seed and image: the latest for a network trained again under the same name and seed."""
    same = [column for column in IDENTITY if column not in ("checkpoint", "train_data")]
    return rows.drop_duplicates([*same, *(column for column in (TRAIN_SEED, KEPT_AS) if column in rows)], keep="last")


def table_files(table: Path) -> list[Path]:
    """The files that a table may consist of, whether they exist or not."""
    return [table.with_name(table.name + suffix) for suffix in FILES]


def table_path(name: str | Path) -> Path:
    """A table's path without the suffixes of its files.

    Raises
    ------
    InputError
        If the name is that of a folder.
    """
    text = str(name)
    if text.endswith(("/", os.sep)):
        raise InputError(f"table={text} is a folder: name the table in it, {text}results")
    return Path(text.removesuffix(".csv").removesuffix(".parquet"))


@contextmanager
def claimed_table(table: Path) -> Iterator[None]:
    """Lock a table while it is filled: two writers would overwrite each other's rows. The lock of a killed one is released.

    Raises
    ------
    InputError
        If another process holds it.
    """
    table.parent.mkdir(parents=True, exist_ok=True)
    refusal = f"another evaluation is filling the table {table}: wait for it, or give table=another name"
    with hold(table.with_name(f".{table.name}.lock"), refusal):
        yield


def check_conditions(table: Path, conditions: dict[str, Any]) -> None:
    """Record the conditions of a table's results, or raise an :class:`InputError` if it was started under other conditions.

    Image size, tilt step and settings of methods aren't columns, so rows with different ones must not mix. Locations of
    files are no condition: where their content matters, ``conditions`` contains a digest of it.
    """
    conditions = _without_places(conditions)
    record = table.with_name(table.name + ".conditions.json")
    started = any(table.with_name(table.name + suffix).exists() for suffix in CONTENT)
    known = _known(record) if started and record.exists() else {}
    changed = [difference for key, value in conditions.items() if key in known for difference in _differences(key, known[key], value)]
    if changed:
        more = f"; and {len(changed) - LISTED} more" if len(changed) > LISTED else ""
        raise InputError(f"the table {table} was made with {'; '.join(changed[:LISTED])}{more}: give table=another name")
    if known != {**known, **conditions}:
        record.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(record) as partial:
            partial.write_text(json.dumps({**known, **conditions}, indent=2) + "\n", encoding="utf-8")


def _known(record: Path) -> dict[str, Any]:
    try:
        return {key: _without_places(value) for key, value in read_object(record).items() if key not in PLACES}
    except (OSError, ValueError) as error:
        raise InputError(f"{record}, with the conditions of the table, can't be read: copy it again, or give table=another name") from error


def _without_places(value: Any) -> Any:
    """A configuration without folders, which differ on another machine or with a moved cache."""
    if not isinstance(value, dict):
        return value
    return {key: _without_places(inner) for key, inner in value.items() if key not in PLACES}


def _differences(key: str, known: Any, value: Any) -> list[str]:
    """Each setting that differs, as ``test.count 40, not 80``."""
    if isinstance(known, dict) and isinstance(value, dict):
        inner = [name for name in {**known, **value} if known.get(name) != value.get(name)]
        return [difference for name in inner for difference in _differences(f"{key}.{name}", known.get(name), value.get(name))]
    return [] if known == value else [f"{key} {_shown(known)}, not {_shown(value)}"]


def _shown(value: Any) -> str:
    return "set" if isinstance(value, dict) else "none" if value is None else str(value)


def write_table(rows: pd.DataFrame, path: Path, suffixes: tuple[str, ...] = (".parquet", ".csv")) -> None:
    """Write ``rows`` as ``<path>.parquet`` and ``<path>.csv``, each atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for suffix in suffixes:
        with atomic_write(path.with_name(path.name + suffix)) as partial:
            if suffix == ".csv":
                rows.to_csv(partial, index=False, float_format="%.6g", lineterminator="\n")  # the same file on every system
            else:
                rows.to_parquet(partial, index=False)
