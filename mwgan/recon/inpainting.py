"""Inpainting a sinogram: the wedge-centred order, the network's tilt grid, and resampling to it and back.

A network has one grid of tilts. A measurement's rows are resampled onto it by linear interpolation along the tilt, with opposite
views counted as one (a half turn flips the detector); nothing is interpolated across a gap of more than three times the median
step or of more than 20 degrees. On the way back measured rows keep their own tilts, and the network's changes to them are
interpolated likewise; rows of the grid that lie in the gap are added. If all measured tilts lie on the grid, both directions are
exact. A pixel between two tilts counts as measured if it was measured at both; the network fills what was not measured, whole
rows or single pixels.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.operators import projector_for
from mwgan.recon.unmeasured import bridge_gaps
from mwgan.recon.wbp import WBP, WEDGE_GAP

SAME_TILT_DEG = 1e-3
SAME_SHARE = 1e-3  # rounding of a share that should be 1
WIDEST_STEP_DEG = 20.0  # with a handful of tilts every gap is near the median, and interpolation across it means nothing


class InpaintSinogram:
    """Ding 2019, first stage: from the wedge-centred sinogram and its mask to the complete, noise-free sinogram.

    Sinograms are divided by half the detector's length, so that those of images in [0, 1] stay below about 1.

    Parameters
    ----------
    detector_size, step_deg
        The network's grid: detector pixels N, and the step of its A tilts from -90 to +90 degrees.
    filter
        Window of the WBP that reconstructs the inpainted sinogram; our choice.
    """

    def __init__(self, detector_size: int, step_deg: float, filter: str = "ramp") -> None:
        self.geometry = TiltGeometry.full(detector_size, step_deg)
        self.wbp = WBP(filter, wedge_gap=math.inf)  # completed sinograms have no wedge, also where two tilt steps meet
        self.unit = 2.0 / detector_size
        self.first = sum(tilt < 0 for tilt in self.geometry.tilt_deg)  # rows before it go to the end, rotated by half a turn

    def see(self, measurement: Measurement) -> Tensor:
        """(B, 2, A, N): the wedge-centred sinogram, 0 where nothing was measured, and the mask, 1 = measured."""
        on_grid = self.to_grid(measurement)
        sinogram = self.centre(on_grid.sinogram * self.unit)
        mask = self.centre(on_grid.mask.to(sinogram).expand_as(sinogram))
        return torch.cat([sinogram, mask], dim=1)

    def condition(self, seen: Tensor) -> Tensor:
        return seen[:, :1]

    def target(self, image: Tensor, measurement: Measurement) -> Tensor:
        """(B, 1, A, N): the complete sinogram of the image, wedge-centred, without noise."""
        return self.centre(projector_for(self._grid(measurement))(image) * self.unit)

    def tomogram(self, output: Tensor, measurement: Measurement) -> Tensor:
        """WBP of the inpainted sinogram, without a second stage."""
        return self.wbp(self.insert(output, measurement))

    def complete(self, network: Callable[[Tensor], Tensor], measurement: Measurement) -> Measurement:
        """Fill a measurement's gap with ``network``, differentiable; every row counts as measured afterwards.

        If tilts lie off the network's grid, all samples must share them.
        """
        return self.insert(network(self.see(measurement)), measurement)

    def insert(self, output: Tensor, measurement: Measurement) -> Measurement:
        """The measurement completed by the network's ``output`` (B, 1, A, N), in its own units, order and tilts."""
        sinogram, grid = self.uncentre(output) / self.unit, self._grid(measurement)
        if self.on_grid(measurement):
            # A mask per sample, though all are equal: a shared one would be searched for rows to leave out.
            everything = torch.ones(len(sinogram), 1, grid.tilts, 1, dtype=torch.bool, device=sinogram.device)
            return Measurement(sinogram, everything, grid)
        rows = _shared_rows(measurement)
        seen = self.to_grid(rows)
        covered = seen.measured_tilts.any(dim=0).flatten()
        kept = covered.nonzero().flatten().tolist()
        change = torch.where(seen.mask, sinogram - seen.sinogram, 0.0)[:, :, kept]
        on_rows = partial(_resample, have_deg=tuple(grid.tilt_deg[index] for index in kept), want_deg=rows.geometry.tilt_deg)
        changed = on_rows(change)[0] if kept else torch.zeros_like(rows.sinogram)
        if rows.by_pixel and kept:  # pixels that were not measured take the network's own values
            changed = torch.where(rows.mask, changed, on_rows(sinogram[:, :, kept])[0])
        filled = (~covered).nonzero().flatten().tolist()
        tilts = [*rows.geometry.tilt_deg, *(grid.tilt_deg[index] for index in filled)]
        order = sorted(range(len(tilts)), key=tilts.__getitem__)
        union = torch.cat([rows.sinogram + changed, sinogram[:, :, filled]], dim=2)[:, :, order]
        geometry = replace(grid, tilt_deg=tuple(tilts[index] for index in order))
        return Measurement(union, torch.ones(len(tilts), dtype=torch.bool), geometry)

    def to_grid(self, measurement: Measurement) -> Measurement:
        """The measurement resampled onto the network's grid; itself if it lies there already."""
        if self.on_grid(measurement):
            return measurement
        rows, grid = _shared_rows(measurement), self._grid(measurement)
        sinogram, covered = _resample(rows.sinogram, rows.geometry.tilt_deg, grid.tilt_deg)
        if rows.by_pixel:  # a pixel between two tilts counts if both were measured
            seen, _ = _resample(rows.mask.to(rows.sinogram), rows.geometry.tilt_deg, grid.tilt_deg)
            covered = (seen > 1 - SAME_SHARE) & covered.reshape(1, 1, -1, 1)
        return Measurement(sinogram, covered, grid)

    def on_grid(self, measurement: Measurement) -> bool:
        """Whether a measurement lies on the network's grid as it is."""
        return measurement.geometry == self._grid(measurement)

    def _grid(self, measurement: Measurement) -> TiltGeometry:
        """The grid's tilts on the measurement's detector, the axis in its centre: convolutions take any length."""
        return replace(self.geometry, detector_size=measurement.geometry.detector_size)

    def centre(self, sinogram: Tensor) -> Tensor:
        """Rows reordered from -90 … 90 to 0 … 180 degrees, so that a wedge around the beam lies in the centre."""
        return torch.cat([sinogram[:, :, self.first :], sinogram[:, :, : self.first].flip(-1)], dim=2)

    def uncentre(self, centred: Tensor) -> Tensor:
        """The inverse of :meth:`centre`."""
        last = self.geometry.tilts - self.first
        return torch.cat([centred[:, :, last:].flip(-1), centred[:, :, :last]], dim=2)


def _shared_rows(measurement: Measurement) -> Measurement:
    """Only the measured rows, with the tilt axis in the detector's centre."""
    rows = measurement.only_measured()
    if not bool(rows.measured_tilts.all()):
        raise InputError("samples of a batch off the network's tilt grid must share their tilts: pass those of each wedge separately")
    return _on_axis(rows)


def _on_axis(measurement: Measurement) -> Measurement:
    """The same rows with the tilt axis in the detector's centre, shifted by the Fourier transform of the padded rows."""
    geometry = measurement.geometry
    if geometry.on_axis:
        return measurement
    size = geometry.detector_size
    length = 2 ** math.ceil(math.log2(2 * size))
    frequency = torch.fft.rfftfreq(length, device=measurement.sinogram.device)
    offsets = torch.tensor(geometry.offsets_px, device=frequency.device).unsqueeze(1)
    turn = torch.exp(2j * math.pi * frequency * offsets)
    # The end values are continued: a step to zero would ring through the whole row.
    whole = bridge_gaps(measurement.sinogram, measurement.mask)[:, 0]
    padded = torch.nn.functional.pad(whole, ((length - size) // 2, length - size - (length - size) // 2), "replicate")
    shifted = torch.fft.irfft(torch.fft.rfft(padded, dim=-1) * turn, n=length, dim=-1)
    start = (length - size) // 2
    measured = measurement.measured
    if measurement.by_pixel:  # a shifted pixel counts if both pixels that it lies between were measured
        place = torch.arange(size, device=measured.device) + offsets
        ends = [end.long().clamp(0, size - 1).expand_as(measured) for end in (place.floor(), place.ceil())]
        measured = torch.stack([measured.gather(3, end) for end in ends]).all(dim=0)
    return Measurement(shifted[..., start : start + size].unsqueeze(1), measured, TiltGeometry(geometry.tilt_deg, size))


def _resample(rows: Tensor, have_deg: tuple[float, ...], want_deg: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """Rows (B, 1, A, N) at tilts ``have_deg`` interpolated at ``want_deg``, and which of those are covered (W,) bool.

    Linear in the tilt between neighbours that are no wedge apart; zero at tilts that are not covered.
    """
    # Every tilt also rotated by half turns: an odd number shows the same row flipped, an even number unchanged.
    count = len(have_deg)
    turned = [(tilt + 180.0 * turn, index, turn % 2 != 0) for turn in (-2, -1, 0, 1, 2) for index, tilt in enumerate(have_deg)]
    turned.sort()
    steps = sorted(later[0] - earlier[0] for earlier, later in itertools.pairwise(turned))
    limit = min(WEDGE_GAP * steps[len(steps) // 2], WIDEST_STEP_DEG)
    direct, flipped = torch.zeros(len(want_deg), count), torch.zeros(len(want_deg), count)
    for row, want in enumerate(want_deg):
        later = next(place for place, (tilt, _, _) in enumerate(turned) if tilt >= want - SAME_TILT_DEG)
        below, above = turned[max(later - 1, 0)], turned[later]
        same = [seen for seen in turned if abs(seen[0] - want) <= SAME_TILT_DEG]
        if same:
            parts = [(1.0 / len(same), seen) for seen in same]
        elif above[0] - below[0] <= limit + SAME_TILT_DEG:  # tolerance for a gap of exactly the limit
            share = (want - below[0]) / (above[0] - below[0])
            parts = [(1 - share, below), (share, above)]
        else:
            parts = []
        for share, (_, index, mirrored) in parts:
            (flipped if mirrored else direct)[row, index] += share
    covered = (direct + flipped).sum(dim=1) > 0.5
    direct, flipped = direct.to(rows), flipped.to(rows)
    with torch.autocast(rows.device.type, enabled=False):  # a measured row keeps its precision
        return direct @ rows + flipped @ rows.flip(-1), covered.to(rows.device)
