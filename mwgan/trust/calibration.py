"""Calibration of an uncertainty: errors compared with deviations, on images with known truth."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from scipy.stats import norm, spearmanr
from torch import Tensor

from mwgan.errors import InputError


class Sparsification(NamedTuple):
    """RMS error of the remaining pixels as pixels are removed, (B, steps), relative to that of all pixels."""

    curve: Tensor
    """Removing the least certain pixels first."""
    oracle: Tensor
    """Removing the worst pixels first: the fastest possible decrease."""


def coverage(error: Tensor, deviation: Tensor, band: float = 0.9) -> Tensor:
    """Share of pixels with ``|error| <= k * deviation``, (B,), where k is that of the probability ``band`` of a normal distribution.

    Errors and deviations have the same shape (B, ...). A calibrated uncertainty has on average a coverage of ``band``.
    """
    return (error.abs() <= band_width(band) * deviation).flatten(1).double().mean(dim=1)


def calibrated_scale(error: Tensor, deviation: Tensor, band: float = 0.9) -> float:
    """The factor for deviations such that the errors of a share ``band`` of all pixels are within k times them.

    The conformal quantile of ``|error| / deviation``. Its guarantee is for exchangeable samples: it holds on average for pixels
    of images like these, not for each image and not for specimens unlike them. Use images that are neither for training nor testing.

    Raises
    ------
    InputError
        If more than 1 - ``band`` of the pixels have an error and no deviation at all: no factor helps.

    References
    ----------
    Angelopoulos and Bates, A gentle introduction to conformal prediction, arXiv 2107.07511 (2021), section 2.3.
    """
    width = band_width(band)
    ratio = torch.where(error == 0, 0.0, error.abs().double() / deviation.double()).flatten()
    rank = min(math.ceil((ratio.numel() + 1) * band), ratio.numel())
    scale = float(ratio.kthvalue(rank).values) / width
    if not math.isfinite(scale):
        raise InputError(f"more than {100 * (1 - band):g} % of the pixels have an error but no deviation: give the uncertainty a floor")
    return scale


def rank_correlation(error: Tensor, deviation: Tensor) -> Tensor:
    """Spearman's correlation of ``|error|`` and deviation over the pixels of each image, (B,); NaN where either is constant."""
    pairs = zip(error.abs().flatten(1).cpu().numpy(), deviation.flatten(1).cpu().numpy(), strict=True)
    return torch.tensor([spearmanr(*pair).statistic if min(map(_spread, pair)) > 0 else math.nan for pair in pairs])


def sparsification(error: Tensor, deviation: Tensor, steps: int = 20) -> Sparsification:
    """Decrease of the error as the least certain pixels are removed, ``0 / steps`` to ``(steps - 1) / steps`` of them.

    Errors and deviations have the same shape (B, ...).

    References
    ----------
    Ilg et al., Uncertainty estimates and multi-hypotheses networks for optical flow, ECCV 2018. Theirs is of
    endpoint errors, ours of squared ones.
    """
    if steps < 1:
        raise InputError(f"a sparsification curve has 1 step or more, not {steps}")
    squared = error.double().square().flatten(1)
    curve = _remaining(squared, deviation.flatten(1).argsort(dim=1, stable=True), steps)
    return Sparsification(curve, _remaining(squared, squared.argsort(dim=1, stable=True), steps))


def ause(error: Tensor, deviation: Tensor, steps: int = 20) -> Tensor:
    """Area between the :func:`sparsification` curve and its oracle, (B,): 0 if the worst pixels are the least certain."""
    curve, oracle = sparsification(error, deviation, steps)
    return (curve - oracle).mean(dim=1)


def band_width(band: float) -> float:
    """The k with ``|x| <= k`` for the share ``band`` of a standard normal distribution."""
    if not 0 < band < 1:
        raise InputError(f"a band is a probability between 0 and 1, not {band}")
    return float(norm.ppf((1 + band) / 2))


def _remaining(squared: Tensor, order: Tensor, steps: int) -> Tensor:
    """RMS values (B, steps) of decreasing numbers of the first pixels in ``order``, relative to that of all."""
    pixels = squared.shape[1]
    kept = torch.tensor([max(1, pixels - pixels * step // steps) for step in range(steps)], device=squared.device)
    sums = squared.gather(1, order).cumsum(dim=1)[:, kept - 1]
    mean = sums / kept
    return (mean / mean[:, :1].clamp(min=torch.finfo(mean.dtype).tiny)).sqrt()


def _spread(values) -> float:  # type: ignore[no-untyped-def]
    return float(values.max() - values.min())
