"""Rows of the slices beside each slice of a series, for methods that look at them too."""

from __future__ import annotations

import torch
from torch import Tensor


def around(start: int, stop: int, neighbours: int, slices: int) -> tuple[int, int]:
    """The first slice and the one after the last to read for slices ``start`` to ``stop`` and so many on either side of each."""
    return max(0, start - neighbours), min(slices, stop + neighbours)


def rows_beside(sinograms: Tensor, own: slice, neighbours: int, mask: Tensor | None = None) -> Tensor:
    """What :class:`mwgan.geometry.Measurement` calls ``neighbours``, (B, 2 K, A, N), of the slices ``own`` among those read (S, 1, A, N).

    A slice's own rows stand in for a neighbour that wasn't read, and for pixels that were not measured of it: ``mask`` (1 or S, 1, A, N).
    """
    here = torch.arange(own.start, own.stop)[:, None]
    away = torch.tensor([*range(-neighbours, 0), *range(1, neighbours + 1)])
    there = (here + away).clamp(0, len(sinograms) - 1)
    lacking = (there != here + away)[:, :, None, None]
    if mask is not None:
        lacking = lacking | ~mask.expand_as(sinograms)[:, 0][there]
    return torch.where(lacking, sinograms[own], sinograms[:, 0][there])
