"""A tilt series, a block of slices after the other, through a method to a volume on disk: ``mwgan reconstruct``."""

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
from mwgan.series.explained import Explained, explained, noise_energy
from mwgan.series.finished import Companion, Finished, sums_by_tilt
from mwgan.series.measured import Series, measurement_of, report_wedge, squared_misfit
from mwgan.series.memory import slices_that_fit
from mwgan.series.progress import SliceProgress
from mwgan.series.shortened import shortened
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
) -> Explained:
    """Write the volume of a tilt series, all or nothing.

    Parameters
    ----------
    series
        The aligned series.
    reconstructor
        The method, for data in any units: what :func:`mwgan.recon.named.make_method` gives.
    output
        The volume (y, z, x), in the format that its name ends in; its voxels are as large as the series' pixels.
    block
        Slices in memory at a time; None: as many as the memory allows.
    device
        Where they are reconstructed, as torch names it.
    report
        What is to be said of how far to believe the volume, written beside it.
    thickness, width
        Pixels of a slice along z and x that are written, see :class:`mwgan.series.slice_grid.SliceGrid`; None: the detector's.
    memory
        Bytes that this process may take, on a GPU those of the GPU; None: three quarters of what there is.
    identity
        What decides the volume (:func:`mwgan.series.identity.identity_of`): stopped and called again with the same, it continues
        where it was. None: from the beginning.
    companions
        What is written together with the volume, when its last slice is.

    Returns
    -------
    explained
        What the volume, projected again, leaves of the data that were measured, and what noise would leave.

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
            print(f"continues after {first} of {series.slices} slices, where it was stopped")
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
        found = explained(sums.misfit, sums.noise, sums.power)
        if report is not None:
            report.write()
        finished = sums.finished(found, volume, grid, None if report is None else report.uncertainty)
        for companion in companions:
            companion.write(finished)
    if sums.power == 0:
        print("warning: every pixel of the series is 0, and so is the volume: is this the right file?", file=sys.stderr)
    return found


class _Sums:
    """Of squares, over all slices: of what the volume leaves, of what noise would leave, and of the data; also tilt by tilt."""

    def __init__(self) -> None:
        self.misfit = self.noise = self.power = 0.0
        self._by_tilt: dict[str, np.ndarray] = {}

    def add(self, entry: dict[str, Any]) -> None:
        """Count a block by what the journal keeps of it."""
        self.misfit, self.noise, self.power = self.misfit + entry["misfit"], self.noise + entry["noise"], self.power + entry["power"]
        for name, values in entry["tilts"].items():
            self._by_tilt[name] = self._by_tilt.get(name, 0.0) + np.array(values)

    def finished(self, found: Explained, volume: VolumeWriter, grid: SliceGrid, uncertainty: VolumeWriter | None) -> Finished:
        """All that is known now."""
        tilts = self._by_tilt
        return Finished(found, tilts["misfit"], tilts["power"], tilts["pixels"], self.noise, volume, grid, uncertainty)


def _block(files: Unfinished) -> int:
    return int((files.plan or {})["block"])


def _reconstructed(
    reconstructor: Reconstructor, measurement: Measurement, report: TrustReport | None, start: int
) -> tuple[Tensor, dict[str, Any]]:
    """Tomograms on the grid, and what the journal keeps of them."""
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
    """Slices at a time that stay within the memory."""
    example = grid.placed(measurement_of(series, 0, 1, device, neighbours_in(reconstructor)))
    if getattr(series, "mask", None) is not None and not example.by_pixel:  # that of another slice may tell pixels apart
        everything = torch.ones_like(example.sinogram[:1], dtype=torch.bool)
        example = replace(example, measured=everything)
    few = shortened(reconstructor)

    def work(measurement: Measurement) -> None:
        tomogram = few(measurement) if report is None else report.look(measurement, few).tomogram
        squared_misfit(tomogram, measurement)
        tomogram.cpu().numpy().copy()

    reading: Callable[[int], int] = getattr(series, "reading_bytes", lambda slices: 16 * slices * example.sinogram.numel())
    return slices_that_fit(work, example, memory, reading, series.slices)
