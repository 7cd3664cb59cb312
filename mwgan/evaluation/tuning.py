"""Tuning of the classical methods on validation images, for each wedge and noise level, and the record of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from torch import Tensor

from mwgan.errors import InputError
from mwgan.files.atomic import atomic_write
from mwgan.geometry import Measurement
from mwgan.recon import Reconstructor

SETTING = ["method", "checkpoint", "parameters", "source", "wedge_deg", "noise_percent", "images", "seed"]

TEXTS = ("method", "checkpoint", "parameters", "source")


def tune(
    name: str,
    make: Callable[..., Reconstructor],
    grid: Mapping[str, Sequence[Any]],
    measurement: Measurement,
    score: Callable[[Tensor], Mapping[str, float]],
    setting: dict[str, Any],
    record: Path,
) -> dict[str, Any]:
    """The best parameters of ``grid`` on validation images: by mean PSNR, or by kept-out tilts where there is no truth.

    Parameters
    ----------
    name, make, grid
        The method, its constructor, and the values to try for each parameter (all combinations).
    measurement, score
        The measurement of validation images, which are not reported on, and a function that returns the means of metrics of
        their tomograms (B, 1, N, N) by column; the first one decides.
    setting
        ``checkpoint`` (of a network, else empty), ``source`` (of the validation images), ``wedge_deg``, ``noise_percent`` and
        ``seed``, for the record.
    record
        A csv to which every tried combination is appended; those already in it are not tried again.
    """
    known = _read(record, setting["source"])
    rows: list[dict[str, Any]] = []
    scores: list[float] = []
    choices = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    for choice in choices:
        identity = {"method": name, "parameters": describe(choice), **setting, "images": len(measurement.sinogram)}
        row = _find(known, identity)
        if row is None:
            row = {**{key: identity[key] for key in SETTING}, **score(make(**choice)(measurement))}
            rows.append(row)
        scores.append(_merit(row))
    if rows:
        record.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(record) as partial:
            pd.concat([part for part in (known, pd.DataFrame(rows)) if len(part)], ignore_index=True).to_csv(partial, index=False)
    return choices[scores.index(max(scores))]


def describe(parameters: Mapping[str, Any]) -> str:
    """Parameters as a short text: ``weight=0.01``."""
    return " ".join(f"{key}={value}" for key, value in parameters.items())


def _merit(row: Mapping[str, Any]) -> float:
    """The score of a trial, higher is better: the PSNR, or minus the residual on kept-out tilts."""
    psnr = row.get("psnr")
    return -float(row["kept_out"]) if psnr is None or pd.isna(psnr) else float(psnr)


def _read(record: Path, source: str) -> pd.DataFrame:
    """The trials in a record; those of earlier versions may have no source and no checkpoint."""
    if not record.exists():
        return pd.DataFrame()
    try:
        known = pd.read_csv(record, dtype=dict.fromkeys(TEXTS, str), keep_default_na=False)
    except ValueError as error:  # includes pandas' errors
        raise InputError(f"{record} can't be read as a record of tuning: move it away, and its trials are repeated") from error
    for column, value in (("source", source), ("checkpoint", "")):
        if column not in known:
            known.insert(min(2, known.shape[1]), column, value)
    if lacking := [column for column in (*SETTING, "psnr" if "kept_out" not in known else "kept_out") if column not in known]:
        raise InputError(f"{record} is not a record of tuning, it has no {', '.join(lacking)}: move it away, and a new one is made")
    return known


def _find(known: pd.DataFrame, identity: dict[str, Any]) -> dict[str, Any] | None:
    if known.empty:
        return None
    match = known
    for key in SETTING:
        match = match[match[key] == identity[key]]
    return None if match.empty else dict(match.iloc[0])
