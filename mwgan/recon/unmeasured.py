"""What stands in for detector pixels that were not measured, where a method needs whole rows."""

from __future__ import annotations

import torch
from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import Measurement


def bridged(rows: Tensor, mask: Tensor) -> Tensor:
    """Rows (B, 1, A, N) without holes: straight lines between the measured pixels beside one, the last measured pixel held beyond it.

    Parameters
    ----------
    rows
        Line integrals, zero where nothing was measured.
    mask
        (1 or B, 1, A, 1 or N), True = measured. A row of which nothing was measured stays zero; where whole rows were or weren't
        (.., 1), nothing is done.
    """
    if mask.shape[3] == 1:
        return rows
    low, high = _measured_beside(mask)
    place = torch.arange(mask.shape[3], device=rows.device)
    share = ((place - low) / (high - low).clamp(min=1)).to(rows.dtype)
    before, after = (rows.gather(3, index.expand(len(rows), -1, -1, -1)) for index in (low, high))
    return torch.where(mask, rows, torch.lerp(before, after, share))


def spanned(mask: Tensor) -> Tensor:
    """Which pixels lie between the first and the last one measured of their row: the same mask without its holes."""
    return mask if mask.shape[3] == 1 else (mask.cummax(dim=3).values & mask.flip(3).cummax(dim=3).values.flip(3))


def require_whole_rows(measurement: Measurement, method: str) -> None:
    """Refuse a measurement in which pixels of a measured tilt are missing, for a method that knows nothing of such.

    Raises
    ------
    InputError
        That names the method and others that know.
    """
    if measurement.by_pixel and not torch.equal(measurement.mask, measurement.measured_tilts.expand_as(measurement.mask)):
        raise InputError(f"{method} can't leave out single pixels of a tilt, and some were not measured here: take wbp, sirt, tvm or lpd")


def _measured_beside(mask: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest measured pixels before and after each pixel, itself included; twice the same where there is one side only."""
    size = mask.shape[3]
    place = torch.arange(size, device=mask.device)
    before = torch.where(mask, place, -1).cummax(dim=3).values
    after = torch.where(mask, place, size).flip(3).cummin(dim=3).values.flip(3)
    low = torch.where(before < 0, after, before).clamp(max=size - 1)
    high = torch.where(after >= size, before, after).clamp(min=0)
    return low, high
