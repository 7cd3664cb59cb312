"""A tilt series, a block of slices after the other, through a method to a volume on disk: ``mwgan reconstruct``."""

from __future__ import annotations

import math
import sys
from contextlib import ExitStack
from pathlib import Path

import torch
from rich.progress import track
from torch import Tensor

from mwgan.errors import InputError
from mwgan.files.whole import WrittenTogether
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.io import TiltSeries, VolumeWriter
from mwgan.recon import Reconstructor
from mwgan.recon.named import network_in
from mwgan.series.trust_report import TrustReport
from mwgan.trust import energy, residual_map

LARGEST = 1e30  # float32 ends at 3e38, and a filter or a projection adds up some thousands of pixels


def reconstruct_series(
    series: TiltSeries,
    reconstructor: Reconstructor,
    output: str | Path,
    block: int = 16,
    device: str = "cpu",
    report: TrustReport | None = None,
) -> float:
    """Write the volume of a tilt series, all or nothing.

    Parameters
    ----------
    series
        The aligned series.
    reconstructor
        The method, for data in any units: what :func:`mwgan.recon.named.make_method` gives.
    output
        The volume, MRC (y, z, x); its voxels are as large as the series' pixels.
    block
        Slices in memory at a time.
    device
        Where they are reconstructed, as torch names it.
    report
        What is to be said of how far to believe the volume, written beside it.

    Returns
    -------
    residual
        What the volume, projected again, leaves of the data on the measured tilts: the relative norm over all slices.

    Raises
    ------
    InputError
        If the method can't take the series, its tomograms aren't finite, or its pixels are too large to compute with.
    """
    size, output = series.geometry.detector_size, Path(output)
    report_wedge(reconstructor, series.geometry)
    misfit = power = 0.0
    with ExitStack() as open_files:
        files = open_files.enter_context(WrittenTogether())
        if report is not None:
            open_files.enter_context(report.written_with(files))
        volume = open_files.enter_context(VolumeWriter(output, (series.slices, size, size), series.voxel_size_angstrom, files))
        for start in track(range(0, series.slices, block), description="slices"):
            measurement = measurement_of(series, start, min(start + block, series.slices), device)
            tomogram = reconstructor(measurement) if report is None else report.reconstruct(start, measurement)
            if not bool(tomogram.isfinite().all()):
                raise InputError(f"the slices from {start} on come out as NaN: densities must be positive, invert bright-field images")
            volume.write(start, tomogram)
            misfit += squared_misfit(tomogram, measurement)
            power += float(energy(measurement.sinogram).sum())
        if report is not None:
            report.write()
    if power == 0:
        print("warning: every pixel of the series is 0, and so is the volume: is this the right file?", file=sys.stderr)
    return relative(misfit, power)


def measurement_of(series: TiltSeries, start: int, stop: int, device: str) -> Measurement:
    """Slices ``start`` to ``stop`` of a series, all of whose tilts were measured."""
    sinograms = series.sinograms(start, stop)
    if (peak := float(sinograms.abs().max())) > LARGEST:
        raise InputError(f"{series.path} has pixels of {peak:.0e}, too large to compute with: divide all of them by that")
    return Measurement(sinograms.to(device), torch.ones(series.geometry.tilts, dtype=torch.bool), series.geometry)


def squared_misfit(tomogram: Tensor, measurement: Measurement) -> float:
    """Sum of squares of what the tomogram, projected again, leaves of the data."""
    return float(energy(residual_map(tomogram, measurement)).sum())


def relative(misfit: float, power: float) -> float:
    """The norm of what is left of data over that of the data, from the sums of their squares; 0 where there were none."""
    return math.sqrt(misfit / power) if power > 0 else 0.0


def report_wedge(reconstructor: Reconstructor, geometry: TiltGeometry) -> None:
    """Say to stderr if a network was trained on other tilts, wedges or sizes."""
    network = network_in(reconstructor)
    if network is not None and (warning := network.outside_training(geometry)):
        print(f"warning: {warning}; look at the result with that in mind", file=sys.stderr)
