"""A tilt series as measurements, and the residual of a tomogram on them."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.io.neighbours import around, neighbour_rows
from mwgan.recon import Reconstructor
from mwgan.recon.named import networks_in
from mwgan.trust import energy, residual_map

LARGEST = 1e30  # float32 ends at 3e38, and a filter or a projection adds up some thousands of pixels


class Series(Protocol):
    """The interface of a tilt series: a :class:`mwgan.io.TiltSeries`, or a wrapper that corrects the data of another.

    It may also have ``mask(start, stop)``: which detector pixels of these slices were measured, boolean (1 or B, 1, A, N), True =
    measured, or None if all were.
    """

    @property
    def path(self) -> Path:
        """The file, for messages."""
        ...

    @property
    def geometry(self) -> TiltGeometry:
        """Tilts and detector."""
        ...

    @property
    def slices(self) -> int:
        """Number of slices along the tilt axis."""
        ...

    @property
    def voxel_sizes_angstrom(self) -> tuple[float, float, float] | None:
        """(y, z, x) of the volume; None if unknown."""
        ...

    def sinograms(self, start: int, stop: int) -> Tensor:
        """(stop - start, 1, A, N) float32."""
        ...


def measurement_of(series: Series, start: int, stop: int, device: str = "cpu", neighbours: int = 0) -> Measurement:
    """The measurement of slices ``start`` to ``stop`` of a series, with so many neighbours on either side of each."""
    first, last = around(start, stop, neighbours, series.slices)
    sinograms = series.sinograms(first, last)
    if (peak := float(sinograms.abs().max())) > LARGEST:
        raise InputError(f"{series.path} has pixel values of {peak:.0e}, too large to compute with: divide all of them by that")
    look = getattr(series, "mask", None)
    mask: Tensor | None = None if look is None else look(first, last)
    own = slice(start - first, stop - first)
    beside = neighbour_rows(sinograms, own, neighbours, mask).to(device) if neighbours else None
    if mask is not None and len(mask) > 1:
        mask = mask[own]
    measured = torch.ones(series.geometry.tilts, dtype=torch.bool) if mask is None or bool(mask.all()) else mask
    return Measurement(sinograms[own].to(device), measured, series.geometry, beside)


def squared_misfit(tomogram: Tensor, measurement: Measurement) -> float:
    """Sum of squares of the residual between the projected tomogram and the data."""
    return float(energy(residual_map(tomogram, measurement)).sum())


def relative(misfit: float, power: float) -> float:
    """The relative residual from the sums of squares of residual and data; 0 if there are no data."""
    return math.sqrt(misfit / power) if power > 0 else 0.0


def report_wedge(reconstructor: Reconstructor, geometry: TiltGeometry) -> None:
    """Print a warning to stderr if a network was trained on other tilts, wedges or sizes."""
    for network in networks_in(reconstructor):
        if warning := network.outside_training(geometry):
            print(f"warning: {warning}; check the result with that in mind", file=sys.stderr)
