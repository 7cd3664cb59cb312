"""Every method on every wedge and image: the loop that fills the results table."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from mwgan.acquisition import Acquisition, Noise
from mwgan.data.augmentation import drawn_images
from mwgan.data.measured_series import measured_rows
from mwgan.data.source import ImageSource, PlainSource, as_source, draw_seed
from mwgan.errors import InputError
from mwgan.evaluation.confidence import Confidence
from mwgan.evaluation.judgement import judged
from mwgan.evaluation.perceptual import perceptual_index
from mwgan.evaluation.tuning import describe, tune
from mwgan.geometry import Measurement
from mwgan.recon import Reconstructor
from mwgan.results.kept_writer import FIRST, KeptTomograms
from mwgan.results.table import IDENTITY, SUBJECT, TRAIN_SEED, ResultsTable

COMPLETE = "complete"
MISSING = "missing"


@dataclass(frozen=True)
class Method:
    """A reconstruction method under test.

    Parameters
    ----------
    name
        Its name in the table.
    make
        Builds it from the parameters of ``grid``; a trained network takes none.
    grid
        Values to try of each parameter when it is tuned; empty where there is nothing to tune.
    checkpoint, train_data
        Where its weights come from and what they were trained on; empty for classical methods.
    train_seed
        The seed of its training.
    trained_on
        What its record says of each source of its training.
    base
        The method that this one goes on from: tuned before it and left at that, its parameters handed to ``make`` too.
    """

    name: str
    make: Callable[..., Reconstructor]
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    checkpoint: str = ""
    train_data: str = ""
    train_seed: int | None = None
    trained_on: Sequence[Mapping[str, Any]] = ()
    base: Method | None = None


@dataclass(frozen=True)
class Conditions:
    """How the images are measured: the grid's tilt step, the wedges, noise, and which sinograms are reconstructed."""

    step_deg: float
    wedges_deg: Sequence[float]
    noise: Noise
    sinograms: Sequence[str] = (MISSING,)
    seed: int = 0

    def __post_init__(self) -> None:
        unknown = set(self.sinograms) - {MISSING, COMPLETE}
        if unknown:
            raise InputError(f"sinograms are {MISSING} or {COMPLETE}, not {', '.join(sorted(unknown))}")


def evaluate(
    methods: Sequence[Method],
    test: PlainSource,
    validation: PlainSource,
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
) -> None:
    """Fill ``table`` with a row for each method, wedge and test image that it lacks.

    Methods with a grid are tuned first on ``tuning_images`` of ``validation``, for each wedge, and the trials recorded in
    ``<table>.tuning.csv``. The tomograms of the first ``kept_images``, and each network's best and worst by NRMSE, are
    kept in ``<table>.tomograms.parquet`` for pictures. ``seconds`` is the time of a batch divided by its images. With
    ``perceptual`` the perceptual index is computed, if it can be had; ``perceptual_note`` says why where it is empty. With
    ``confidence`` networks are asked for their uncertainty, calibrated for each wedge on the validation images.
    """
    test, validation = as_source(test), as_source(validation)
    index, note = perceptual_index(test.size, device) if perceptual else (None, "not asked for (perceptual=true in a new table)")
    pictures = KeptTomograms(table.path)
    for wedge_deg in conditions.wedges_deg:
        for sinogram in conditions.sinograms:
            missing_deg = float(wedge_deg) if sinogram == MISSING else 0.0
            for method in methods:
                rows = [_identity(method, sinogram, float(wedge_deg), test, conditions, index) for index in range(images)]
                todo = table.missing(rows)
                if not todo:
                    continue
                chosen = _tuned(method, validation, missing_deg, conditions, table, tuning_images, device)
                progress(f"{method.name} at {wedge_deg:g} degrees, {sinogram}{f', {describe(chosen)}' if chosen else ''}")
                reconstruct = method.make(**chosen)
                uncertainty = None
                if confidence is not None and method.checkpoint:
                    known = _measure(validation, list(range(tuning_images)), missing_deg, conditions, device)
                    uncertainty = confidence.calibrated(reconstruct, *known)
                done = []
                for start in range(0, len(todo), batch_size):
                    batch = todo[start : start + batch_size]
                    image, measurement = _measure(test, batch, missing_deg, conditions, device)
                    if start == 0:
                        # One image builds matrices and warms caches, which the timing should not see.
                        reconstruct(measurement.samples(torch.tensor([0])))
                    tomogram, seconds = _timed(reconstruct, measurement)
                    quality = judged(tomogram, image, measurement, test, batch)
                    quality |= confidence.judged(uncertainty, image, measurement) if confidence and uncertainty else {}
                    quality["perceptual_index"] = index(tomogram).tolist() if index else [None] * len(batch)
                    for position, number in enumerate(batch):
                        metrics = {name: values[position] for name, values in quality.items()}
                        told = {SUBJECT: test.origin(number), TRAIN_SEED: method.train_seed, "perceptual_note": note}
                        done.append({**rows[number], **told, **metrics, "seconds": seconds / len(batch), **provenance})
                        if number < kept_images:
                            pictures.keep(rows[number], method.train_seed, _picture(tomogram[position]), _picture(image[position]), FIRST)
                pictures.write()
                table.append(done)
    for method in methods:
        if not method.grid and method.checkpoint:
            _keep_extremes(method, test, conditions, table, pictures, device)


def _tuned(
    method: Method,
    validation: ImageSource,
    missing_deg: float,
    conditions: Conditions,
    table: ResultsTable,
    tuning_images: int,
    device: str,
) -> dict[str, Any]:
    """The parameters of a method, and of the one it goes on from, that suit the validation images best."""
    given = _tuned(method.base, validation, missing_deg, conditions, table, tuning_images, device) if method.base else {}
    if not method.grid:
        return given
    image, measurement = _measure(validation, list(range(tuning_images)), missing_deg, conditions, device)
    setting = {
        "checkpoint": method.checkpoint,
        "source": validation.name,
        "wedge_deg": missing_deg,
        "noise_percent": conditions.noise.percent,
        "seed": conditions.seed,
    }
    record = table.path.with_name(table.path.name + ".tuning.csv")
    return given | tune(method.name, partial(method.make, **given), method.grid, image, measurement, setting, record)


def _keep_extremes(
    method: Method, test: ImageSource, conditions: Conditions, table: ResultsTable, pictures: KeptTomograms, device: str
) -> None:
    """Keep a network's best and worst tomogram of this source, over all wedges and images that the table has."""
    known: dict[str, object] = {"method": method.name, "checkpoint": method.checkpoint, "source": test.name}
    known |= {"noise_percent": conditions.noise.percent, "seed": conditions.seed}
    rows = table.rows[(table.rows[list(known)] == pd.Series(known)).all(axis=1) & (table.rows["sinogram"] == MISSING)]
    if rows.empty:
        return
    ranked = rows.sort_values("nrmse")[list(IDENTITY)].to_dict("records")
    for found, kept_as in ((ranked[0], "best"), (ranked[-1], "worst")):
        row: dict[str, object] = {str(column): value for column, value in found.items()}
        image, measurement = _measure(test, [int(found["image"])], float(found["wedge_deg"]), conditions, device)
        pictures.keep(row, method.train_seed, _picture(method.make()(measurement)[0]), _picture(image[0]), kept_as)
    pictures.write()


def _measure(
    source: ImageSource, indices: list[int], missing_deg: float, conditions: Conditions, device: str
) -> tuple[Tensor, Measurement]:
    seeds = [draw_seed(conditions.seed, 0, index) for index in indices]
    image = drawn_images(source, indices, seeds, [np.random.default_rng(seed) for seed in seeds]).to(device)
    acquisition = Acquisition(source.size, conditions.step_deg, (missing_deg, missing_deg), conditions.noise)
    rows = measured_rows(source, indices, acquisition.geometry, conditions.noise, seeds)
    sinogram = acquisition(image, torch.tensor(seeds)).sinogram if rows is None else rows.to(device)
    # All samples share the wedge here: saying so lets methods leave out the rows that nobody measured.
    return image, Measurement(sinogram, acquisition.geometry.measured(missing_deg), acquisition.geometry)


def _picture(image: Tensor) -> np.ndarray:
    """An image (1, N, N) as (N, N), for the tomograms that are kept."""
    return image[0].detach().cpu().numpy()


def _timed(reconstruct: Reconstructor, measurement: Measurement) -> tuple[Tensor, float]:
    cuda = measurement.sinogram.is_cuda
    if cuda:
        torch.cuda.synchronize()
    start = time.perf_counter()
    tomogram = reconstruct(measurement)
    if cuda:
        torch.cuda.synchronize()
    return tomogram, time.perf_counter() - start


def _identity(
    method: Method, sinogram: str, wedge_deg: float, source: ImageSource, conditions: Conditions, index: int
) -> dict[str, object]:
    noise_percent = conditions.noise.percent
    described = (method.name, method.checkpoint, method.train_data)
    values = (*described, sinogram, wedge_deg, source.name, noise_percent, index, conditions.seed)
    return dict(zip(IDENTITY, values, strict=True))
