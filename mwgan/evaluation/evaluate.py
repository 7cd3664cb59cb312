"""The loop over methods, wedges and images that fills the results table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from torch import Tensor

from mwgan.data.series_slices import SeriesSlices
from mwgan.data.source import ImageSource, PlainSource, as_source
from mwgan.evaluation.conditions import MISSING, Conditions
from mwgan.evaluation.confidence import Confidence
from mwgan.evaluation.method import Method
from mwgan.evaluation.method_at_wedge import ExtraMetrics, MethodAtWedge, Row, Validation
from mwgan.evaluation.perceptual import perceptual_index
from mwgan.evaluation.scores import Metric, check_names
from mwgan.results.columns import IDENTITY
from mwgan.results.kept_writer import FIRST, KeptTomograms
from mwgan.results.table import ResultsTable

__all__ = ["Conditions", "Method", "evaluate"]

WRITTEN_EVERY = 10.0  # seconds


def evaluate(
    methods: Sequence[Method],
    test: PlainSource | SeriesSlices,
    validation: PlainSource | SeriesSlices,
    conditions: Conditions,
    table: ResultsTable,
    provenance: Mapping[str, str],
    images: int,
    tuning_images: int = 8,
    kept_images: int = 2,
    batch_size: int = 16,
    device: str = "cpu",
    progress: Callable[[str], None] = lambda text: None,
    perceptual: bool = False,
    confidence: Confidence | None = None,
    metrics: Mapping[str, Metric] | None = None,
) -> None:
    """Fill ``table`` with the missing rows, one per method, wedge and test image.

    The measurement of a batch of test images is simulated once, and every method reconstructs it. Methods with a grid are tuned
    first on ``tuning_images`` of ``validation``, for each wedge; the trials are recorded in ``<table>.tuning.csv``. The tomograms
    of the first ``kept_images``, and each network's best and worst by NRMSE, are kept in ``<table>.tomograms.parquet`` for
    pictures. ``seconds`` is the time of a batch divided by its images. With ``perceptual`` the perceptual index is computed where
    possible; ``perceptual_note`` gives the reason where it is empty. With ``confidence`` the uncertainty of networks is evaluated,
    calibrated for each wedge on the validation images. ``metrics`` are columns by their names.

    Rows are written every few seconds and when the evaluation ends, also by an error: an interrupted one can be resumed.
    """
    test, validation = _known(test), _known(validation)
    check_names(metrics or {})
    index, note = perceptual_index(test.size, device) if perceptual else (None, "not requested (perceptual=true in a new table)")
    extra = ExtraMetrics(index, note, confidence, metrics or {})
    output = _Output(table, provenance, kept_images)
    try:
        for wedge_deg in map(float, conditions.wedges_deg):
            for sinogram in conditions.sinograms:
                missing_deg = wedge_deg if sinogram == MISSING else 0.0
                known = Validation(validation, conditions, missing_deg, tuning_images, device)
                parts = []
                for method in methods:
                    rows = [_identity(method, sinogram, wedge_deg, test, conditions, number) for number in range(images)]
                    lacking = {number: rows[number] for number in table.missing(rows)}
                    say = partial(_announce, progress, f"{method.name} at {wedge_deg:g} degrees, {sinogram}")
                    parts.append(MethodAtWedge(method, lacking, known, tuning_record(table), extra, say))
                needed = sorted({number for part in parts for number in part.lacking})
                for start in range(0, len(needed), batch_size):
                    batch = needed[start : start + batch_size]
                    case = conditions.measure(test, batch, missing_deg, device)
                    for part in parts:
                        output.add(part.rows(test, batch, case))
        output.write()
        for method in methods:
            if not method.grid and method.checkpoint and not isinstance(test, SeriesSlices):
                _keep_extremes(method, test, conditions, output, device)
    finally:
        output.write()


class _Output:
    """Buffer of rows and pictures: a table is always rewritten completely, so a few are written at a time."""

    def __init__(self, table: ResultsTable, provenance: Mapping[str, str], kept_images: int) -> None:
        self.table, self.pictures, self.provenance, self.kept_images = table, KeptTomograms(table.path), provenance, kept_images
        self._rows: list[dict[str, object]] = []
        self._written = time.monotonic()

    def add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._rows.append({**row.described, **row.found, **self.provenance})
            if row.image < self.kept_images and row.truth is not None:
                self.pictures.keep(row.described, _picture(row.tomogram), _picture(row.truth), FIRST)
        if time.monotonic() - self._written > WRITTEN_EVERY:
            self.write()

    def write(self) -> None:
        # Pictures first: they are kept when their row is made, and an existing row isn't made again.
        self.pictures.write()
        if self._rows:
            self.table.append(self._rows)
        self._rows, self._written = [], time.monotonic()


def _keep_extremes(method: Method, test: ImageSource, conditions: Conditions, output: _Output, device: str) -> None:
    """Keep a network's best and worst tomogram of this source, over all wedges and images in the table."""
    table = output.table.rows
    known: dict[str, object] = {"method": method.name, "checkpoint": method.checkpoint, "source": test.name}
    known |= {"noise_percent": conditions.noise.percent, "seed": conditions.seed}
    rows = table[(table[list(known)] == pd.Series(known)).all(axis=1) & (table["sinogram"] == MISSING)]
    if rows.empty:
        return
    ranked = rows.sort_values("nrmse")[list(IDENTITY)].to_dict("records")
    for found, kept_as in ((ranked[0], "best"), (ranked[-1], "worst")):
        row: dict[str, object] = {str(column): value for column, value in found.items()}
        case = conditions.measure(test, [int(found["image"])], float(found["wedge_deg"]), device)
        assert case.truth is not None
        output.pictures.keep({**row, **method.about}, _picture(method.make()(case.given)[0]), _picture(case.truth[0]), kept_as)


def _known(source: PlainSource | SeriesSlices) -> ImageSource | SeriesSlices:
    return source if isinstance(source, SeriesSlices) else as_source(source)


def tuning_record(table: ResultsTable) -> Path:
    """The csv next to a table to which every tuning trial is appended."""
    return table.path.with_name(table.path.name + ".tuning.csv")


def _announce(progress: Callable[[str], None], name: str, chosen: str) -> None:
    progress(f"{name}, {chosen}" if chosen else name)


def _picture(image: Tensor) -> np.ndarray:
    """An image (1, N, N) as (N, N), for the kept tomograms."""
    return image[0].detach().cpu().numpy()


def _identity(
    method: Method, sinogram: str, wedge_deg: float, source: ImageSource | SeriesSlices, conditions: Conditions, number: int
) -> dict[str, object]:
    described = (method.name, method.checkpoint, method.train_data)
    values = (*described, sinogram, wedge_deg, source.name, conditions.noise.percent, number, conditions.seed)
    return dict(zip(IDENTITY, values, strict=True))
