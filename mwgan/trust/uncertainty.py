"""Uncertainty of a tomogram by pixel: its changes under transformations that don't change the correct result."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import Measurement
from mwgan.recon import Reconstructor

FLOOR = 0.005  # of the contrast: used for calibration, and so in use
BRIGHT = 0.995  # the quantile used as a slice's contrast, robust to single bright pixels


class Believed(NamedTuple):
    """A tomogram and its uncertainty."""

    tomogram: Tensor
    """(B, 1, N, N), the method's normal result."""
    deviation: Tensor
    """(B, 1, N, N) in the tomogram's units: disagreement; a standard deviation of the error only if calibrated."""


class Uncertainty:
    """The first reconstructor's result, and the RMS difference of the other ensemble members from it.

    The members are: the other reconstructors (independently trained networks make a deep ensemble); every reconstructor on the
    mirrored and on the rotated specimen (180 degrees), with the result transformed back; and every reconstructor on parts of
    the tilts. It is deterministic: the same measurement gives the same deviation.

    A method may be wrong with high confidence. Errors common to all members don't show, so the deviation is a measure of the
    error only after :func:`mwgan.trust.calibrated_scale` on images like the specimen.

    Parameters
    ----------
    reconstructors
        The first gives the tomogram.
    flips
        Whether to include the mirrored and the rotated specimen.
    folds
        Parts of the tilts: fold k leaves out every ``folds``-th measured tilt, from the k-th on. 0 for none.
    scale
        Factor of the deviation, from a calibration.
    floor
        Added to the RMS everywhere, as a share of the slice's :func:`contrast`; :data:`FLOOR` for calibration.

    Raises
    ------
    InputError
        If there is no other member, or 1 fold.

    References
    ----------
    Lakshminarayanan et al., Deep ensembles, NeurIPS 2017; Wang et al., Neurocomputing (2019), doi
    10.1016/j.neucom.2019.01.103: flips at test time.
    """

    def __init__(
        self, reconstructors: Sequence[Reconstructor], flips: bool = True, folds: int = 4, scale: float = 1.0, floor: float = 0.0
    ) -> None:
        if not reconstructors or (len(reconstructors) == 1 and not flips and folds == 0):
            raise InputError("an uncertainty needs something to compare with: give a second reconstructor, flips or folds")
        if folds < 0 or folds == 1:
            raise InputError(f"tilts are left out in 2 folds or more, or 0 for none, not {folds}")
        if not (scale > 0 and floor >= 0):
            raise InputError(f"the scale of an uncertainty must be above 0 and its floor 0 or more, not {scale} and {floor}")
        self.reconstructors, self.flips, self.folds, self.scale, self.floor = list(reconstructors), flips, folds, scale, floor

    @torch.no_grad()
    def __call__(self, measurement: Measurement) -> Believed:
        """Tomograms (B, 1, N, N) of a measurement, and their deviations."""
        tomogram = self.reconstructors[0](measurement)
        distance, fellows = torch.zeros_like(tomogram), 0
        for fellow in self._fellows(measurement):
            torch.hypot(distance, fellow - tomogram, out=distance)  # avoids overflow of the squares
            fellows += 1
        return Believed(tomogram, (distance / math.sqrt(fellows) + self.floor * contrast(tomogram)) * self.scale)

    def _fellows(self, measurement: Measurement) -> Iterator[Tensor]:
        """The other members' results, one at a time, as each is as large as the tomogram."""
        for other in self.reconstructors[1:]:
            yield other(measurement)
        for reconstructor in self.reconstructors:
            if self.flips:
                yield reconstructor(mirrored(measurement)).flip(-1)
                yield reconstructor(half_turned(measurement)).flip(-2, -1)
            for fold in range(self.folds):
                yield reconstructor(without_fold(measurement, fold, self.folds))


def mirrored(measurement: Measurement) -> Measurement:
    """The measurement of the mirrored specimen: x to -x changes the sign of each tilt and flips the detector.

    A tilt of 90 that results from -90 is rotated back by 180 degrees, so that a full grid stays the one that networks know
    and projectors are cached for; off the detector's centre that rotation is more than a flip, and the tilt stays.
    """
    geometry, axis = measurement.geometry, -1 if measurement.measured.ndim == 1 else 2
    across = (3,) if measurement.by_pixel else ()
    tilts = tuple(-tilt for tilt in reversed(geometry.tilt_deg))
    measured, from_below = measurement.measured.flip(axis, *across), False
    if tilts[-1] == 90.0 and tilts[0] > -90.0 and geometry.on_axis:
        tilts, from_below = (-90.0, *tilts[:-1]), True
        measured = _last_first(measured) if across else measured.roll(1, axis)
    offsets = tuple(-offset for offset in reversed(geometry.tilt_offset_px))
    turned = replace(geometry, tilt_deg=tilts, axis_offset_px=-geometry.axis_offset_px, tilt_offset_px=offsets)
    return measurement.with_rows(lambda rows: _last_first(rows.flip(2, 3)) if from_below else rows.flip(2, 3), measured, turned)


def _last_first(rows: Tensor) -> Tensor:
    """Rows (B, C, A, N) starting with the last one, seen from behind."""
    return torch.cat([rows[:, :, -1:].flip(3), rows[:, :, :-1]], dim=2)


def half_turned(measurement: Measurement) -> Measurement:
    """The measurement of the specimen rotated by 180 degrees in the slice: the tilts stay, the detector is flipped."""
    geometry = measurement.geometry
    offsets = tuple(-offset for offset in geometry.tilt_offset_px)
    turned = replace(geometry, axis_offset_px=-geometry.axis_offset_px, tilt_offset_px=offsets)
    measured = measurement.measured.flip(3) if measurement.by_pixel else measurement.measured
    return measurement.with_rows(lambda rows: rows.flip(3), measured, turned)


def without_fold(measurement: Measurement, fold: int, folds: int) -> Measurement:
    """The measurement without every ``folds``-th of its measured tilts, from the ``fold``-th on, counted in each sample.

    A sample that would keep none of its tilts keeps all. Samples with the same tilts lose the rows themselves, so that a
    network which knows one grid reads across them instead of seeing holes.
    """
    mask = measurement.measured_tilts
    rank = mask.cumsum(dim=2) - 1
    kept = mask & (rank % folds != fold)
    kept = torch.where(kept.any(dim=2, keepdim=True), kept, mask)
    measured = measurement.mask & kept if measurement.by_pixel else kept.reshape(measurement.measured.shape)
    left = replace(measurement, measured=measured)
    return left if tuple(measured.shape[1:]) == (1, measurement.geometry.tilts, 1) else left.only_measured()


def contrast(tomogram: Tensor) -> Tensor:
    """What counts as a slice's contrast, (B, 1, 1, 1): the 99.5th percentile of its absolute values (B, 1, N, N)."""
    pixels = tomogram.abs().flatten(1)
    rank = max(1, round(BRIGHT * pixels.shape[1]))
    return pixels.kthvalue(rank, dim=1).values.reshape(-1, 1, 1, 1)
