"""Takes a method's best settings from an evaluation for a tilt series: ``mwgan reconstruct --tuned``."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pandas as pd

from mwgan.errors import InputError
from mwgan.methods import known_methods, parse_value
from mwgan.series.measured import Series, measurement_of
from mwgan.trust import noise_deviation

COLUMNS = ("method", "parameters", "wedge_deg", "noise_percent", "psnr")
LOOKED_AT = 16  # slices, spread over the series, for the noise estimate


def tuned_settings(method: str, file: Path, series: Series) -> tuple[dict[str, Any], str]:
    """The settings of a method that were best on validation images, and a sentence with their values and origin.

    Uses the recorded conditions nearest to the series: nearest in noise, then in wedge. If several sources were used for
    tuning under these conditions, the mean of their PSNR decides. A method that comes ``after`` another also takes that
    one's best settings, as ``mwgan-evaluate`` does.

    Parameters
    ----------
    method
        A method of the list.
    file
        ``<table>.tuning.csv``, which ``mwgan-evaluate`` writes with its table.
    series
        The series to reconstruct.

    Raises
    ------
    InputError
        If the file can't be read or has no rows for the method.
    """
    entry = known_methods().get(method)
    if entry is None:
        raise InputError(f"{method} is a trained network without tuned settings: leave --tuned out")
    record = _read(file)
    chain = [method]
    while entry is not None and entry.after is not None and entry.after not in chain:
        chain.insert(0, entry.after)
        entry = known_methods().get(entry.after)
    settings: dict[str, Any] = {}
    where = wedge_deg(series), noise_percent(series)
    for name in chain:
        best, row = _best(record, name, file, *where)
        settings |= best
    listed = " ".join(f"{key}={value}" for key, value in settings.items())
    return settings, (
        f"{listed}: best for {method} in {file} at {row['wedge_deg']:g} degrees missing and {row['noise_percent']:g} % noise"
        f"{row['sources']}; this series: {where[0]:g} degrees and {where[1]:.2g} %"
    )


def wedge_deg(series: Series) -> float:
    """The missing wedge of a series as in an evaluation: the measured range extends half a step beyond the outermost tilts."""
    tilts = series.geometry.tilt_deg
    steps = sorted(after - before for before, after in itertools.pairwise(tilts))
    return max(0.0, series.geometry.gap_deg - (steps[len(steps) // 2] if steps else 0.0))


def noise_percent(series: Series) -> float:
    """The noise of a series in percent of a slice's largest line integral, the median over some slices that aren't empty."""
    found = []
    for index in sorted({round(place * (series.slices - 1) / max(1, LOOKED_AT - 1)) for place in range(LOOKED_AT)}):
        measurement = measurement_of(series, index, index + 1)
        brightest = float(measurement.sinogram.max())
        if brightest > 0:
            found.append(100 * float(noise_deviation(measurement)) / brightest)
    if not found:
        raise InputError("no slice of the series has a positive density: invert bright-field images")
    return sorted(found)[len(found) // 2]


def _read(file: Path) -> pd.DataFrame:
    try:
        record = pd.read_csv(file)
    except (OSError, ValueError) as error:
        raise InputError(f"{file} can't be read as a record of tuning: mwgan-evaluate writes TABLE.tuning.csv with a table") from error
    missing = [column for column in COLUMNS if column not in record]
    if missing:
        raise InputError(f"{file} has no column {', '.join(missing)}: give TABLE.tuning.csv, which mwgan-evaluate writes")
    return record


def _best(record: pd.DataFrame, method: str, file: Path, wedge: float, noise: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """The best settings of a method near a wedge and noise, and the conditions of the trials."""
    rows = record[record["method"] == method]
    if rows.empty:
        raise InputError(f"{file} has no rows for {method}: it has {', '.join(map(str, record['method'].unique()))}")
    for column, wanted in (("noise_percent", noise), ("wedge_deg", wedge)):
        rows = rows[rows[column] == _nearest(rows[column], wanted)]
    sources = sorted({str(source) for source in rows["source"]}) if "source" in rows else []
    means = rows.groupby("parameters", sort=False)["psnr"].agg(["mean", "count"])
    means = means[means["count"] == means["count"].max()]  # tried on every source
    chosen = str(means["mean"].idxmax())
    conditions = {"wedge_deg": rows["wedge_deg"].iloc[0], "noise_percent": rows["noise_percent"].iloc[0]}
    return _parsed(chosen), {**conditions, "sources": f" ({', '.join(sources)})" if sources else ""}


def _nearest(values: pd.Series, wanted: float) -> float:
    return min((float(value) for value in values.unique()), key=lambda value: (abs(value - wanted), value))


def _parsed(parameters: str) -> dict[str, Any]:
    """Settings from a text, ``weight=0.05 direction_weights=[0.7, 1.4]``: the inverse of :func:`mwgan.evaluation.tuning.describe`."""
    parts = [part.partition("=") for part in re.split(r" (?=[A-Za-z_]\w*=)", parameters)]
    return {key: parse_value(value) for key, _, value in parts if key}
