"""The angle of the tilt axis: where a volume explains the images best, or where its projections don't rotate against them."""

from __future__ import annotations

import numpy as np

from mwgan.series.align.matching import Moves
from mwgan.series.align.pose import Pose
from mwgan.series.align.refine import Field, refine_shifts
from mwgan.series.align.warp import Mask, RawImages, Stack

SMOOTHER = 1.3  # samples, a Gaussian's standard deviation, for images whose angle is determined by fits
FIT_STEPS, TURN_STEPS = 60, 20  # of the volumes for either method
FURTHEST_DEG = 6.0  # search range around the guess
KNOWN_TURN_DEG = 1.0
UNMODELLED = 2.5  # times what noise would do: errors of twelve slabs and open fields, root mean square
LEAST_RESPONSE, FURTHEST_TURN_DEG = 1e-3, 4.0  # of a turn of one degree, or nothing can be said; and the most in one round


def angle_by_fits(field: Field, pose: Pose, apart_deg: float) -> tuple[Pose, float]:
    """The angle of the tilt axis about which a volume explains the images best, and its standard error in degrees.

    At angles ``apart_deg`` apart the shifts are estimated again and a new volume is fitted; the result is the vertex of the parabola
    through the lowest three. A volume compensates most of a wrong angle, so the parabola is flat, and anything else that depends on
    the angle matters: images are smoothed by :data:`SMOOTHER` first, as otherwise an interpolation that smooths noise more
    looks like a better angle (observed at 2 % noise: 0.9 degrees).
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
    """Standard error of the vertex of a parabola, in units of the distance of its three points, from the residual ``left`` there.

    The residual is noise smoothed to 1 / (4 pi s^2) of its power, where s is the Gaussian's standard deviation; the slow
    changes that determine an angle are not affected by the smoothing.
    """
    squared_px = float(field.tilt_deg.size * np.prod(field.shape)) * field.raw.step**2
    return float(np.sqrt(8 * np.pi * field.raw.sigma_px**2 * left / (squared_px * curvature)))


def unexplained(field: Field, pose: Pose) -> float:
    """The sum of squares of what a volume leaves of the images about a pose, relative to theirs."""
    images, fitted, _ = field.placed(pose)
    projections = field.fit().improve(images, fitted, FIT_STEPS)
    return float(np.square(projections - images, dtype=float)[fitted].sum() / np.square(images, dtype=float)[fitted].sum())


def angle_by_turns(field: Field, pose: Pose) -> tuple[Pose, float]:
    """A step towards the angle of the tilt axis at which projections of the volume no longer rotate against the images.

    A volume fitted to images with a wrong axis compensates most of the error, and an incomplete fit mimics a rotation. The
    comparison is therefore calibrated on two series with known answers: projections of the volume itself, unchanged and rotated by
    one degree. Also returns the angle's standard error in degrees, from the residuals and from errors observed for
    specimens that leave the field.
    """
    images, fitted, known = field.placed(pose)
    moves, projections = _compared(field, images, fitted, known)
    offset = _compared(field, projections, fitted, known)[0].angle_deg
    turned = RawImages(projections).placed(Pose(np.zeros((len(projections), 2)), -KNOWN_TURN_DEG), field.shape)[0]
    response = (_compared(field, turned, fitted, known)[0].angle_deg - offset) / KNOWN_TURN_DEG
    if abs(response) < LEAST_RESPONSE:
        return pose, float("inf")
    change = float(np.clip((moves.angle_deg - offset) / response, -FURTHEST_TURN_DEG, FURTHEST_TURN_DEG))
    return pose.turned(change), UNMODELLED * moves.angle_error_deg / abs(response)


def _compared(field: Field, images: Stack, fitted: Mask, known: Mask) -> tuple[Moves, Stack]:
    """Moves from comparing images with their volume, and the volume's projections."""
    projections = field.fit().improve(images, fitted, TURN_STEPS)
    return field.compare(images, projections, known), projections
