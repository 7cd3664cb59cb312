"""What is known when the last slice of a volume is written, and those who have something to say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor

from mwgan.files.unfinished import Unfinished
from mwgan.geometry import Measurement
from mwgan.io import VolumeWriter
from mwgan.series.explained import Explained
from mwgan.series.slice_grid import SliceGrid
from mwgan.trust import residual_map

Sums = dict[str, list[float]]


@dataclass(frozen=True)
class Finished:
    """A volume whose every slice is written, before it has its name.

    Parameters
    ----------
    explained
        What it leaves of the data.
    misfit_by_tilt, power_by_tilt
        Sums of squares (A,) of what it leaves of each tilt's measured pixels, and of these.
    pixels_by_tilt
        How many of each tilt were measured (A,).
    noise_energy
        The sum of squares that noise alone would leave, over all tilts.
    volume
        To read it from.
    grid
        Which part of the slices that is.
    uncertainty
        Of the volume, to read it from; None where it wasn't asked for.
    """

    explained: Explained
    misfit_by_tilt: np.ndarray
    power_by_tilt: np.ndarray
    pixels_by_tilt: np.ndarray
    noise_energy: float
    volume: VolumeWriter
    grid: SliceGrid
    uncertainty: VolumeWriter | None = None

    @property
    def residual_by_tilt(self) -> np.ndarray:
        """What the volume leaves of each tilt's data (A,), relative to these; 0 where there are none."""
        return _share(self.misfit_by_tilt, self.power_by_tilt)

    @property
    def noise_by_tilt(self) -> np.ndarray:
        """What noise of the same strength in every image would leave of each tilt (A,)."""
        return _share(self.noise_energy * self.pixels_by_tilt / max(1.0, self.pixels_by_tilt.sum()), self.power_by_tilt)


class Companion(Protocol):
    """Something that is written together with a volume, when its last slice is."""

    def prepare(self, files: Unfinished) -> None:
        """Say what will be written."""
        ...

    def write(self, finished: Finished) -> None:
        """Write it."""
        ...


def sums_by_tilt(tomogram: Tensor, measurement: Measurement) -> Sums:
    """Of slices (B, 1, N, N) and what they were made from: ``misfit``, ``power`` and ``pixels`` of each tilt, added up over slices."""
    left = residual_map(tomogram, measurement).double().square().sum(dim=(0, 1, 3))
    power = measurement.sinogram.double().square().sum(dim=(0, 1, 3))
    pixels = measurement.mask.expand_as(measurement.sinogram).sum(dim=(0, 1, 3))
    return {"misfit": left.tolist(), "power": power.tolist(), "pixels": pixels.double().tolist()}


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)))
