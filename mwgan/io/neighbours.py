"""Rows of the neighbouring slices of each slice of a series, for methods that use them."""

from __future__ import annotations

import torch
from torch import Tensor


def around(start: int, stop: int, neighbours: int, slices: int) -> tuple[int, int]:
    """The range of slices to read for ``start`` to ``stop`` with so many neighbours on either side."""
    return max(0, start - neighbours), min(slices, stop + neighbours)


def neighbour_rows(sinograms: Tensor, own: slice, neighbours: int, mask: Tensor | None = None) -> Tensor:
    """The ``neighbours`` of a :class:`mwgan.geometry.Measurement`, (B, 2 K, A, N), of the slices ``own`` among those read (S, 1, A, N).

    A slice's own rows replace neighbours that weren't read, and their unmeasured pixels: ``mask`` (1 or S, 1, A, N).
    """
    here = torch.arange(own.start, own.stop)[:, None]
    away = torch.tensor([*range(-neighbours, 0), *range(1, neighbours + 1)])
    there = (here + away).clamp(0, len(sinograms) - 1)
    lacking = (there != here + away)[:, :, None, None]
    if mask is not None:
        lacking = lacking | ~mask.expand_as(sinograms)[:, 0][there]
    return torch.where(lacking, sinograms[own], sinograms[:, 0][there])
