"""Writes a figure or a table to its file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from matplotlib.figure import Figure
from pandas import DataFrame

from mwgan.files.atomic import atomic_write
from mwgan.files.outputs import check_outputs
from mwgan.results.table import write_table


def write(drawn: Figure | DataFrame, path: Path, read: Iterable[Path] = ()) -> Path:
    """Write a figure as ``<path>.png`` or a table as ``<path>.csv``, atomically; return the file.

    Raises
    ------
    InputError
        If it can't be written, or is one of the files ``read`` for it.
    """
    file = path.with_name(path.name + (".csv" if isinstance(drawn, DataFrame) else ".png"))
    file.parent.mkdir(parents=True, exist_ok=True)
    check_outputs([file], read)
    if isinstance(drawn, DataFrame):
        write_table(drawn, path, suffixes=(".csv",))
        return file
    with atomic_write(file) as partial:
        drawn.savefig(partial, format="png", bbox_inches="tight", pad_inches=0.06, pil_kwargs={"optimize": True})
    return file
