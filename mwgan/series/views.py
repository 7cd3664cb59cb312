"""A volume binned for display in a page, and the WBP of the same data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mwgan.geometry import Measurement, TiltGeometry
from mwgan.recon import WBP
from mwgan.series.measured import Series, measurement_of
from mwgan.series.slice_grid import SliceGrid

Read = Callable[[int], np.ndarray]
AT_ONCE = 16  # slices read at a time for WBP


class Bins(NamedTuple):
    """Bin sizes in voxels, along the tilt axis and in a slice."""

    along: int
    across: int

    def shape(self, whole: tuple[int, int, int]) -> tuple[int, int, int]:
        """(Y, Z, X) after binning."""
        y, z, x = (max(1, size // bin_) for size, bin_ in zip(whole, self.of(whole), strict=True))
        return y, z, x

    def of(self, whole: tuple[int, int, int]) -> tuple[int, int, int]:
        """Voxels (y, z, x) per bin, no more than there are."""
        y, z, x = (min(size, bin_) for size, bin_ in zip(whole, (self.along, self.across, self.across), strict=True))
        return y, z, x


def bins_for(whole: tuple[int, int, int], most: int) -> Bins:
    """The smallest bins that give at most ``most`` voxels."""
    bins = Bins(1, 1)
    while math.prod(bins.shape(whole)) > most:
        along, *across = bins.shape(whole)
        bins = Bins(bins.along + 1, bins.across) if along > max(across) else Bins(bins.along, bins.across + 1)
    return bins


def first_of(size: int, bin_: int) -> int:
    """Start of the first bin: the remainder is split between both ends."""
    return size % bin_ // 2


def binned_volume(read: Read, whole: tuple[int, int, int], bins: Bins) -> np.ndarray:
    """Means over bins (Y', Z', X') float32 of a volume whose slices (Z, X) are read one at a time."""
    (y, z, x), (along, down, right) = bins.shape(whole), bins.of(whole)
    top, left = first_of(whole[1], down), first_of(whole[2], right)
    found = np.zeros((y, z, x))
    start = first_of(whole[0], along)
    for place in range(y):
        for number in range(start + place * along, start + (place + 1) * along):
            part = read(number)[top : top + z * down, left : left + x * right]
            found[place] += part.reshape(z, down, x, right).mean(axis=(1, 3), dtype=np.float64)
    return np.asarray(found / along, dtype=np.float32)


def binned_wbp(series: Series, grid: SliceGrid, whole: tuple[int, int, int], bins: Bins, device: str) -> np.ndarray:
    """WBP (Y', Z', X') of binned data, in the units of the volume's voxels."""
    y, z, x = bins.shape(whole)
    start, step = first_of(whole[0], bins.along), max(1, AT_ONCE // bins.along)
    small = SliceGrid(max(1, grid.detector_size // bins.across), z, x)
    found = np.zeros((y, z, x), np.float32)
    for place in range(0, y, step):
        stop = min(y, place + step)
        measurement = measurement_of(series, start + place * bins.along, start + stop * bins.along, device)
        found[place:stop] = small.cropped(WBP()(small.placed(_binned(measurement, bins))))[:, 0].cpu().numpy()
    return found


def wbp_slice(series: Series, grid: SliceGrid, number: int, device: str) -> np.ndarray:
    """WBP (Z, X) of a slice, as large as those of the volume."""
    found: Tensor = grid.cropped(WBP()(grid.placed(measurement_of(series, number, number + 1, device))))
    return np.asarray(found[0, 0].cpu().numpy())


def _binned(measurement: Measurement, bins: Bins) -> Measurement:
    """Means over slices and detector pixels; a bin counts as measured if all of it was. Densities don't change."""
    geometry, (along, across) = measurement.geometry, bins
    size = geometry.detector_size
    bin_ = min(size, across)
    pixels, first = size // bin_, first_of(size, bin_)

    def bins_of(rows: Tensor) -> Tensor:
        parts = rows[..., first : first + pixels * bin_].reshape(-1, along, rows.shape[2], pixels, bin_)
        return parts.movedim(1, -2)

    rows = bins_of(measurement.sinogram).mean(dim=(-1, -2)) / bin_  # a ray crosses fewer voxels by the same factor
    axis = ((size - 1) / 2 + geometry.axis_offset_px - first - (bin_ - 1) / 2) / bin_
    of_tilts = tuple(offset / bin_ for offset in geometry.tilt_offset_px)
    smaller: TiltGeometry = replace(geometry, detector_size=pixels, axis_offset_px=axis - (pixels - 1) / 2, tilt_offset_px=of_tilts)
    measured = measurement.measured
    if measured.ndim > 1:
        measured = bins_of(measurement.mask.expand_as(measurement.sinogram)).all(dim=-1).all(dim=-1).unsqueeze(1)
    return Measurement(rows.unsqueeze(1).to(torch.float32), measured, smaller)
