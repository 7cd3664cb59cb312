"""Refinement by projection matching: reconstruct, project, shift."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mwgan.series.align.matching import Moves, match
from mwgan.series.align.pose import Array, Pose, free_motion
from mwgan.series.align.volume_fit import VolumeFit
from mwgan.series.align.warp import Mask, RawImages, Stack

STEPS = 10  # of the volume's fit, per round
ROUNDS = 4  # at most, at one resolution
STILL_PX = 0.01  # RMS of the moves, in samples: below, more rounds change nothing
EDGE = 1 / 24  # of the image size: edges that aren't compared if the specimen leaves the field


@dataclass(frozen=True)
class Field:
    """Aligned images, prepared for comparison at one resolution.

    Parameters
    ----------
    raw
        The images, prepared for the resolution.
    tilt_deg
        (A,).
    shape
        (Y, X) of the aligned images, in samples.
    closed
        Whether the specimen stays in the field across the axis: then the area outside is vacuum, and counts as measured.
    margin
        Samples by which slices exceed the images on either side.
    """

    raw: RawImages
    tilt_deg: Array
    shape: tuple[int, int]
    closed: bool
    margin: int = 0

    def placed(self, pose: Pose) -> tuple[Stack, Mask, Mask]:
        """Aligned images, which pixels a volume has to explain, and which are compared."""
        images, known = self.raw.placed(pose, self.shape)
        return images, (self.raw.inside_along(pose, self.shape) if self.closed else known), known

    def fit(self) -> VolumeFit:
        """An empty volume fit."""
        return VolumeFit(self.tilt_deg, self.shape[1], self.margin)

    def compare(self, images: Stack, projections: Stack, known: Mask, turns: bool = True) -> Moves:
        """See :func:`mwgan.series.align.matching.match`."""
        edge = 0 if self.closed else round(EDGE * min(self.shape))
        return match(images, projections, known, self.raw.step, edge, turns)


Say = Callable[[str], None]


def refine_shifts(field: Field, pose: Pose, rounds: int = ROUNDS, steps: int = STEPS) -> tuple[Pose, Moves]:
    """Rounds of projection matching at a given angle; the position of the specimen as a whole is kept."""
    fit = field.fit()
    for number in range(rounds):
        images, fitted, known = field.placed(pose)
        moves = field.compare(images, fit.improve(images, fitted, steps if number else 2 * steps), known, turns=False)
        shifts = moves.shifts_px - free_motion(moves.shifts_px, field.tilt_deg)
        pose = pose.moved(shifts)
        if np.sqrt((shifts**2).mean()) < STILL_PX * field.raw.step:
            break
    return pose, moves
