"""What ``mwgan reconstruct`` and ``mwgan compare`` do: series in, blocks through a method, volume or picture out."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

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
from mwgan.trust import residual_map


def reconstruct_series(
    series: TiltSeries, reconstructor: Reconstructor, output: Path, block: int, device: str, report: TrustReport | None = None
) -> float:
    """Write the volume of a series, and what a ``report`` has to say of it; the relative residual of the whole on its measured tilts."""
    size = series.geometry.detector_size
    _report_wedge(reconstructor, series.geometry)
    misfit = power = 0.0
    with ExitStack() as open_files:
        files = open_files.enter_context(WrittenTogether())
        if report is not None:
            open_files.enter_context(report.written_with(files))
        volume = open_files.enter_context(VolumeWriter(output, (series.slices, size, size), series.voxel_size_angstrom, files))
        for start in track(range(0, series.slices, block), description="slices"):
            measurement = _measurement(series, start, min(start + block, series.slices), device)
            tomogram = reconstructor(measurement) if report is None else report.reconstruct(start, measurement)
            if not bool(tomogram.isfinite().all()):
                raise InputError(f"the slices from {start} on come out as NaN: densities must be positive, invert bright-field images")
            volume.write(start, tomogram)
            misfit += _misfit(tomogram, measurement)
            power += float(measurement.sinogram.square().sum())
        if report is not None:
            report.write()
    return math.sqrt(misfit / max(power, 1e-300))


def compare_slice(
    ranges: Mapping[str, TiltSeries], methods: Mapping[str, Reconstructor], slice_index: int, output: Path, device: str
) -> list[dict[str, Any]]:
    """Draw one slice by every method and tilt range to ``output``, and its numbers to a csv beside it; the numbers."""
    import pandas as pd

    from mwgan.evaluation.roundness import width_over_height
    from mwgan.figures import slice_panel

    slices, ratios, rows = {}, {}, []
    for tilts, series in ranges.items():
        if slice_index >= series.slices:
            raise InputError(f"there is no slice {slice_index}: the series has {series.slices}, counted from 0")
        measurement = _measurement(series, slice_index, slice_index + 1, device)
        for reconstructor in methods.values():
            _report_wedge(reconstructor, series.geometry)
        norm = float(measurement.sinogram.square().sum())
        for name, reconstructor in methods.items():
            tomogram = reconstructor(measurement)
            slices[tilts, name] = tomogram[0, 0].cpu().numpy()
            residual = math.sqrt(_misfit(tomogram, measurement) / max(norm, 1e-300))
            ratio = ratios[tilts, name] = float(width_over_height(tomogram)[0])
            rows.append({"tilts": tilts, "method": name, "slice": slice_index, "width_over_height": ratio, "residual": residual})
    figure = slice_panel(slices, ratios, list(methods))
    with WrittenTogether() as files:
        picture, numbers = map(files.add, compared_files(output))
        figure.savefig(picture, format="png")
        pd.DataFrame(rows).to_csv(numbers, index=False, float_format="%.4g")
    return rows


def compared_files(output: Path) -> tuple[Path, Path]:
    """Where the picture of :func:`compare_slice` and its numbers go."""
    return output, output.with_suffix(".csv")


def _measurement(series: TiltSeries, start: int, stop: int, device: str) -> Measurement:
    measured = torch.ones(series.geometry.tilts, dtype=torch.bool)
    return Measurement(series.sinograms(start, stop).to(device), measured, series.geometry)


def _misfit(tomogram: Tensor, measurement: Measurement) -> float:
    """Sum of squares of what the tomogram, projected again, leaves of the data."""
    return float(residual_map(tomogram, measurement).square().sum())


def _report_wedge(reconstructor: Reconstructor, geometry: TiltGeometry) -> None:
    network = network_in(reconstructor)
    if network is not None and (warning := network.outside_training(geometry)):
        print(f"warning: {warning}; look at the result with that in mind", file=sys.stderr)
