"""All that a results table says of a tomogram beside its truth and its measurement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from mwgan.data.source import ImageSource
from mwgan.evaluation.features import backgrounds, feature_rates
from mwgan.geometry import Measurement
from mwgan.metrics import image_metrics
from mwgan.results.table import FIDELITY
from mwgan.trust import added_share, frc_inside_outside, relative_residual


def judged(tomogram: Tensor, image: Tensor, measurement: Measurement, source: ImageSource, indices: Sequence[int]) -> dict[str, list[Any]]:
    """Values by column, one per image: quality, fidelity to the measurement and in its wedge, and honesty where features are known.

    Parameters
    ----------
    tomogram, image, measurement
        Tomograms (B, 1, N, N), their truths, and what was measured of these.
    source, indices
        Where the images come from.
    """
    told = (ask(picture, measurement) for ask in (relative_residual, added_share) for picture in (tomogram, image))
    fidelity = dict(zip(FIDELITY[:4], told, strict=True))
    fidelity |= frc_inside_outside(tomogram, image, measurement)
    background = backgrounds(source, indices)
    honesty = {} if background is None else feature_rates(tomogram, image, background.to(image))
    return {name: values.tolist() for name, values in {**image_metrics(tomogram, image), **fidelity, **honesty}.items()}
