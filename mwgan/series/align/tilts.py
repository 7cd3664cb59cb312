"""Refines tilts from the images, where those of the goniometer are wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mwgan.series.align.pose import Array, Pose
from mwgan.series.align.refine import Field, refine_shifts

ROUNDS = 2  # more would fit noise: correct tilts are then 0.2 degrees off instead of 0.1
STEPS = 30  # of the volume's fit
APART_DEG = 0.5  # between the projections of a finite difference
MOST = 0.4  # largest change, as a share of the distance to the next tilt


def refine_tilts(field: Field, pose: Pose) -> tuple[Array, Pose]:
    """Tilts (A,) at which projections of the volume fit the images best, and the corresponding pose.

    Each image is fitted by its projection shifted, scaled in brightness and tilted further, all to first order. A common error of
    all tilts, and (except through the specimen's shape) of their spacing, can't be determined: neither is changed.
    """
    given = field.tilt_deg
    gaps = np.diff(given)
    reach = MOST * np.minimum(np.append(gaps, gaps[-1]), np.insert(gaps, 0, gaps[0]))
    for _ in range(ROUNDS):
        images, fitted, known = field.placed(pose)
        fit = field.fit()
        projections = fit.improve(images, fitted, STEPS)
        further = (fit.projected(field.tilt_deg + APART_DEG / 2) - fit.projected(field.tilt_deg - APART_DEG / 2)) / APART_DEG
        changes = [_change(*one) for one in zip(images, projections, further, known, strict=True)]
        total = field.tilt_deg + changes - given
        total -= np.polyval(np.polyfit(given, total, 1), given)
        field = replace(field, tilt_deg=given + np.clip(total, -reach, reach))
        pose, _ = refine_shifts(field, pose, rounds=2)
    return field.tilt_deg, pose


def _change(image: np.ndarray, projection: np.ndarray, further: np.ndarray, known: np.ndarray) -> float:
    along, across = np.gradient(projection)
    model = np.stack([slope[known] for slope in (along, across, projection, further)], axis=1).astype(float)
    return float(np.linalg.lstsq(model, (image - projection)[known].astype(float), rcond=1e-9)[0][3])
