"""Tilts that the images ask for, where those of the goniometer are wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mwgan.series.align.pose import Array, Pose
from mwgan.series.align.refine import Field, refine_shifts

ROUNDS = 2  # more explain noise: tilts that were right are then 0.2 degrees off, and no longer 0.1
STEPS = 30  # of the volume's fit
APART_DEG = 0.5  # between the projections that a slope is taken from
MOST = 0.4  # of the way to the next tilt


def refine_tilts(field: Field, pose: Pose) -> tuple[Array, Pose]:
    """Tilts (A,) at which projections of the volume lie best on the images, and the pose about these.

    Each image is fitted by its projection moved, made brighter, and seen from a little further, all to the first order. No image tells
    by how much all tilts are off together, nor, but for the specimen's shape, that all are too far apart: neither is changed.
    """
    given = field.tilt_deg
    gaps = np.diff(given)
    reach = MOST * np.minimum(np.append(gaps, gaps[-1]), np.insert(gaps, 0, gaps[0]))
    for _ in range(ROUNDS):
        images, explained, known = field.placed(pose)
        fit = field.fit()
        projections = fit.explain(images, explained, STEPS)
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
