"""Reconstructs a tilt series block by block to a volume on disk: ``mwgan reconstruct``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mwgan.errors import InputError
from mwgan.files.unfinished import Unfinished
from mwgan.geometry import Measurement
from mwgan.io import VolumeWriter
from mwgan.recon import Reconstructor
from mwgan.recon.named import neighbours_in
from mwgan.series.data_fit import DataFit, data_fit, noise_energy
from mwgan.series.few_iterations import with_few_iterations
from mwgan.series.finished import Companion, Finished, sums_by_tilt
from mwgan.series.measured import Series, measurement_of, report_wedge, squared_misfit
from mwgan.series.memory import slices_that_fit
from mwgan.series.progress import SliceProgress
from mwgan.series.slice_grid import SliceGrid
from mwgan.series.trust_report import TrustReport


def reconstruct_series(
    series: Series,
    reconstructor: Reconstructor,
    output: str | Path,
    block: int | None = None,
    device: str = "cpu",
    report: TrustReport | None = None,
    thickness: int | None = None,
    width: int | None = None,
    memory: int | None = None,
    identity: str | None = None,
    companions: Sequence[Companion] = (),
) -> DataFit:
    """Reconstruct a tilt series and write the volume atomically.

    Parameters
    ----------
    series
        The aligned series.
    reconstructor
        The method, for data in any units, as from :func:`mwgan.recon.named.make_method`.
    output
        The volume (y, z, x), in the format of its suffix; its voxels are as large as the series' pixels.
    block
        Slices in memory at a time; None: as many as the memory allows.
    device
        Where they are reconstructed, as a torch device name.
    report
        The report on the volume's reliability, written next to it.
    thickness, width
        Pixels of a slice along z and x that are written, see :class:`mwgan.series.slice_grid.SliceGrid`; None: the detector's.
    memory
        Bytes for this process, on a GPU those of the GPU; None: three quarters of the total.
    identity
        Identity of the volume (:func:`mwgan.series.identity.identity_of`): an interrupted reconstruction with the same identity
        is resumed. None: start from the beginning.
    companions
        Files that are written together with the volume, after its last slice.

    Returns
    -------
    fit
        The residual between the projected volume and the measured data, and that expected from noise.

    Raises
    ------
    InputError
        If the method can't take the series, its tomograms aren't finite, its pixels are too large to compute with, or a slice
        takes more than the memory.
    """
    output, grid = Path(output), SliceGrid.of(series.geometry, thickness, width)
    report_wedge(reconstructor, grid.geometry(series.geometry))
    sums = _Sums()
    with ExitStack() as opened:
        files = opened.enter_context(Unfinished(output, identity))
        if report is not None:
            opened.enter_context(report.written_with(files, grid))
        shape = (series.slices, grid.thickness, grid.width)
        volume = opened.enter_context(VolumeWriter(output, shape, series.voxel_sizes_angstrom, files, grid.first_voxel_px))
        for companion in companions:
            companion.prepare(files)
        if files.plan is None:
            chosen = _fitting(series, reconstructor, grid, device, report, memory) if block is None else block
            files.begin({"block": chosen})
        for entry in files.done:
            volume.recall(entry["start"], entry["volume"])
            if report is not None:
                report.recall(entry["start"], entry["trust"])
            sums.add(entry)
        first = files.done[-1]["stop"] if files.done else 0
        if first:
            print(f"resuming after {first} of {series.slices} slices")
        progress = opened.enter_context(SliceProgress(series.slices, first))
        for start in range(first, series.slices, _block(files)):
            stop = min(start + _block(files), series.slices)
            measurement = grid.placed(measurement_of(series, start, stop, device, neighbours_in(reconstructor)))
            tomogram, entry = _reconstructed(reconstructor, measurement, report, start)
            entry |= {"start": start, "stop": stop, "volume": volume.write(start, grid.cropped(tomogram))}
            files.stands_at = f"{stop} of {series.slices} slices"
            files.finished(entry)
            sums.add(entry)
            progress.reached(stop)
        found = data_fit(sums.misfit, sums.noise, sums.power)
        if report is not None:
            report.write()
        finished = sums.finished(found, volume, grid, None if report is None else report.uncertainty)
        for companion in companions:
            companion.write(finished)
    if sums.power == 0:
        print("warning: every pixel of the series is 0, and so is the volume: is this the right file?", file=sys.stderr)
    return found


class _Sums:
    """Sums of squares over all slices of the residual, of the expected noise and of the data; also by tilt."""

    def __init__(self) -> None:
        self.misfit = self.noise = self.power = 0.0
        self._by_tilt: dict[str, np.ndarray] = {}

    def add(self, entry: dict[str, Any]) -> None:
        """Add a block from its entry in the journal."""
        self.misfit, self.noise, self.power = self.misfit + entry["misfit"], self.noise + entry["noise"], self.power + entry["power"]
        for name, values in entry["tilts"].items():
            self._by_tilt[name] = self._by_tilt.get(name, 0.0) + np.array(values)

    def finished(self, found: DataFit, volume: VolumeWriter, grid: SliceGrid, uncertainty: VolumeWriter | None) -> Finished:
        """The final results."""
        tilts = self._by_tilt
        return Finished(found, tilts["misfit"], tilts["power"], tilts["pixels"], self.noise, volume, grid, uncertainty)


def _block(files: Unfinished) -> int:
    return int((files.plan or {})["block"])


def _reconstructed(
    reconstructor: Reconstructor, measurement: Measurement, report: TrustReport | None, start: int
) -> tuple[Tensor, dict[str, Any]]:
    """Tomograms on the grid, and their entry for the journal."""
    believed = None if report is None else report.look(measurement)
    tomogram = reconstructor(measurement) if believed is None else believed.tomogram
    if not bool(tomogram.isfinite().all()):
        raise InputError(f"the slices from {start} on come out as NaN: densities must be positive, invert bright-field images")
    tilts = sums_by_tilt(tomogram, measurement)
    entry: dict[str, Any] = {
        "misfit": sum(tilts["misfit"]),
        "noise": noise_energy(measurement),
        "power": sum(tilts["power"]),
        "tilts": tilts,
    }
    if report is not None and believed is not None:
        entry["trust"] = report.take(start, measurement, believed)
    return tomogram, entry


def _fitting(
    series: Series, reconstructor: Reconstructor, grid: SliceGrid, device: str, report: TrustReport | None, memory: int | None
) -> int:
    """Number of slices at a time that fits into memory."""
    example = grid.placed(measurement_of(series, 0, 1, device, neighbours_in(reconstructor)))
    if getattr(series, "mask", None) is not None and not example.by_pixel:  # the mask of another slice may differ by pixel
        everything = torch.ones_like(example.sinogram[:1], dtype=torch.bool)
        example = replace(example, measured=everything)
    few = with_few_iterations(reconstructor)

    def work(measurement: Measurement) -> None:
        tomogram = few(measurement) if report is None else report.look(measurement, few).tomogram
        squared_misfit(tomogram, measurement)
        tomogram.cpu().numpy().copy()

    reading: Callable[[int], int] = getattr(series, "reading_bytes", lambda slices: 16 * slices * example.sinogram.numel())
    return slices_that_fit(work, example, memory, reading, series.slices)
