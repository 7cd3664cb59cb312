"""Elongation along the beam, scored without a truth: for specimens whose cross-section is known to be round."""

from __future__ import annotations

import torch
from torch import Tensor

THRESHOLD = 0.4  # of the robust maximum: inside the specimen, above streaks and background


def width_over_height(tomogram: Tensor, threshold: float = THRESHOLD) -> Tensor:
    """Standard deviation of the specimen across the beam over that along it, (B,): 1 if round, below 1 if elongated, NaN if empty.

    The specimen is where the slice exceeds ``threshold`` times its 99.5th percentile; its pixels are equally weighted.

    Parameters
    ----------
    tomogram
        Slices (B, 1, Z, X).
    threshold
        Share of the slice's robust maximum above which a pixel belongs to the specimen.
    """
    pixels = tomogram[:, 0].double()
    limit = threshold * torch.quantile(pixels.flatten(1), 0.995, dim=1)
    inside = (pixels > limit.reshape(-1, 1, 1)).double()
    return _spread(inside.sum(dim=1)) / _spread(inside.sum(dim=2))


def _spread(profile: Tensor) -> Tensor:
    """Standard deviation of position under a profile (B, N)."""
    position = torch.arange(profile.shape[1], dtype=profile.dtype, device=profile.device)
    mass = profile.sum(dim=1).clamp(min=1e-12)
    mean = (profile * position).sum(dim=1) / mass
    return ((profile * (position - mean.unsqueeze(1)) ** 2).sum(dim=1) / mass).sqrt()
