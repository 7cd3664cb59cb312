"""A raw series with its alignment: images are shifted by whole pixels, and the remaining fractions go into the geometry."""

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
    """A raw series as a :class:`mwgan.series.measured.Series`: images shifted by whole pixels, fractions in the geometry.

    Images are interpolated along the axis, where the projector has no shifts, and in both directions if the axis is rotated. All
    images are kept in memory.

    Parameters
    ----------
    looked_at
        The raw series, checked with :func:`switches_for` this alignment.
    alignment
        Its alignment; images excluded by it or by the check aren't used.
    binning
        Average this many pixels of the aligned images.
    max_tilt_deg
        Leave out tilts beyond this.

    Attributes
    ----------
    geometry
        Tilts from the alignment, detector, and ``tilt_offset_px``: the remaining fraction of each image's shift, up to half a pixel.
    path, slices, voxel_sizes_angstrom, binning, image_numbers, notes, warnings
        As for :class:`mwgan.io.TiltSeries`.

    Raises
    ------
    InputError
        If the series isn't the one that was aligned, no image is left, or the binning is too large.
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
            whole.shape[1] % factor / 2 / factor,  # remaining pixels are dropped at the far edge
            tuple(fractions[place] / factor for place in places),
        )
        sizes = aligned_pixel_sizes(whole, raw.pixel_sizes_angstrom)
        self.voxel_sizes_angstrom = None if sizes is None else (sizes[0], sizes[1], sizes[1])
        turned = f"interpolated for the axis rotation of {whole.axis_angle_deg:.2f} degrees, and along the axis"
        how = turned if whole.axis_angle_deg else "interpolated only along the axis"
        self.notes = [*looked_at.notes, f"images shifted by whole pixels, fractions in the projector; {how}"]
        self.warnings = list(looked_at.warnings)

    def sinograms(self, start: int, stop: int) -> Tensor:
        """Sinograms (stop - start, 1, A, N) float32."""
        return torch.from_numpy(self._rows[start:stop].copy()).unsqueeze(1)

    def mask(self, start: int, stop: int) -> Tensor | None:
        """Which pixels of these slices were measured, boolean (stop - start, 1, A, N); None if all were."""
        measured = self._measured[start:stop]
        return None if measured.all() else torch.from_numpy(measured.copy()).unsqueeze(1)

    def reading_bytes(self, slices: int) -> int:
        """Bytes needed to read so many slices at a time."""
        return 5 * slices * int(self._rows[0].size)


class Given(NamedTuple):
    """The user's options for a series to reconstruct: as for :class:`mwgan.series.look.LookedAt`, and which part of it to use."""

    path: str | Path
    tilts: Tilts | None = None
    switches: Switches | None = None
    exclude: str | Sequence[int] = ()
    dataset: str | None = None
    strict: bool = False
    aligned_by: str | Path | None = None
    """The alignment (JSON) of a raw series; None if it is aligned."""
    binning: int = 1
    max_tilt_deg: float | None = None


def check_and_open(given: Given, band_bytes: int = BAND_BYTES) -> tuple[LookedAt, TiltSeries | ShiftedSeries]:
    """A checked series, and the series opened for reconstruction.

    Raises
    ------
    InputError
        As for :class:`mwgan.series.look.LookedAt`, :func:`read_alignment` and :class:`ShiftedSeries`.
    """
    alignment = None if given.aligned_by is None else read_alignment(Path(given.aligned_by))
    said = given.switches or Switches()
    switches = said if alignment is None else switches_for(alignment, said)
    looked_at = LookedAt(given.path, given.tilts, switches, given.exclude, given.dataset, given.strict)
    if alignment is None:
        return looked_at, looked_at.open(given.binning, given.max_tilt_deg, band_bytes)
    return looked_at, ShiftedSeries(looked_at, alignment, given.binning, given.max_tilt_deg)


def switches_for(alignment: Alignment, said: Switches) -> Switches:
    """Switches for checking a raw series whose alignment already contains the tilt axis.

    Raises
    ------
    InputError
        If the user gives the tilt axis, too.
    """
    if said.axis_offset != "auto" or said.tilt_axis not in ("auto", alignment.tilt_axis):
        raise InputError("the alignment contains the tilt axis: leave out --axis-offset and --tilt-axis, or --aligned-by")
    return replace(said, tilt_axis=alignment.tilt_axis, aligned=False)


def _used(looked_at: LookedAt, alignment: Alignment, max_tilt_deg: float | None) -> list[int]:
    """The indices in the alignment of the images used, in the order of their tilts."""
    kept = {int(number) + 1 for number in looked_at.first.image_numbers} - set(looked_at.seen.dead)
    places = [place for place, number in enumerate(alignment.images) if number in kept]
    if max_tilt_deg is not None:
        places = [place for place in places if abs(alignment.tilt_deg[place]) <= max_tilt_deg + 1e-6]
    if not places:
        limit = "" if max_tilt_deg is None else f" within ±{max_tilt_deg:g} degrees"
        raise InputError(f"no image of {looked_at.first.path} is left{limit}: leave some in")
    return sorted(places, key=alignment.tilt_deg.__getitem__)  # refined tilts may be in another order
