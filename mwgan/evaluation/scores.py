"""All metrics of a tomogram in a results table, from its truth and its measurement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from mwgan.data.series_slices import SeriesSlices
from mwgan.data.source import ImageSource
from mwgan.errors import InputError
from mwgan.evaluation.conditions import Case
from mwgan.evaluation.features import backgrounds, feature_rates
from mwgan.geometry import Measurement
from mwgan.metrics import image_metrics
from mwgan.results.columns import NAMES
from mwgan.trust import added_share, error_inside_outside, frc_inside_outside, missed_on, relative_residual

Metric = Callable[[Tensor, Tensor, Measurement], Tensor]
"""Maps tomograms, their truths (B, 1, N, N) and the measurement to one value per image (B,)."""


def score_tomograms(
    tomogram: Tensor,
    case: Case,
    source: ImageSource | SeriesSlices,
    indices: Sequence[int],
    metrics: Mapping[str, Metric] | None = None,
) -> dict[str, list[Any]]:
    """Metrics by column, one value per image: quality, data fidelity, errors in the wedge, and feature rates where known.

    Parameters
    ----------
    tomogram, case
        Tomograms (B, 1, N, N), and the case that they reconstruct.
    source, indices
        Where the images come from.
    metrics
        Further metrics, by the name of their column, used where there is a truth.

    Raises
    ------
    InputError
        If one of ``metrics`` doesn't return one value per image.
    """
    image, measurement = case.truth, case.given
    if image is None or isinstance(source, SeriesSlices):
        return {name: values.tolist() for name, values in score_series(tomogram, case).items()}
    fidelity = {
        "residual": relative_residual(tomogram, measurement),
        "residual_of_truth": relative_residual(image, measurement),
        "added_share": added_share(tomogram, measurement),
        "added_share_of_truth": added_share(image, measurement),
        **error_inside_outside(tomogram, image, measurement),
        **frc_inside_outside(tomogram, image, measurement),
    }
    background = backgrounds(source, indices)
    honesty = {} if background is None else feature_rates(tomogram, image, background.to(image))
    others = {name: _checked(name, metric(tomogram, image, measurement), len(image)) for name, metric in (metrics or {}).items()}
    return {name: values.tolist() for name, values in {**image_metrics(tomogram, image), **fidelity, **honesty, **others}.items()}


def score_series(tomogram: Tensor, case: Case) -> dict[str, Tensor]:
    """Metrics (B,) by column of tomograms (B, 1, N, N) of a series: residuals on the given tilts and on the kept-out ones."""
    assert case.whole is not None
    assert case.kept_out is not None
    data, noise, missed = missed_on(case.kept_out, case.whole, tomogram)
    found = {
        "residual": relative_residual(tomogram, case.given),
        "added_share": added_share(tomogram, case.given),
        "kept_out": (missed / data).sqrt(),
        "kept_out_noise": (noise / data).sqrt(),
    }
    # Tilts of the series inside the wedge: the only data on what a method puts there.
    beyond = ~_between(case.given.geometry.tilt_deg, case.whole)
    if bool(beyond.any()):
        data, _, missed = missed_on(beyond, case.whole, tomogram)
        found["kept_out_in_wedge"] = (missed / data).sqrt()
    return found


def _between(tilt_deg: Sequence[float], whole: Measurement) -> Tensor:
    """Which tilts of a series lie in the range of ``tilt_deg``, boolean (1, 1, A, 1)."""
    tilts = torch.tensor(whole.geometry.tilt_deg)
    return ((tilts >= min(tilt_deg)) & (tilts <= max(tilt_deg))).reshape(1, 1, -1, 1).to(whole.sinogram.device)


def check_names(metrics: Mapping[str, Metric]) -> None:
    """Refuse metrics with the name of one of the table's own columns."""
    taken = [name for name in metrics if name in NAMES]
    if taken:
        raise InputError(f"the results table has its own column {', '.join(taken)}: give your metric another name")


def _checked(name: str, values: Any, images: int) -> Tensor:
    if not isinstance(values, Tensor) or values.shape != (images,):
        given = f"a tensor of {tuple(values.shape)}" if isinstance(values, Tensor) else f"{type(values).__name__}"
        raise InputError(f"the metric {name} returns {given} for {images} images, not a tensor with a value for each ({images},)")
    return values
