"""The data residual of a volume, compared with that expected from noise alone and with that of SIRT."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

from mwgan.geometry import Measurement
from mwgan.recon import SIRT, Reconstructor
from mwgan.recon.named import network_in
from mwgan.series.measured import Series, measurement_of
from mwgan.series.slice_grid import SliceGrid
from mwgan.trust import energy, noise_deviation, relative_residual

WORTH_A_LOOK = 0.1  # relative residual, and
BEYOND_NOISE = 3.0  # times the noise: below either nothing is checked
AGAINST_SIRT = 1.5  # times SIRT's residual: the network contradicts data that a volume could explain
NO_VOLUME = 0.3  # relative residual of SIRT, which fits whatever a volume can explain
SLICES = 3


class DataFit(NamedTuple):
    """The data residual of a volume."""

    residual: float
    """The norm of the residual between the projected volume and the measured data, relative to that of the data."""
    noise: float
    """The relative residual expected from the noise in the data alone."""


def noise_energy(measurement: Measurement) -> float:
    """The estimated sum of squares of the noise, over all measured pixels."""
    pixels = measurement.mask.expand_as(measurement.sinogram).sum(dim=(1, 2, 3)).double()
    return float((noise_deviation(measurement).flatten().double().square() * pixels).sum())


def data_fit(misfit: float, noise: float, power: float) -> DataFit:
    """Relative residuals from sums of squares over all slices; 0 if the data are 0."""
    return DataFit(math.sqrt(misfit / power), math.sqrt(noise / power)) if power > 0 else DataFit(0.0, 0.0)


def doubt(found: DataFit, series: Series, reconstructor: Reconstructor, grid: SliceGrid, device: str) -> str | None:
    """A warning with a remedy if the residual exceeds the noise, with the cause found by SIRT on a few slices; None if all is well."""
    if found.residual < max(WORTH_A_LOOK, BEYOND_NOISE * found.noise):
        return None
    first = max(0, series.slices // 2 - SLICES // 2)
    measurement = grid.placed(measurement_of(series, first, min(series.slices, first + SLICES), device))
    theirs, ours = (_residual(method, measurement) for method in (SIRT(iterations=100), reconstructor))
    if theirs > max(NO_VOLUME, BEYOND_NOISE * found.noise):
        return (
            f"no volume explains the data: SIRT's residual on a few slices is {100 * theirs:.0f} %, of noise {100 * found.noise:.1f} %: "
            "are the tilts, the tilt axis and the alignment right (mwgan look)?"
        )
    if network_in(reconstructor) is not None and ours > AGAINST_SIRT * theirs:
        return (
            f"the network contradicts the data: its residual on a few slices is {100 * ours:.0f} %, SIRT's {100 * theirs:.0f} %: "
            "the specimen is unlike its training data, --method tvm or sirt fits better"
        )
    return None


def _residual(method: Reconstructor, measurement: Measurement) -> float:
    """The relative residual of a method on a measurement."""
    residual = relative_residual(method(measurement), measurement).double()
    power = energy(measurement.sinogram)
    return float(torch.sqrt((residual.square() * power).sum() / power.sum().clamp(min=torch.finfo(torch.float64).tiny)))
