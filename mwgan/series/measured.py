"""A tilt series as measurements, and what a tomogram leaves of them."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.io.neighbours import around, rows_beside
from mwgan.recon import Reconstructor
from mwgan.recon.named import networks_in
from mwgan.trust import energy, residual_map

LARGEST = 1e30  # float32 ends at 3e38, and a filter or a projection adds up some thousands of pixels


class Series(Protocol):
    """What is needed of a tilt series: a :class:`mwgan.io.TiltSeries`, or one that corrects what another reads.

    It may also have ``mask(start, stop)``: which detector pixels of these slices were measured, boolean (1 or B, 1, A, N), True =
    measured, or None where all were.
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
        """How many there are along the tilt axis."""
        ...

    @property
    def voxel_sizes_angstrom(self) -> tuple[float, float, float] | None:
        """(y, z, x) of the volume; None if unknown."""
        ...

    def sinograms(self, start: int, stop: int) -> Tensor:
        """(stop - start, 1, A, N) float32."""
        ...


def measurement_of(series: Series, start: int, stop: int, device: str = "cpu", neighbours: int = 0) -> Measurement:
    """Slices ``start`` to ``stop`` of a series: all that it has measured, and of so many neighbours on either side of each."""
    first, last = around(start, stop, neighbours, series.slices)
    sinograms = series.sinograms(first, last)
    if (peak := float(sinograms.abs().max())) > LARGEST:
        raise InputError(f"{series.path} has pixels of {peak:.0e}, too large to compute with: divide all of them by that")
    look = getattr(series, "mask", None)
    mask: Tensor | None = None if look is None else look(first, last)
    own = slice(start - first, stop - first)
    beside = rows_beside(sinograms, own, neighbours, mask).to(device) if neighbours else None
    if mask is not None and len(mask) > 1:
        mask = mask[own]
    measured = torch.ones(series.geometry.tilts, dtype=torch.bool) if mask is None or bool(mask.all()) else mask
    return Measurement(sinograms[own].to(device), measured, series.geometry, beside)


def squared_misfit(tomogram: Tensor, measurement: Measurement) -> float:
    """Sum of squares of what the tomogram, projected again, leaves of the data."""
    return float(energy(residual_map(tomogram, measurement)).sum())


def relative(misfit: float, power: float) -> float:
    """The norm of what is left of data over that of the data, from the sums of their squares; 0 where there were none."""
    return math.sqrt(misfit / power) if power > 0 else 0.0


def report_wedge(reconstructor: Reconstructor, geometry: TiltGeometry) -> None:
    """Say to stderr if a network was trained on other tilts, wedges or sizes."""
    for network in networks_in(reconstructor):
        if warning := network.outside_training(geometry):
            print(f"warning: {warning}; look at the result with that in mind", file=sys.stderr)
