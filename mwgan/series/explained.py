"""What a volume leaves of the data, against what noise alone would leave and against what SIRT leaves."""

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

WORTH_A_LOOK = 0.1  # of the data, and
BEYOND_NOISE = 3.0  # times the noise: below either nothing is asked
AGAINST_SIRT = 1.5  # times what SIRT leaves: a network contradicts the data that a volume could explain
NO_VOLUME = 0.3  # of the data, left by SIRT, which denies nothing that a volume can hold
SLICES = 3


class Explained(NamedTuple):
    """What a volume leaves of the data."""

    residual: float
    """The norm of what the volume, projected again, leaves of the data that were measured, relative to theirs."""
    noise: float
    """What the noise found in the data would leave by itself."""


def noise_energy(measurement: Measurement) -> float:
    """The sum of squares that the noise found in the data is about, over all measured pixels."""
    pixels = measurement.mask.expand_as(measurement.sinogram).sum(dim=(1, 2, 3)).double()
    return float((noise_deviation(measurement).flatten().double().square() * pixels).sum())


def explained(misfit: float, noise: float, power: float) -> Explained:
    """From sums of squares over all slices; nothing is left of nothing."""
    return Explained(math.sqrt(misfit / power), math.sqrt(noise / power)) if power > 0 else Explained(0.0, 0.0)


def doubt(found: Explained, series: Series, reconstructor: Reconstructor, grid: SliceGrid, device: str) -> str | None:
    """One sentence with a remedy where more is left than noise, and SIRT on a few slices tells why; None where nothing is odd."""
    if found.residual < max(WORTH_A_LOOK, BEYOND_NOISE * found.noise):
        return None
    first = max(0, series.slices // 2 - SLICES // 2)
    measurement = grid.placed(measurement_of(series, first, min(series.slices, first + SLICES), device))
    theirs, ours = (_left(method, measurement) for method in (SIRT(iterations=100), reconstructor))
    if theirs > max(NO_VOLUME, BEYOND_NOISE * found.noise):
        return (
            f"no volume explains the data: SIRT leaves {100 * theirs:.0f} % of a few slices, noise would leave {100 * found.noise:.1f} %: "
            "are the tilts, the tilt axis and the alignment right (mwgan look)?"
        )
    if network_in(reconstructor) is not None and ours > AGAINST_SIRT * theirs:
        return (
            f"the network contradicts the data: on a few slices it leaves {100 * ours:.0f} % of them and SIRT {100 * theirs:.0f} %: "
            "the specimen is unlike what it was trained on, --method tvm or sirt explains it better"
        )
    return None


def _left(method: Reconstructor, measurement: Measurement) -> float:
    """What a method leaves of a measurement, as a share of all of it."""
    residual = relative_residual(method(measurement), measurement).double()
    power = energy(measurement.sinogram)
    return float(torch.sqrt((residual.square() * power).sum() / power.sum().clamp(min=torch.finfo(torch.float64).tiny)))
