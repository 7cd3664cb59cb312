"""All that a results table says of a tomogram beside its truth and its measurement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from mwgan.data.source import ImageSource
from mwgan.errors import InputError
from mwgan.evaluation.features import backgrounds, feature_rates
from mwgan.geometry import Measurement
from mwgan.metrics import image_metrics
from mwgan.results.columns import NAMES
from mwgan.trust import added_share, error_inside_outside, frc_inside_outside, relative_residual

Metric = Callable[[Tensor, Tensor, Measurement], Tensor]
"""Tomograms and their truths (B, 1, N, N), and what was measured of these, to a value an image (B,)."""


def judged(
    tomogram: Tensor,
    image: Tensor,
    measurement: Measurement,
    source: ImageSource,
    indices: Sequence[int],
    metrics: Mapping[str, Metric] | None = None,
) -> dict[str, list[Any]]:
    """Values by column, one per image: quality, fidelity to the measurement and in its wedge, and honesty where features are known.

    Parameters
    ----------
    tomogram, image, measurement
        Tomograms (B, 1, N, N), their truths, and what was measured of these.
    source, indices
        Where the images come from.
    metrics
        What else is asked, by the name of its column.

    Raises
    ------
    InputError
        If one of ``metrics`` gives no value an image.
    """
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


def check_names(metrics: Mapping[str, Metric]) -> None:
    """Refuse metrics that are called like a column which the table has anyway."""
    taken = [name for name in metrics if name in NAMES]
    if taken:
        raise InputError(f"the results table has a column {', '.join(taken)} of its own: give your metric another name")


def _checked(name: str, values: Any, images: int) -> Tensor:
    if not isinstance(values, Tensor) or values.shape != (images,):
        given = f"a tensor of {tuple(values.shape)}" if isinstance(values, Tensor) else f"{type(values).__name__}"
        raise InputError(f"the metric {name} gives {given} of {images} images, and not a tensor with a value for each ({images},)")
    return values
