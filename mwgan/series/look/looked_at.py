"""A checked series: opened, analysed, corrected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mwgan.errors import InputError
from mwgan.io import TiltSeries, open_series
from mwgan.io.bands import BAND_BYTES
from mwgan.io.lazy import release
from mwgan.io.tilts import Tilts
from mwgan.series.look.decide import look
from mwgan.series.look.filled import NOT_FILLED
from mwgan.series.look.outliers import NONE
from mwgan.series.look.repairs import Repairs
from mwgan.series.look.switches import Switches


class LookedAt:
    """A checked series, which can be opened repeatedly with its problems corrected.

    Parameters
    ----------
    path, tilts, exclude, dataset
        As for :func:`mwgan.io.open_series`.
    switches
        What is already known; None checks everything.
    strict
        Refuse problems that can't be corrected instead of warning about them.

    Attributes
    ----------
    seen
        The findings.
    notes, warnings
        Sentences from reading the file and from the check.

    Raises
    ------
    InputError
        As for :func:`mwgan.io.open_series`; and with ``strict`` for the first problem that can't be corrected.
    """

    def __init__(
        self,
        path: str | Path,
        tilts: Tilts | None = None,
        switches: Switches | None = None,
        exclude: str | Sequence[int] = (),
        dataset: str | None = None,
        strict: bool = False,
    ) -> None:
        self._arguments, self._switches = (path, tilts, dataset), switches or Switches()
        self.first = open_series(path, tilts, exclude=exclude, dataset=dataset)
        self.found = look(self.first, self._switches)
        self.seen, self._outliers, self._filled, _ = self.found
        self.notes, self.warnings = [*self.first.notes, *self.seen.notes], [*self.first.warnings, *self.seen.warnings]
        if strict and self.warnings:
            more = f" (and {len(self.warnings) - 1} more)" if len(self.warnings) > 1 else ""
            raise InputError(f"{self.warnings[0]}{more}; without --strict it is a warning")

    def open(self, binning: int = 1, max_tilt_deg: float | None = None, band_bytes: int = BAND_BYTES) -> TiltSeries:
        """The series, corrected as it is read; a good one is bit-identical. Arguments as for :func:`mwgan.io.open_series`."""
        path, tilts, dataset = self._arguments
        asked_for = {int(number) + 1 for number in self.first.image_numbers}
        used = asked_for - set(self.seen.dead) or asked_for
        left_out = sorted(set(range(1, self.first.images.shape[0] + 1)) - used)
        seen = self.seen
        way = "x" if seen.tilt_axis == "x" else "y"
        series = open_series(path, tilts, way, seen.axis_offset_px, binning, max_tilt_deg, left_out, dataset, band_bytes)  # type: ignore[arg-type]
        series.notes, series.warnings = self.notes, self.warnings
        series.repairs = self._repairs([int(number) for number in series.image_numbers])
        return series

    def image(self, number: int) -> npt.NDArray[np.float32]:
        """One image (R, C) of the file, counted from 0, with corrected pixels."""
        raw = np.array(self.first.images[number], np.float32)
        release(self.first.images)
        repairs = self._repairs([number], along_x=False)
        return raw if repairs is None else np.asarray(repairs(raw[:, None], 0)[:, 0], np.float32)

    def measured(self, number: int) -> npt.NDArray[np.bool_] | None:
        """Which pixels (R, C) of an image were measured; None if all were."""
        filled = self._filled.get(number, NOT_FILLED)
        return filled.whole((self.seen.rows, self.seen.columns)) if filled else None

    def _repairs(self, used: list[int], along_x: bool | None = None) -> Repairs | None:
        """The corrections of these images; None if there are none."""
        along_x = self.seen.tilt_axis == "x" if along_x is None else along_x
        seen, replaces = self.seen, bool(self.seen.outliers) and self._switches.outliers == "replace"
        if not (replaces or seen.filled_share or seen.vacuum or np.any(seen.background)):
            return None
        known = [int(number) for number in self.first.image_numbers if int(number) + 1 not in seen.dead]
        level = dict(zip(known, np.broadcast_to(np.asarray(seen.background, float), (len(known),)), strict=True))
        vacuum = dict(zip(known, seen.vacuum, strict=True)) if seen.vacuum else None
        return Repairs(
            [self._outliers[number] if replaces else NONE for number in used],
            np.array([level.get(number, 0.0) for number in used]),
            None if vacuum is None else np.array([vacuum[number] for number in used]),
            [self._filled.get(number, NOT_FILLED) for number in used],
            along_x,
            (seen.rows, seen.columns),
            seen.logarithm,
        )
