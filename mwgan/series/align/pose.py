"""The pose of the images relative to the specimen: a shift of each, and one angle of the tilt axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pose:
    """Shifts of the images and the angle of the tilt axis.

    A point p = (y, x) of an aligned image, in pixels from its centre, y along the tilt axis and x across it, corresponds to
    q = R(angle) (p + shift) in the raw image, also from its centre. So an image's content moves by minus its shift, and the common
    part of all shifts across the axis is the position of the tilt axis on the detector.

    Parameters
    ----------
    shifts_px
        (A, 2): along the tilt axis and across it, in pixels.
    axis_angle_deg
        Rotation of the tilt axis in the raw images, from y towards minus x: R = ((cos, -sin), (sin, cos)) acting on (y, x).
    """

    shifts_px: Array
    axis_angle_deg: float = 0.0

    def moved(self, shifts_px: Array) -> Pose:
        """The pose with additional shifts (A, 2)."""
        return Pose(self.shifts_px + shifts_px, self.axis_angle_deg)

    def turned(self, angle_deg: float) -> Pose:
        """The pose rotated further by ``angle_deg``; the centre of each image stays in place."""
        return Pose(self.shifts_px @ turn(angle_deg), self.axis_angle_deg + angle_deg)

    def scaled(self, factor: float) -> Pose:
        """The pose in pixels smaller by ``factor``."""
        return Pose(self.shifts_px * factor, self.axis_angle_deg)

    def of(self, places: npt.NDArray[np.intp]) -> Pose:
        """The pose of some of the images."""
        return Pose(self.shifts_px[places], self.axis_angle_deg)


def turn(angle_deg: float) -> Array:
    """The rotation matrix acting on (y, x)."""
    angle = np.radians(angle_deg)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def free_motion(shifts_px: Array, tilt_deg: Array) -> Array:
    """The part (A, 2) of shifts that moves the specimen as a whole, which no measurement can determine.

    Along the axis this is the common shift; across it, the projection of a point: a cosine and a sine of the tilt. The common
    shift across the axis is not free, as it is the position of the tilt axis.
    """
    tilts = np.radians(tilt_deg)
    paths = np.stack([np.cos(tilts), np.sin(tilts)], axis=1)
    across = paths @ np.linalg.lstsq(paths, shifts_px[:, 1], rcond=None)[0]
    return np.stack([np.full(len(across), shifts_px[:, 0].mean()), across], axis=1)
