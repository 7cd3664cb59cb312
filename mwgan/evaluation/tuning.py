"""Tuning of the classical methods on validation images, for each wedge and noise level, and the record of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from torch import Tensor

from mwgan.errors import InputError
from mwgan.files.whole import written_whole
from mwgan.geometry import Measurement
from mwgan.metrics import image_metrics
from mwgan.recon import Reconstructor

SETTING = ["method", "checkpoint", "parameters", "source", "wedge_deg", "noise_percent", "images", "seed"]

TEXTS = ("method", "checkpoint", "parameters", "source")


def tune(
    name: str,
    make: Callable[..., Reconstructor],
    grid: Mapping[str, Sequence[Any]],
    image: Tensor,
    measurement: Measurement,
    setting: dict[str, Any],
    record: Path,
) -> dict[str, Any]:
    """The parameters of ``grid`` that give the best mean PSNR on validation images.

    Parameters
    ----------
    name, make, grid
        The method, its constructor, and the values to try of each parameter (all combinations).
    image, measurement
        Validation images (B, 1, N, N) and what was measured of them; not images that are reported on.
    setting
        ``checkpoint`` (of a network, else empty), ``source`` (of the validation images), ``wedge_deg``, ``noise_percent`` and
        ``seed``, for the record.
    record
        A csv to which every combination tried is appended; what it already holds is not tried again.
    """
    known = _read(record, setting["source"])
    rows: list[dict[str, Any]] = []
    scores: list[float] = []
    choices = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    for choice in choices:
        identity = {"method": name, "parameters": describe(choice), **setting, "images": len(image)}
        row = _find(known, identity)
        if row is None:
            quality = image_metrics(make(**choice)(measurement), image)
            row = {**{key: identity[key] for key in SETTING}, "psnr": float(quality["psnr"].mean()), "ssim": float(quality["ssim"].mean())}
            rows.append(row)
        scores.append(float(row["psnr"]))
    if rows:
        record.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(record) as partial:
            pd.concat([part for part in (known, pd.DataFrame(rows)) if len(part)], ignore_index=True).to_csv(partial, index=False)
    return choices[scores.index(max(scores))]


def describe(parameters: Mapping[str, Any]) -> str:
    """Parameters as one short text: ``weight=0.01``."""
    return " ".join(f"{key}={value}" for key, value in parameters.items())


def _read(record: Path, source: str) -> pd.DataFrame:
    """The trials that a record holds; those of earlier versions may name no source and no checkpoint."""
    if not record.exists():
        return pd.DataFrame()
    try:
        known = pd.read_csv(record, dtype=dict.fromkeys(TEXTS, str), keep_default_na=False)
    except ValueError as error:  # pandas' own among them
        raise InputError(f"{record} can't be read as a record of tuning: move it away, and what it held is tried again") from error
    for column, value in (("source", source), ("checkpoint", "")):
        if column not in known:
            known.insert(min(2, known.shape[1]), column, value)
    if lacking := [column for column in (*SETTING, "psnr") if column not in known]:
        raise InputError(f"{record} is no record of tuning, it has no {', '.join(lacking)}: move it away, and it is made anew")
    return known


def _find(known: pd.DataFrame, identity: dict[str, Any]) -> dict[str, Any] | None:
    if known.empty:
        return None
    match = known
    for key in SETTING:
        match = match[match[key] == identity[key]]
    return None if match.empty else dict(match.iloc[0])
