"""Interpolation of detector pixels that were not measured, for methods that need whole rows."""

from __future__ import annotations

import torch
from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import Measurement


def bridge_gaps(rows: Tensor, mask: Tensor) -> Tensor:
    """Interpolate rows (B, 1, A, N) linearly across pixels that were not measured; beyond the last measured pixel its value continues.

    Parameters
    ----------
    rows
        Line integrals, zero where nothing was measured.
    mask
        (1 or B, 1, A, 1 or N), True = measured. A row without measured pixels stays zero; with a mask of whole rows (.., 1) the rows
        are returned unchanged.
    """
    if mask.shape[3] == 1:
        return rows
    low, high = _nearest_measured(mask)
    place = torch.arange(mask.shape[3], device=rows.device)
    share = ((place - low) / (high - low).clamp(min=1)).to(rows.dtype)
    before, after = (rows.gather(3, index.expand(len(rows), -1, -1, -1)) for index in (low, high))
    return torch.where(mask, rows, torch.lerp(before, after, share))


def between_measured(mask: Tensor) -> Tensor:
    """Pixels from the first to the last measured one of their row: the mask without its gaps."""
    return mask if mask.shape[3] == 1 else (mask.cummax(dim=3).values & mask.flip(3).cummax(dim=3).values.flip(3))


def require_whole_rows(measurement: Measurement, method: str) -> None:
    """Refuse a measurement in which single pixels of a tilt were not measured, for a method without masks.

    Raises
    ------
    InputError
        Names the method, and others that take masks.
    """
    if measurement.by_pixel and not torch.equal(measurement.mask, measurement.measured_tilts.expand_as(measurement.mask)):
        raise InputError(f"{method} can't leave out single pixels of a tilt, and some were not measured here: use wbp, sirt, tvm or lpd")


def _nearest_measured(mask: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest measured pixels before and after each pixel, itself included; twice the same if there is one side only."""
    size = mask.shape[3]
    place = torch.arange(size, device=mask.device)
    before = torch.where(mask, place, -1).cummax(dim=3).values
    after = torch.where(mask, place, size).flip(3).cummin(dim=3).values.flip(3)
    low = torch.where(before < 0, after, before).clamp(max=size - 1)
    high = torch.where(after >= size, before, after).clamp(min=0)
    return low, high
