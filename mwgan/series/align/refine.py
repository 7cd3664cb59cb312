"""From a first guess to what explains the images best: reconstruct, project, shift."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mwgan.series.align.matching import Moves, match
from mwgan.series.align.pose import Array, Pose, free_motion
from mwgan.series.align.volume_fit import VolumeFit
from mwgan.series.align.warp import Mask, RawImages, Stack

STEPS = 10  # of the volume's fit, a round
ROUNDS = 4  # at most, at one resolution
STILL_PX = 0.01  # root mean square of the moves, in samples: then more rounds change nothing
EDGE = 1 / 24  # of the images of a specimen that leaves the field, along their edges, that isn't compared


@dataclass(frozen=True)
class Field:
    """What of aligned images is compared, at one resolution.

    Parameters
    ----------
    raw
        The images, prepared for the resolution.
    tilt_deg
        (A,).
    shape
        (Y, X) of the aligned images, in samples.
    closed
        Whether the specimen stays in the field across the axis: then what lies beyond is air, and was as good as measured.
    margin
        Samples that slices have more than the images on either side.
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
        """A volume that explains nothing yet."""
        return VolumeFit(self.tilt_deg, self.shape[1], self.margin)

    def compare(self, images: Stack, projections: Stack, known: Mask, turns: bool = True) -> Moves:
        """See :func:`mwgan.series.align.matching.match`."""
        edge = 0 if self.closed else round(EDGE * min(self.shape))
        return match(images, projections, known, self.raw.step, edge, turns)


Say = Callable[[str], None]


def refine_shifts(field: Field, pose: Pose, rounds: int = ROUNDS, steps: int = STEPS) -> tuple[Pose, Moves]:
    """Rounds of projection matching about a given angle; the specimen as a whole stays where it is."""
    fit = field.fit()
    for number in range(rounds):
        images, explained, known = field.placed(pose)
        moves = field.compare(images, fit.explain(images, explained, steps if number else 2 * steps), known, turns=False)
        shifts = moves.shifts_px - free_motion(moves.shifts_px, field.tilt_deg)
        pose = pose.moved(shifts)
        if np.sqrt((shifts**2).mean()) < STILL_PX * field.raw.step:
            break
    return pose, moves
