"""A test source without a truth: slices of a measured tilt series, on which methods are evaluated by kept-out tilts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import torch

from mwgan.data.subjects import hashes_of
from mwgan.errors import InputError
from mwgan.files.atomic import sha256
from mwgan.geometry import Measurement
from mwgan.io import TiltSeries
from mwgan.io.neighbours import around, neighbour_rows

NEIGHBOURS = 2  # on either side: the largest number used by any shipped network


class SeriesSlices:
    """Slices of an aligned tilt series; files are read on first use.

    Parameters
    ----------
    series, tilts, tilt_axis, axis_offset_px, binning
        As for :class:`mwgan.io.TiltSeries`: line integrals, surroundings at 0.
    name
        Name of the source in tables; also its only subject.
    slices
        Which slices along the tilt axis, after binning; None takes all.
    licence
        The licence of the data.

    Raises
    ------
    InputError
        If the series can't be read, or has no such slice.
    """

    def __init__(
        self,
        series: str,
        tilts: str,
        name: str,
        tilt_axis: Literal["x", "y"] = "y",
        axis_offset_px: float = 0.0,
        binning: int = 1,
        slices: Sequence[int] | None = None,
        licence: str = "",
    ) -> None:
        self.path, self.tilts, self.name, self.tilt_axis = series, tilts, name, tilt_axis
        self.axis_offset_px, self.binning, self.licence = axis_offset_px, binning, licence
        self.wanted = None if slices is None else list(slices)
        self.subjects = [name]

    def __len__(self) -> int:
        return len(self.slices)

    @property
    def size(self) -> int:
        """Detector pixels, after binning."""
        return self._series.geometry.detector_size

    def measurement(self, indices: Sequence[int]) -> Measurement:
        """The full measurement of some of the slices and of their neighbours, in the detector's units."""
        sinograms, beside = [], []
        for number in (self.slices[index] for index in indices):
            first, last = around(number, number + 1, NEIGHBOURS, self._series.slices)
            rows = self._series.sinograms(first, last)
            own = slice(number - first, number - first + 1)
            sinograms.append(rows[own])
            beside.append(neighbour_rows(rows, own, NEIGHBOURS))
        geometry = self._series.geometry
        return Measurement(torch.cat(sinograms), torch.ones(geometry.tilts, dtype=torch.bool), geometry, torch.cat(beside))

    @property
    def gap_deg(self) -> float:
        """The missing wedge of the series itself, in degrees."""
        return 2 * (90.0 - max(abs(tilt) for tilt in self._series.geometry.tilt_deg))

    def origin(self, index: int) -> str:
        """The subject of slice ``index``."""
        return self.name

    def real_sources(self) -> list[SeriesSlices]:
        """Itself."""
        return [self]

    @property
    def fingerprint(self) -> str:
        """A hash that depends on the series and its slices, but not on its location."""
        tilts = self._series.geometry.tilt_deg
        content = (sha256(self._series.path), tilts, self.axis_offset_px, self.tilt_axis, self.binning, self.slices)
        return hashlib.sha256(repr(content).encode()).hexdigest()[:16]

    def describe(self) -> list[dict[str, Any]]:
        """The source's entry in a record."""
        return [{"name": self.name, "images": len(self), "licence": self.licence, "subject_hashes": hashes_of(self.subjects)}]

    @cached_property
    def slices(self) -> list[int]:
        """The slices, by their number along the tilt axis."""
        wanted = range(self._series.slices) if self.wanted is None else self.wanted
        if not wanted or not all(0 <= number < self._series.slices for number in wanted):
            raise InputError(f"{self.path} has the slices 0 to {self._series.slices - 1}, not {list(wanted)}")
        return list(wanted)

    @cached_property
    def _series(self) -> TiltSeries:
        return TiltSeries(self.path, self.tilts, self.tilt_axis, self.axis_offset_px, self.binning)
