"""Results known when the last slice of a volume is written, and the interface of files written together with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor

from mwgan.files.unfinished import Unfinished
from mwgan.geometry import Measurement
from mwgan.io import VolumeWriter
from mwgan.series.data_fit import DataFit
from mwgan.series.slice_grid import SliceGrid
from mwgan.trust import residual_map

Sums = dict[str, list[float]]


@dataclass(frozen=True)
class Finished:
    """A volume with all slices written, before its file gets its final name.

    Parameters
    ----------
    fit
        Its data residual.
    misfit_by_tilt, power_by_tilt
        Sums of squares (A,) of the residual on each tilt's measured pixels, and of the data there.
    pixels_by_tilt
        Numbers of measured pixels of each tilt (A,).
    noise_energy
        The sum of squares expected from noise alone, over all tilts.
    volume
        The writer, to read the volume from.
    grid
        The part of the slices that is written.
    uncertainty
        The writer of the uncertainty, to read it from; None if it wasn't requested.
    """

    fit: DataFit
    misfit_by_tilt: np.ndarray
    power_by_tilt: np.ndarray
    pixels_by_tilt: np.ndarray
    noise_energy: float
    volume: VolumeWriter
    grid: SliceGrid
    uncertainty: VolumeWriter | None = None

    @property
    def residual_by_tilt(self) -> np.ndarray:
        """The relative residual of each tilt (A,); 0 where there are no data."""
        return _share(self.misfit_by_tilt, self.power_by_tilt)

    @property
    def noise_by_tilt(self) -> np.ndarray:
        """The relative residual of each tilt (A,) expected from noise of the same strength in every image."""
        return _share(self.noise_energy * self.pixels_by_tilt / max(1.0, self.pixels_by_tilt.sum()), self.power_by_tilt)


class Companion(Protocol):
    """A file that is written together with a volume, after its last slice."""

    def prepare(self, files: Unfinished) -> None:
        """Register the files that will be written."""
        ...

    def write(self, finished: Finished) -> None:
        """Write the files."""
        ...


def sums_by_tilt(tomogram: Tensor, measurement: Measurement) -> Sums:
    """``misfit``, ``power`` and ``pixels`` of each tilt, for slices (B, 1, N, N) and their measurement, summed over slices."""
    left = residual_map(tomogram, measurement).double().square().sum(dim=(0, 1, 3))
    power = measurement.sinogram.double().square().sum(dim=(0, 1, 3))
    pixels = measurement.mask.expand_as(measurement.sinogram).sum(dim=(0, 1, 3))
    return {"misfit": left.tolist(), "power": power.tolist(), "pixels": pixels.double().tolist()}


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)))
