"""Reconstruction residuals of aligned images by tilt: the criterion for comparing alignments."""

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
FULLEST = 0.5  # of the slices by mass, from which those measured in most images are chosen


class Residuals(NamedTuple):
    """Relative residuals."""

    of_data: float
    """Of all data."""
    by_tilt: Array
    """(A,): of each tilt."""


def sirt_residuals(images: Stack, known: Mask, tilt_deg: Array) -> Residuals:
    """Residuals of 30 SIRT iterations on four slices of images (A, Y, X), chosen from those with most mass that all images measured."""
    rows = chosen_rows(images, known)
    sinograms = torch.from_numpy(np.ascontiguousarray(images[:, rows].swapaxes(0, 1))).unsqueeze(1)
    mask = torch.from_numpy(np.ascontiguousarray(known[:, rows].swapaxes(0, 1))).unsqueeze(1)
    geometry = TiltGeometry(tuple(map(float, tilt_deg)), images.shape[2])
    measurement = Measurement(sinograms, torch.ones(len(tilt_deg), dtype=torch.bool) if bool(mask.all()) else mask, geometry)
    left = residual_map(SIRT(iterations=PASSES)(measurement), measurement).double().square().sum(dim=(0, 1, 3)).numpy()
    power = measurement.sinogram.double().square().sum(dim=(0, 1, 3)).numpy()
    tiny = np.finfo(float).tiny
    return Residuals(float(np.sqrt(left.sum() / max(power.sum(), tiny))), np.sqrt(left / np.maximum(power, tiny)))


def chosen_rows(images: Stack, known: Mask) -> npt.NDArray[np.intp]:
    """The chosen rows (S,)."""
    measured = known.mean(axis=(0, 2))
    full = np.maximum(images, 0).mean(axis=(0, 2)) * (measured >= measured.max() - 1e-6)
    fullest = np.sort(np.argsort(full)[::-1][: max(1, int(FULLEST * np.count_nonzero(full)) or 1)])
    return np.asarray(fullest[np.unique(np.linspace(0, len(fullest) - 1, SLICES + 2)[1:-1].round().astype(int))])
