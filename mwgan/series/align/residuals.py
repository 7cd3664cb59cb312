"""What a reconstruction leaves of aligned images, tilt by tilt: the criterion that says whether an alignment is better than another."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from mwgan.geometry import Measurement, TiltGeometry
from mwgan.recon import SIRT
from mwgan.series.align.pose import Array
from mwgan.series.align.warp import Mask, Stack
from mwgan.trust import residual_map

PASSES = 30
SLICES = 4
FULLEST = 0.5  # of the slices by what they hold, among which those are chosen that most images have measured


class Left(NamedTuple):
    """What is left of data."""

    of_data: float
    """Its norm, relative to that of the data."""
    by_tilt: Array
    """(A,): the same of each tilt."""


def left_by_sirt(images: Stack, known: Mask, tilt_deg: Array) -> Left:
    """What SIRT with 30 passes leaves of four slices of images (A, Y, X), spread over those that hold most and were measured by all."""
    rows = chosen_rows(images, known)
    sinograms = torch.from_numpy(np.ascontiguousarray(images[:, rows].swapaxes(0, 1))).unsqueeze(1)
    mask = torch.from_numpy(np.ascontiguousarray(known[:, rows].swapaxes(0, 1))).unsqueeze(1)
    geometry = TiltGeometry(tuple(map(float, tilt_deg)), images.shape[2])
    measurement = Measurement(sinograms, torch.ones(len(tilt_deg), dtype=torch.bool) if bool(mask.all()) else mask, geometry)
    left = residual_map(SIRT(iterations=PASSES)(measurement), measurement).double().square().sum(dim=(0, 1, 3)).numpy()
    power = measurement.sinogram.double().square().sum(dim=(0, 1, 3)).numpy()
    tiny = np.finfo(float).tiny
    return Left(float(np.sqrt(left.sum() / max(power.sum(), tiny))), np.sqrt(left / np.maximum(power, tiny)))


def chosen_rows(images: Stack, known: Mask) -> npt.NDArray[np.intp]:
    """The rows (S,) that are looked at."""
    measured = known.mean(axis=(0, 2))
    full = np.maximum(images, 0).mean(axis=(0, 2)) * (measured >= measured.max() - 1e-6)
    fullest = np.sort(np.argsort(full)[::-1][: max(1, int(FULLEST * np.count_nonzero(full)) or 1)])
    return np.asarray(fullest[np.unique(np.linspace(0, len(fullest) - 1, SLICES + 2)[1:-1].round().astype(int))])
