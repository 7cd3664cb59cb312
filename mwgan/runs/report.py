"""The report of a sweep and the curves of a run, from whatever their folders contain so far."""

from __future__ import annotations

from pathlib import Path
from shutil import copyfile
from typing import Any

from mwgan.errors import InputError
from mwgan.files.atomic import atomic_write
from mwgan.files.record import well_formed
from mwgan.runs.folder import RECORD, is_finished, jobs_in, options_of, read_note


def write_report(sweep: Path, folder: Path | None = None) -> Path:
    """Write ``<sweep>/report.html`` and a copy into ``folder``, if one is given; return the file, or the copy.

    Unfinished jobs are shown as far as they have got. The page is self-contained, so it can be copied.

    Raises
    ------
    InputError
        If ``sweep`` holds no jobs, or a results table that can't be read.
    """
    from mwgan.figures.report import report

    jobs = jobs_in(sweep)
    if not jobs:
        raise InputError(f"{sweep} holds no job of a sweep: give the folder that mwgan-train -m named (report=…)")
    runs = [_run(folder) for folder in jobs]
    text = report(str(sweep), runs, _rows(sweep / "results.parquet"), _rows(sweep / "results.tomograms.parquet"))
    file = sweep / "report.html"
    with atomic_write(file) as partial:
        partial.write_text(text, encoding="utf-8")
    return file if folder is None else _copied(file, folder / file.name)


def write_training_curves(run: Path, folder: Path | None = None) -> Path:
    """Plot the log of a run folder, including the parts from before it was resumed, into it or into ``folder``; return the file.

    Raises
    ------
    InputError
        If ``run`` holds no log.
    """
    from mwgan.figures import training_curves
    from mwgan.figures.writing import write

    try:
        log = read_log(run)
    except (OSError, ValueError) as error:
        raise InputError(f"{run} holds no csv/metrics.csv of a training: give the folder of one training or stage (run=…)") from error
    return write(training_curves(log), (run if folder is None else folder) / "training_curves")


def read_log(run: Path) -> Any:
    """A run folder's ``csv/metrics.csv``, including the parts from before it was resumed.

    Raises
    ------
    OSError, ValueError
        If there is none, or it isn't a table of numbers with an ``epoch`` column.
    """
    import numpy as np
    import pandas as pd

    earlier = sorted((run / "csv").glob("metrics_*.csv"), key=lambda file: int(file.stem.split("_")[1]))
    # A run that has just been resumed has renamed its log and not started another.
    parts = [file for file in (*earlier, run / "csv" / "metrics.csv") if file.is_file() and file.stat().st_size]
    rows = pd.concat([pd.read_csv(file) for file in parts], ignore_index=True).apply(pd.to_numeric)
    if "epoch" not in rows or np.isinf(rows["epoch"].astype(float)).any():
        raise ValueError("it has no epochs")
    # An epoch that a killed program had logged in part, such as its validation, was repeated and logged again.
    kind = rows.notna().apply(lambda row: "".join("01"[filled] for filled in row), axis=1)
    return rows[~pd.DataFrame({"epoch": rows["epoch"], "kind": kind}).duplicated(keep="last")].reset_index(drop=True)


def _copied(file: Path, copy: Path) -> Path:
    copy.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(copy) as partial:
        copyfile(file, partial)
    return copy


def _run(folder: Path) -> Any:
    from mwgan.figures.report import Run

    panels = sorted((folder / "panels").glob("epoch_*.png"))
    panel = panels[-1].read_bytes() if panels else None
    return Run(folder.name, tuple(options_of(folder)), well_formed(read_note(folder / RECORD)), _log(folder), is_finished(folder), panel)


def _log(folder: Path) -> Any:
    """The log; None if it has no epoch yet."""
    try:
        log = read_log(folder)
    except (OSError, ValueError):
        return None
    return log if log["epoch"].notna().any() else None


def _rows(path: Path) -> Any:
    """The latest rows of a table; None where there is no table."""
    from mwgan.results.reading import read_rows
    from mwgan.results.table import latest

    if not path.is_file():
        return None
    try:
        return latest(read_rows(path))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} can't be read as a results table: move it away, mwgan-evaluate sweep={path.parent} makes a new one"
        ) from error
