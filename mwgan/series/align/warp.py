"""Transforms raw images to a pose by one interpolation with cubic splines."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from mwgan.series.align.pose import Array, Pose, turn

Stack = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
SMOOTHING = 0.45  # of the sample distance, as a Gaussian's standard deviation: finer detail would alias


class RawImages:
    """Images (A, Y, X), y along the tilt axis, prepared to be sampled every ``step`` pixels anywhere.

    Parameters
    ----------
    images
        (A, Y, X).
    measured
        Which of their pixels were measured, (A, Y, X); None: all.
    step
        Distance between samples; finer detail is smoothed away first.
    smoothing
        Standard deviation of the Gaussian in samples; by default only applied if samples are further apart than pixels.
    """

    def __init__(self, images: Stack, measured: Mask | None = None, step: float = 1.0, smoothing: float = SMOOTHING) -> None:
        self.step, self.shape = step, (int(images.shape[1]), int(images.shape[2]))
        self._measured, self.sigma_px = measured, smoothing * step if step > 1 or smoothing > SMOOTHING else 0.0
        self._coefficients = [_prepared(image, self.sigma_px) for image in images]

    def placed(self, pose: Pose, shape: tuple[int, int]) -> tuple[Stack, Mask]:
        """Aligned images (A, *shape), sampled around the centre, and which of their pixels were measured; the others are 0."""
        images = np.empty((len(self._coefficients), *shape), np.float32)
        known = np.empty(images.shape, bool)
        for number, coefficients in enumerate(self._coefficients):
            where = matrix_and_offset(pose.shifts_px[number], pose.axis_angle_deg, self.shape, shape, self.step)
            known[number] = inside(where, self.shape, shape, (self.step - 1) / 2)
            if self._measured is not None:
                known[number] &= ndimage.affine_transform(self._measured[number].astype(np.float32), *where, shape, order=1) > 1 - 1e-3
            sampled = ndimage.affine_transform(coefficients, *where, shape, order=3, mode="nearest", prefilter=False)
            images[number] = np.where(known[number], sampled, 0.0)
        return images, known

    def inside_along(self, pose: Pose, shape: tuple[int, int]) -> Mask:
        """Which pixels of aligned images (A, *shape) lie within the raw ones' extent along the axis, regardless of the other direction."""
        return np.stack(
            [
                inside(matrix_and_offset(shift, pose.axis_angle_deg, self.shape, shape, self.step), self.shape, shape, 0.0, across=False)
                for shift in pose.shifts_px
            ]
        )


def matrix_and_offset(
    shift_px: Array, angle_deg: float, raw: tuple[int, int], shape: tuple[int, int], step: float = 1.0
) -> tuple[Array, Array]:
    """From the indices of an aligned image to those of the raw one: ``raw = matrix @ index + offset``."""
    matrix = turn(angle_deg)
    return matrix * step, _middle(raw) + matrix @ (shift_px - _middle(shape) * step)


def inside(
    where: tuple[Array, Array], raw: tuple[int, int], shape: tuple[int, int], margin: float = 0.0, across: bool = True
) -> npt.NDArray[np.bool_]:
    """Which pixels of an aligned image lie within the raw one, ``margin`` pixels from its edges; those across the axis are optional."""
    matrix, offset = where
    rows, columns = np.arange(shape[0])[:, None], np.arange(shape[1])[None]
    margin = max(0.0, margin) - 1e-6
    found = np.ones(shape, bool)
    for axis in range(2 if across else 1):
        place = matrix[axis, 0] * rows + matrix[axis, 1] * columns + offset[axis]
        found &= (place >= margin) & (place <= raw[axis] - 1 - margin)
    return found


def _prepared(image: Stack, sigma_px: float) -> Stack:
    smooth = ndimage.gaussian_filter(image, sigma_px) if sigma_px > 0 else image
    return np.asarray(ndimage.spline_filter(smooth, 3, output=np.float32, mode="mirror"))


def _middle(shape: tuple[int, int]) -> Array:
    return (np.array(shape) - 1) / 2
