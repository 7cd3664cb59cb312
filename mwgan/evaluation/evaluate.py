"""Every method on every wedge and image: the loop that fills the results table."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from mwgan.acquisition import Acquisition, Noise
from mwgan.data.source import ImageSource, draw_seed
from mwgan.errors import InputError
from mwgan.evaluation.perceptual import perceptual_index
from mwgan.evaluation.results import IDENTITY, ResultsTable, write_table
from mwgan.evaluation.tuning import describe, tune
from mwgan.geometry import Measurement
from mwgan.metrics import image_metrics
from mwgan.recon import Reconstructor

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
    """

    name: str
    make: Callable[..., Reconstructor]
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    checkpoint: str = ""
    train_data: str = ""


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
    test: ImageSource,
    validation: ImageSource,
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
) -> None:
    """Fill ``table`` with a row for each method, wedge and test image that it lacks.

    Methods with a grid are tuned first on ``tuning_images`` of ``validation``, for each wedge, and the trials recorded in
    ``<table>.tuning.csv``. The tomograms of the first ``kept_images`` are kept in ``<table>.tomograms.parquet`` for
    pictures. ``seconds`` is the time of a batch divided by its images. With ``perceptual`` the perceptual index is
    computed, if it can be had; ``perceptual_note`` says why where it is empty.
    """
    index, note = perceptual_index(test.size, device) if perceptual else (None, "not asked for (perceptual=true in a new table)")
    pictures = _Tomograms(table.path)
    for wedge_deg in conditions.wedges_deg:
        for sinogram in conditions.sinograms:
            missing_deg = float(wedge_deg) if sinogram == MISSING else 0.0
            for method in methods:
                rows = [_identity(method, sinogram, float(wedge_deg), test, conditions, index) for index in range(images)]
                todo = table.missing(rows)
                if not todo:
                    continue
                chosen: dict[str, Any] = {}
                if method.grid:
                    image, measurement = _measure(validation, list(range(tuning_images)), missing_deg, conditions, device)
                    setting = {"wedge_deg": missing_deg, "noise_percent": conditions.noise.percent, "seed": conditions.seed}
                    record = table.path.with_name(table.path.name + ".tuning.csv")
                    chosen = tune(method.name, method.make, method.grid, image, measurement, setting, record)
                progress(f"{method.name} at {wedge_deg:g} degrees, {sinogram}{f', {describe(chosen)}' if chosen else ''}")
                reconstruct = method.make(**chosen)
                done = []
                for start in range(0, len(todo), batch_size):
                    batch = todo[start : start + batch_size]
                    image, measurement = _measure(test, batch, missing_deg, conditions, device)
                    if start == 0:
                        reconstruct(measurement)  # builds matrices and warms caches, which the timing should not see
                    tomogram, seconds = _timed(reconstruct, measurement)
                    quality: dict[str, list[Any]] = {name: values.tolist() for name, values in image_metrics(tomogram, image).items()}
                    quality["perceptual_index"] = index(tomogram).tolist() if index else [None] * len(batch)
                    for position, number in enumerate(batch):
                        metrics = {name: values[position] for name, values in quality.items()}
                        done.append({**rows[number], **metrics, "perceptual_note": note, "seconds": seconds / len(batch), **provenance})
                        if number < kept_images:
                            truth = {**rows[number], "method": "truth", "checkpoint": "", "train_data": ""}
                            pictures.keep(rows[number], tomogram[position, 0])
                            pictures.keep(truth, image[position, 0])
                pictures.write()
                table.append(done)


def _measure(
    source: ImageSource, indices: list[int], missing_deg: float, conditions: Conditions, device: str
) -> tuple[Tensor, Measurement]:
    seeds = [draw_seed(conditions.seed, 0, index) for index in indices]
    images = [source.image(index, np.random.default_rng(seed)) for index, seed in zip(indices, seeds, strict=True)]
    image = torch.from_numpy(np.stack(images)).unsqueeze(1).to(device)
    acquisition = Acquisition(source.size, conditions.step_deg, (missing_deg, missing_deg), conditions.noise)
    measurement = acquisition(image, torch.tensor(seeds))
    # All samples share the wedge here: saying so lets methods leave out the rows that nobody measured.
    return image, Measurement(measurement.sinogram, acquisition.geometry.measured(missing_deg), acquisition.geometry)


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


class _Tomograms:
    """A few tomograms beside the table, for pictures: one row each, identified as in the table."""

    def __init__(self, table_path: Path) -> None:
        self.path = table_path.with_name(table_path.name + ".tomograms")
        parquet = self.path.with_name(self.path.name + ".parquet")
        self.rows = pd.read_parquet(parquet) if parquet.exists() else pd.DataFrame()
        self._new: list[dict[str, object]] = []

    def keep(self, identity: dict[str, object], tomogram: Tensor) -> None:
        pixels = tomogram.detach().cpu().numpy().astype(np.float16)
        self._new.append({**identity, "size": pixels.shape[0], "pixels": pixels.tobytes()})

    def write(self) -> None:
        rows = pd.concat([self.rows, pd.DataFrame(self._new)], ignore_index=True)
        self.rows, self._new = rows.drop_duplicates(subset=list(IDENTITY), keep="last"), []
        write_table(self.rows, self.path, suffixes=(".parquet",))
