"""Projection matching: the Gauss-Newton moves that register images with the projections of a volume."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import binary_erosion

from mwgan.series.align.pose import Array
from mwgan.series.align.warp import Mask, Stack


class Moves(NamedTuple):
    """First-order moves of images towards their projections."""

    shifts_px: Array
    """(A, 2), along and across the axis."""
    angle_deg: float
    """Common rotation of all images about their centres."""
    angle_error_deg: float
    """Its standard error, from the residuals."""
    misfit: Array
    """(A,): relative residual of each image."""
    gain: Array
    """(A,): brightness of an image relative to its projection, minus 1."""


def match(images: Stack, projections: Stack, known: Mask, step: float, edge: int = 0, turns: bool = True) -> Moves:
    """Compare images (A, Y, X), sampled every ``step`` pixels, with projections of a volume.

    Each image is fitted by its projection shifted along and across, rotated and scaled in brightness, all to first order; the slopes are
    those of the projections, which have less noise. Brightness is fitted so that it isn't mistaken for a shift, but not applied.

    Parameters
    ----------
    images, projections
        (A, Y, X).
    known
        Which pixels count; those at the border of the known area don't.
    step
        Pixels of the file per sample: moves are in these pixels.
    edge
        Samples along the images' edges that don't count either.
    turns
        Whether the images may be rotated, all by the same angle.
    """
    count, rows, columns = images.shape
    y = ((np.arange(rows) - (rows - 1) / 2) * step)[:, None]
    x = ((np.arange(columns) - (columns - 1) / 2) * step)[None]
    frame = np.zeros((rows, columns), bool)
    frame[max(1, edge) : rows - max(1, edge), max(1, edge) : columns - max(1, edge)] = True
    alone, per_angle = np.zeros((count, 3)), np.zeros((count, 3))
    misfit = np.zeros(count)
    torque = stiffness = squares = 0.0
    pixels = 0
    for number in range(count):
        used = binary_erosion(known[number], border_value=1) & frame
        projection = projections[number]
        along, across = np.gradient(projection, step)
        turned = across * y - along * x  # by one radian, of which a place (y, x) moves by (-x, y)
        left = (projection - images[number])[used].astype(float)
        model = np.stack([slope[used] for slope in (along, across, -projection, turned)], axis=1).astype(float)
        normal, right = model.T @ model, model.T @ left
        both = np.linalg.lstsq(normal[:3, :3], np.stack([right[:3], normal[:3, 3]], axis=1), rcond=1e-9)[0]
        alone[number], per_angle[number] = both[:, 0], both[:, 1]
        torque += right[3] - normal[3, :3] @ both[:, 0]
        stiffness += normal[3, 3] - normal[3, :3] @ both[:, 1]
        squares, pixels = squares + float(left @ left - right[:3] @ both[:, 0]), pixels + len(left)
        misfit[number] = np.linalg.norm(left) / max(float(np.linalg.norm(images[number][used])), np.finfo(float).tiny)
    angle = torque / stiffness if turns and stiffness > 0 else 0.0
    error = np.sqrt(max(squares, 0.0) / max(pixels, 1) / stiffness) if stiffness > 0 else np.inf
    found = alone - angle * per_angle
    return Moves(found[:, :2], float(np.degrees(angle)), float(np.degrees(error)), misfit, found[:, 2])
