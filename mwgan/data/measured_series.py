"""A test source from real data: slices of a series over the full half circle, each with its measured rows.

Removing tilts from such a series gives a wedge with a known truth: the reconstruction from all tilts.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any, Literal

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from torch import Tensor

from mwgan.acquisition import Noise
from mwgan.data.canvas import Array
from mwgan.data.source import ImageSource
from mwgan.data.subjects import hashes_of
from mwgan.errors import InputError
from mwgan.files.atomic import sha256
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.io import TiltSeries
from mwgan.operators import ParallelBeam
from mwgan.recon import WBP

AT_ONCE = 8  # slices reconstructed together


class MeasuredSeries(ImageSource):
    """Slices of a measured tilt series over the half circle, in several orientations.

    A slice rotated (clockwise) by an angle is the slice with the specimen in that orientation in the microscope: its rows are
    those measured that much later in the series, flipped beyond 180 degrees. Nothing is interpolated, and the wedge
    that an evaluation removes is in another place. Image k is slice k mod S, rotated by ``first_turn_deg`` plus k // S
    times 180 / ``turns`` degrees.

    The truth is the weighted back-projection of all tilts and all pixels, averaged down to ``size`` and clipped at 0: negative
    values are only noise and the dark fringes of phase contrast, and no method but WBP gives negative densities. One factor
    for all images of the source scales the brightest pixel of their truths to 1. Files are read on first use.

    Parameters
    ----------
    series, tilts, tilt_axis, axis_offset_px
        As for :class:`mwgan.io.TiltSeries`: line integrals, vacuum at 0, tilts even over the half circle, each direction once.
    size
        Images are (size, size). Pixels are averaged so that the full detector fits in; the rest is vacuum. A series finer
        than ``size`` by an integer factor fills the image.
    name
        Name of the source in tables; also the only subject, since slices and orientations are of one specimen.
    slices
        Which slices along the tilt axis; None takes all.
    turns
        Orientations of each slice over the half circle; divides the number of tilts.
    first_turn_deg
        The first orientation; a multiple of the tilt step.
    licence
        The licence of the data.

    Raises
    ------
    InputError
        If the series can't be read or doesn't cover the half circle, has no such slice, or can't be rotated so.
    """

    def __init__(
        self,
        series: str,
        tilts: str,
        size: int,
        name: str,
        tilt_axis: Literal["x", "y"] = "y",
        axis_offset_px: float = 0.0,
        slices: Sequence[int] | None = None,
        turns: int = 1,
        first_turn_deg: float = 0.0,
        licence: str = "",
    ) -> None:
        if size < 2 or turns < 1:
            raise InputError(f"{name}: size must be 2 or more and turns 1 or more, not {size} and {turns}")
        self.path, self.tilts, self.tilt_axis, self.axis_offset_px = series, tilts, tilt_axis, axis_offset_px
        self.size, self.name, self.turns, self.first_turn_deg = size, name, turns, first_turn_deg
        self.wanted = None if slices is None else list(slices)
        self.licence, self.subjects = licence, [name]

    def __len__(self) -> int:
        return len(self.slices) * self.turns

    def image(self, index: int, rng: np.random.Generator) -> Array:
        """The truth (size, size) of image ``index`` in [0, 1]; ``rng`` isn't used."""
        self._check(index)
        image: Array = self._truths[0][index].numpy().copy()
        return image

    def sinogram(self, index: int, geometry: TiltGeometry) -> Array:
        """The measured rows (A, N) of image ``index``: line integrals in pixels of ``size``, with the scale of the truth.

        Raises
        ------
        InputError
            If tilts of ``geometry`` were not measured, or its detector is another.
        """
        self._check(index)
        if geometry.detector_size != self.size or not geometry.on_axis:
            raise InputError(f"{self.name} is measured by {self.size} pixels around the tilt axis: use such a geometry")
        rows = self._rows(index)
        rows = rows.reshape(len(rows), self.size, -1).mean(dim=-1) / (rows.shape[-1] // self.size) * self._truths[1]
        step, first = 180.0 / len(rows), self.measured_tilt_deg[0]
        place = [round((tilt - first) / step) for tilt in geometry.tilt_deg]
        if any(abs(first + step * number - tilt) > 0.01 * step for number, tilt in zip(place, geometry.tilt_deg, strict=True)):
            steps = ", ".join(f"{step * factor:g}" for factor in range(1, len(rows) // 2 + 1) if len(rows) % factor == 0)
            raise InputError(f"{self.name} was measured every {step:g} degrees from {first:g}: take a tilt step of {steps}")
        sinogram: Array = torch.stack([_view(rows, number) for number in place]).numpy()
        return sinogram

    def pose(self, index: int) -> tuple[int, float]:
        """The slice and the rotation in degrees of image ``index``."""
        self._check(index)
        turn, place = divmod(index, len(self.slices))
        return self.slices[place], self.first_turn_deg + 180.0 / self.turns * turn

    def origin(self, index: int) -> str:
        """The subject of image ``index``: always the specimen, as orientations aren't independent samples."""
        self._check(index)
        return self.name

    def real_sources(self) -> list[MeasuredSeries]:
        """Itself."""
        return [self]

    @property
    def fingerprint(self) -> str:
        """A hash that depends on the series and its images, but not on their location."""
        poses = [self.pose(index) for index in range(len(self))]
        content = (sha256(self._series.path), self.measured_tilt_deg, self.tilt_axis, self.axis_offset_px, poses)
        return hashlib.sha256(repr(content).encode()).hexdigest()[:16]

    def describe(self) -> list[dict[str, Any]]:
        """The source's entry in a run's record."""
        record = {"name": self.name, "images": len(self), "distinct": len(self.slices), "licence": self.licence}
        return [{**record, "subjects": len(self.subjects), "subject_hashes": hashes_of(self.subjects)}]

    @cached_property
    def slices(self) -> list[int]:
        """The slices, by their number along the tilt axis."""
        there = list(range(self._series.slices))
        wanted = there if self.wanted is None else self.wanted
        if not wanted or not set(wanted) <= set(there):
            raise InputError(f"{self.path} has the slices 0 to {there[-1]}, not {wanted}")
        return wanted

    @property
    def measured_tilt_deg(self) -> tuple[float, ...]:
        """The tilts of the series."""
        return self._series.geometry.tilt_deg

    @cached_property
    def _series(self) -> TiltSeries:
        """The files, after checking that they cover all orientations."""
        opened = TiltSeries(self.path, self.tilts, self.tilt_axis, self.axis_offset_px)
        tilts = np.asarray(opened.geometry.tilt_deg)
        step = 180.0 / len(tilts)
        if np.abs(tilts - tilts[0] - step * np.arange(len(tilts))).max() > 0.01 * step:
            raise InputError(
                f"{self.tilts} holds {len(tilts)} tilts from {tilts[0]:g} to {tilts[-1]:g} degrees: a truth takes even ones over the whole "
                "half circle, and the opposite view of the first left out, such as -90, -89, … 89"
            )
        if len(tilts) % self.turns or abs(self.first_turn_deg / step - round(self.first_turn_deg / step)) > 0.01:
            raise InputError(
                f"{self.name}: {len(tilts)} tilts can't be turned by {self.first_turn_deg:g} degrees and {self.turns} turns: "
                f"give a multiple of {step:g} degrees, and turns that divide {len(tilts)}"
            )
        return opened

    @cached_property
    def _measured_rows(self) -> Tensor:
        """Rows (S, A, W) of the slices as measured, on a detector whose centre is the tilt axis."""
        rows = torch.cat([self._series.sinograms(number, number + 1)[:, 0] for number in self.slices])
        return _centred(rows, self.axis_offset_px, self.size)

    def _rows(self, index: int) -> Tensor:
        """Rows (A, W) of image ``index``: those measured ``turn`` later, seen from behind beyond 180 degrees."""
        rows = self._measured_rows[index % len(self.slices)]
        later = round(self.pose(index)[1] / 180.0 * len(rows))
        return torch.stack([_view(rows, number + later) for number in range(len(rows))])

    @cached_property
    def _truths(self) -> tuple[Tensor, float]:
        """The truths (K, N, N) of all images, and their scale factor."""
        parts = []
        for start in range(0, len(self), AT_ONCE):
            rows = torch.stack([self._rows(index) for index in range(start, min(start + AT_ONCE, len(self)))])
            whole = _back_projected(rows.unsqueeze(1), self.measured_tilt_deg)
            factor = whole.shape[-1] // self.size
            parts.append(whole.reshape(-1, self.size, factor, self.size, factor).mean(dim=(2, 4)))
        truths = torch.cat(parts).clamp(min=0)
        brightest = float(truths.max())
        if not brightest > 0:
            raise InputError(f"{self.path} has an empty slice: its images must be line integrals, 0 in vacuum")
        return truths / brightest, 1.0 / brightest

    def _check(self, index: int) -> None:
        if not 0 <= index < len(self):
            raise IndexError(f"image {index} of {len(self)}")


def measured_rows(
    source: ImageSource,
    indices: Sequence[int],
    geometry: TiltGeometry,
    noise: Noise,
    seeds: Sequence[int],
) -> Tensor | None:
    """Measured sinograms (B, 1, A, N) of a source, or None for a source of images only.

    ``noise`` is added to that of the detector, with a seed for each; the results table has the added noise.
    """
    rows = [source.sinogram(index, geometry) for index in indices]
    measured = [torch.from_numpy(row) for row in rows if row is not None]
    if len(measured) < len(rows):
        return None
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    return torch.stack([noise(row, generator) for row, generator in zip(measured, generators, strict=True)]).unsqueeze(1)


def _view(rows: Tensor, number: int) -> Tensor:
    """Row ``number`` of a half circle (A, W), continued beyond its ends: 180 degrees on, the same row is flipped."""
    half_turns, place = divmod(number, len(rows))
    return rows[place].flip(-1) if half_turns % 2 else rows[place]


def _centred(rows: Tensor, axis_offset_px: float, size: int) -> Tensor:
    """Rows (..., W) on a detector of a multiple of ``size`` pixels with the axis at its centre, padded with vacuum (0)."""
    width = rows.shape[-1]
    wide = size * math.ceil((width - 1 + 2 * abs(axis_offset_px)) / size)  # up to half a pixel at either end may be lost
    position = (width - wide) / 2 + axis_offset_px + np.arange(wide)
    spline = CubicSpline(np.arange(width), rows.numpy(), axis=-1, extrapolate=False)  # through every pixel: exact at whole shifts
    return torch.from_numpy(np.nan_to_num(spline(position)).astype(np.float32))


def _back_projected(rows: Tensor, tilt_deg: tuple[float, ...]) -> Tensor:
    """Slices (B, W, W) from all rows (B, 1, A, W).

    The detector is widened to the slice's diagonal: otherwise the filter's tails beyond its ends are missing in the
    corners, and the projections of the truth were 4 % too bright.
    """
    margin = math.ceil((math.sqrt(2) - 1) / 2 * rows.shape[-1])
    wide = torch.nn.functional.pad(rows, (margin, margin))
    geometry = TiltGeometry(tilt_deg, wide.shape[-1])
    measurement = Measurement(wide, torch.ones(geometry.tilts, dtype=torch.bool), geometry)
    back_project = WBP(projector=partial(ParallelBeam, method="matrix_free"))  # used once: a matrix would not pay
    return back_project(measurement)[:, 0, margin:-margin, margin:-margin]
