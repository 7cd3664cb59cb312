"""Where the images of a series lie against the specimen: a shift of each, and one angle of the tilt axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pose:
    """Shifts of the images and the angle of the tilt axis.

    A place p = (y, x) of an aligned image, in pixels from its middle, y along the tilt axis and x across it, shows what the raw image
    has at q = R(angle) (p + shift), also from its middle. So an image's content moves by minus its shift, and the place of the tilt axis
    on the detector is what all shifts across the axis have in common.

    Parameters
    ----------
    shifts_px
        (A, 2): along the tilt axis and across it, in pixels.
    axis_angle_deg
        By how much the tilt axis is turned in the raw images, from y towards minus x: R = ((cos, -sin), (sin, cos)) acting on (y, x).
    """

    shifts_px: Array
    axis_angle_deg: float = 0.0

    def moved(self, shifts_px: Array) -> Pose:
        """With further shifts (A, 2)."""
        return Pose(self.shifts_px + shifts_px, self.axis_angle_deg)

    def turned(self, angle_deg: float) -> Pose:
        """About another angle, further by ``angle_deg``; what is in the middle of each image stays there."""
        return Pose(self.shifts_px @ turn(angle_deg), self.axis_angle_deg + angle_deg)

    def scaled(self, factor: float) -> Pose:
        """In pixels ``factor`` times as small."""
        return Pose(self.shifts_px * factor, self.axis_angle_deg)

    def of(self, places: npt.NDArray[np.intp]) -> Pose:
        """Of some of the images."""
        return Pose(self.shifts_px[places], self.axis_angle_deg)


def turn(angle_deg: float) -> Array:
    """The matrix that acts on (y, x)."""
    angle = np.radians(angle_deg)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def free_motion(shifts_px: Array, tilt_deg: Array) -> Array:
    """The part (A, 2) of shifts that moves the specimen as a whole: no measurement tells where a specimen is.

    Along the axis that is what all images share; across it, what the projection of a point does: a cosine and a sine of the tilt. What
    all images share across the axis is not free, it is where the tilt axis falls.
    """
    tilts = np.radians(tilt_deg)
    paths = np.stack([np.cos(tilts), np.sin(tilts)], axis=1)
    across = paths @ np.linalg.lstsq(paths, shifts_px[:, 1], rcond=None)[0]
    return np.stack([np.full(len(across), shifts_px[:, 0].mean()), across], axis=1)
