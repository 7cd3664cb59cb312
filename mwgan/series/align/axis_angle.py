"""The angle of the tilt axis: about which a volume explains the images best, or at which its projections don't turn against them."""

from __future__ import annotations

import numpy as np

from mwgan.series.align.matching import Moves
from mwgan.series.align.pose import Pose
from mwgan.series.align.refine import Field, refine_shifts
from mwgan.series.align.warp import Mask, RawImages, Stack

SMOOTHER = 1.3  # samples, a Gaussian's standard deviation, for images whose angle is told by fits
FIT_STEPS, TURN_STEPS = 60, 20  # of the volumes that tell it either way
FURTHEST_DEG = 6.0  # that an angle is looked for from where it was guessed
KNOWN_TURN_DEG = 1.0
UNTOLD = 2.5  # times what noise would do: errors of twelve slabs and open fields, root mean square
LEAST_TOLD, FURTHEST_TURN_DEG = 1e-3, 4.0  # of a turn of one degree, or nothing can be said; and the most in one round


def angle_by_fits(field: Field, pose: Pose, apart_deg: float) -> tuple[Pose, float]:
    """The angle of the tilt axis about which a volume explains the images best, and its standard error in degrees.

    At angles ``apart_deg`` apart the shifts are found anew and a volume is fitted from nothing; the lowest lies where the parabola through
    the lowest three has its foot. A volume explains most of a wrong angle away, so the parabola is flat, and whatever else depends on
    the angle counts: images are smoothed by :data:`SMOOTHER` first, for else an interpolation that smooths noise more than
    another looks like an angle that explains more (seen at 2 % noise: 0.9 degrees).
    """
    found: dict[int, tuple[Pose, float]] = {}

    def left(number: int) -> float:
        if number not in found:
            turned, _ = refine_shifts(field, pose.turned(number * apart_deg))
            found[number] = turned, unexplained(field, turned)
        return found[number][1]

    lowest, furthest = 0, max(1, round(FURTHEST_DEG / apart_deg))
    while abs(lowest) < furthest and (step := min((-1, 0, 1), key=lambda step: left(lowest + step))):
        lowest += step
    before, here, after = (left(lowest + step) for step in (-1, 0, 1))
    curvature = before - 2 * here + after
    if curvature <= 0:
        return pose, float("inf")
    foot = float(np.clip((before - after) / (2 * curvature), -1, 1)) * apart_deg
    return found[lowest][0].turned(foot), _standard_error(field, here, curvature) * apart_deg


def _standard_error(field: Field, left: float, curvature: float) -> float:
    """Of the foot of a parabola, in the distance of its three points, from what is ``left`` at the foot.

    What is left is noise that was smoothed to 1 / (4 pi s^2) of its power, s the Gaussian's standard deviation; of the slow
    changes that tell an angle the smoothing takes nothing.
    """
    squared_px = float(field.tilt_deg.size * np.prod(field.shape)) * field.raw.step**2
    return float(np.sqrt(8 * np.pi * field.raw.sigma_px**2 * left / (squared_px * curvature)))


def unexplained(field: Field, pose: Pose) -> float:
    """The sum of squares of what a volume leaves of the images about a pose, relative to theirs."""
    images, explained, _ = field.placed(pose)
    projections = field.fit().explain(images, explained, FIT_STEPS)
    return float(np.square(projections - images, dtype=float)[explained].sum() / np.square(images, dtype=float)[explained].sum())


def angle_by_turns(field: Field, pose: Pose) -> tuple[Pose, float]:
    """A step towards the angle of the tilt axis at which projections of the volume don't turn against the images any more.

    A volume that is fitted to images about a wrong axis explains most of the error away, and one that isn't fitted to the end leaves
    something that looks like a turn. What the comparison tells is therefore held against what it tells of two series whose answer is
    known: projections of the volume itself, as they are and turned by one degree. With the angle comes its standard error in degrees,
    from what is left of the images, and what was seen of specimens that leave the field.
    """
    images, explained, known = field.placed(pose)
    moves, projections = _told(field, images, explained, known)
    untold = _told(field, projections, explained, known)[0].angle_deg
    turned = RawImages(projections).placed(Pose(np.zeros((len(projections), 2)), -KNOWN_TURN_DEG), field.shape)[0]
    told_of_turn = (_told(field, turned, explained, known)[0].angle_deg - untold) / KNOWN_TURN_DEG
    if abs(told_of_turn) < LEAST_TOLD:
        return pose, float("inf")
    change = float(np.clip((moves.angle_deg - untold) / told_of_turn, -FURTHEST_TURN_DEG, FURTHEST_TURN_DEG))
    return pose.turned(change), UNTOLD * moves.angle_error_deg / abs(told_of_turn)


def _told(field: Field, images: Stack, explained: Mask, known: Mask) -> tuple[Moves, Stack]:
    """What a comparison of images with their volume says, and the volume's projections."""
    projections = field.fit().explain(images, explained, TURN_STEPS)
    return field.compare(images, projections, known), projections
