"""A raw series with its alignment: whole pixels of each shift move the image, the fraction left goes into the geometry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import TiltGeometry
from mwgan.io import TiltSeries
from mwgan.io.bands import BAND_BYTES
from mwgan.io.tilts import Tilts
from mwgan.series.align.alignment import Alignment, read_alignment
from mwgan.series.align.apply import check_fits
from mwgan.series.align.written import aligned_pixel_sizes
from mwgan.series.look import LookedAt, Switches


class ShiftedSeries:
    """A raw series as a :class:`mwgan.series.measured.Series`: images moved by whole pixels across the tilt axis, the rest in the geometry.

    Along the axis, where a projector knows no shifts, images are interpolated; and in both directions where the axis is turned. All
    images are held in memory.

    Parameters
    ----------
    looked_at
        The raw series, looked at with :func:`switches_for` this alignment.
    alignment
        Where its images belong; images that it or the look leaves out aren't used.
    binning
        Average this many pixels of the aligned images.
    max_tilt_deg
        Leave out tilts beyond this.

    Attributes
    ----------
    geometry
        Tilts as the alignment has them, detector, and ``tilt_offset_px``: what is left of each image's shift, up to half a pixel.
    path, slices, voxel_sizes_angstrom, binning, image_numbers, notes, warnings
        As of :class:`mwgan.io.TiltSeries`.

    Raises
    ------
    InputError
        If the series isn't of the kind that was aligned, no image is left, or the binning is too large.
    """

    def __init__(self, looked_at: LookedAt, alignment: Alignment, binning: int = 1, max_tilt_deg: float | None = None) -> None:
        raw = looked_at.first
        check_fits(alignment, tuple(raw.images.shape), raw.path)
        if not 1 <= binning <= max(1, min(alignment.aligned_shape[0], alignment.aligned_shape[1] // 2)):
            raise InputError(f"binning must lie between 1 and half the image, not {binning}")
        whole, fractions = replace(alignment, binning=alignment.binning * binning).by_whole_pixels()
        places = _used(looked_at, alignment, max_tilt_deg)
        (rows, columns), factor = whole.aligned_shape, whole.binning
        self._rows, self._measured = np.empty((rows, len(places), columns), np.float32), np.empty((rows, len(places), columns), bool)
        for number, place in enumerate(places):
            image = alignment.images[place] - 1
            self._rows[:, number], self._measured[:, number] = whole.placed_with_mask(
                place, looked_at.image(image), looked_at.measured(image)
            )
        self.path, self.slices, self.binning = raw.path, rows, factor
        self.image_numbers = np.array([alignment.images[place] - 1 for place in places])
        self.geometry = TiltGeometry(
            tuple(alignment.tilt_deg[place] for place in places),
            columns,
            whole.shape[1] % factor / 2 / factor,  # pixels left over are dropped at the far edge
            tuple(fractions[place] / factor for place in places),
        )
        sizes = aligned_pixel_sizes(whole, raw.pixel_sizes_angstrom)
        self.voxel_sizes_angstrom = None if sizes is None else (sizes[0], sizes[1], sizes[1])
        turned = f"interpolated for the axis, turned by {whole.axis_angle_deg:.2f} degrees, and along it"
        told = turned if whole.axis_angle_deg else "interpolated along the axis alone"
        self.notes = [*looked_at.notes, f"images moved by whole pixels, the rest left to the projector; {told}"]
        self.warnings = list(looked_at.warnings)

    def sinograms(self, start: int, stop: int) -> Tensor:
        """Sinograms (stop - start, 1, A, N) float32."""
        return torch.from_numpy(self._rows[start:stop].copy()).unsqueeze(1)

    def mask(self, start: int, stop: int) -> Tensor | None:
        """Which pixels of these slices were measured, boolean (stop - start, 1, A, N); None where all were."""
        measured = self._measured[start:stop]
        return None if measured.all() else torch.from_numpy(measured.copy()).unsqueeze(1)

    def reading_bytes(self, slices: int) -> int:
        """What it takes to read so many slices at a time."""
        return 5 * slices * int(self._rows[0].size)


class Given(NamedTuple):
    """What is said of a series that is to be reconstructed: as of :class:`mwgan.series.look.LookedAt`, and what is taken of it."""

    path: str | Path
    tilts: Tilts | None = None
    switches: Switches | None = None
    exclude: str | Sequence[int] = ()
    dataset: str | None = None
    strict: bool = False
    aligned_by: str | Path | None = None
    """The alignment (JSON) of a raw series; None: it is aligned."""
    binning: int = 1
    max_tilt_deg: float | None = None


def looked_at_and_opened(given: Given, band_bytes: int = BAND_BYTES) -> tuple[LookedAt, TiltSeries | ShiftedSeries]:
    """A look at a series, and the series as it is to be reconstructed.

    Raises
    ------
    InputError
        As of :class:`mwgan.series.look.LookedAt`, :func:`read_alignment` and :class:`ShiftedSeries`.
    """
    alignment = None if given.aligned_by is None else read_alignment(Path(given.aligned_by))
    said = given.switches or Switches()
    switches = said if alignment is None else switches_for(alignment, said)
    looked_at = LookedAt(given.path, given.tilts, switches, given.exclude, given.dataset, given.strict)
    if alignment is None:
        return looked_at, looked_at.open(given.binning, given.max_tilt_deg, band_bytes)
    return looked_at, ShiftedSeries(looked_at, alignment, given.binning, given.max_tilt_deg)


def switches_for(alignment: Alignment, said: Switches) -> Switches:
    """How to look at a raw series of which an alignment tells where the tilt axis is.

    Raises
    ------
    InputError
        If the user says it, too.
    """
    if said.axis_offset != "auto" or said.tilt_axis not in ("auto", alignment.tilt_axis):
        raise InputError("an alignment tells where the tilt axis is: leave out --axis-offset and --tilt-axis, or --aligned-by")
    return replace(said, tilt_axis=alignment.tilt_axis, aligned=False)


def _used(looked_at: LookedAt, alignment: Alignment, max_tilt_deg: float | None) -> list[int]:
    """The places in the alignment of the images that are used, in the order of their tilts."""
    kept = {int(number) + 1 for number in looked_at.first.image_numbers} - set(looked_at.seen.dead)
    places = [place for place, number in enumerate(alignment.images) if number in kept]
    if max_tilt_deg is not None:
        places = [place for place in places if abs(alignment.tilt_deg[place]) <= max_tilt_deg + 1e-6]
    if not places:
        limit = "" if max_tilt_deg is None else f" within ±{max_tilt_deg:g} degrees"
        raise InputError(f"no image of {looked_at.first.path} is left{limit}: leave some in")
    return sorted(places, key=alignment.tilt_deg.__getitem__)  # tilts that were refined may have changed their order
