"""Thin sheets: flakes of graphene, clay or a dichalcogenide, flat or crumpled, alone or in stacks."""

from __future__ import annotations

import numpy as np

from mwgan.data.canvas import Points
from mwgan.data.specimens.body import Body
from mwgan.data.specimens.placing import REACH, axes_about, directions
from mwgan.data.specimens.sheet import Sheet
from mwgan.data.specimens.solids import Ball


def sheets(rng: np.random.Generator) -> Body:
    """A stack of up to nine flakes, or as many that cross one another; a fifth of them with particles on."""
    body = Body()
    value = rng.uniform(0.4, 1.0)
    stacked = rng.random() < 0.5
    normal = directions(rng, 1)[0]
    thickness, gap = rng.uniform(0.02, 0.09), rng.uniform(0.02, 0.12)
    count = int(rng.integers(2, 10))
    waves, vectors = _waves(rng)
    for number in range(count):
        if stacked:
            place = (number - (count - 1) / 2) * (thickness + gap) * normal
        else:
            normal, place = directions(rng, 1)[0], 0.5 * directions(rng, 1)[0] * rng.random()
            waves, vectors = _waves(rng)
        flake = _flake(rng, place, normal, thickness * rng.uniform(0.8, 1.2), waves, vectors)
        if flake is not None:
            body.paint(flake, value * rng.uniform(0.8, 1.0), shown=False)
            body.shown.append(Ball(flake.on(*(rng.uniform(-0.6, 0.6, 2) * flake.half)), thickness / 4))
            if rng.random() < 0.2:
                _scatter(body, flake, rng)
    return body


def _waves(rng: np.random.Generator) -> tuple[np.ndarray, Points]:
    """Heights and wave vectors in the plane: a flat sheet, a bent one or a crumpled one."""
    count = int(rng.integers(0, 6))
    vectors = rng.uniform(1.5, 9.0, (count, 1)) * _round(rng, count)
    heights = rng.uniform(0.1, 0.4) / (1 + np.linalg.norm(vectors, axis=1)) * np.exp(1j * rng.uniform(0, 2 * np.pi, count))
    return heights, vectors


def _round(rng: np.random.Generator, count: int) -> Points:
    angle = rng.uniform(0, 2 * np.pi, count)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _flake(rng: np.random.Generator, place: Points, normal: Points, thickness: float, heights: np.ndarray, vectors: Points) -> Sheet | None:
    """A sheet as large as fits about a place; None where none does."""
    axes = axes_about(normal, rng)[[1, 2, 0]]
    reach = float(np.abs(heights).sum()) + thickness / 2
    room = np.sqrt(max(REACH**2 - reach**2, 0)) - float(np.linalg.norm(place))
    if room < 0.15:
        return None
    oval = bool(rng.random() < 0.6)
    half = room * rng.uniform(0.5, 1.0, 2) / (1.0 if oval else np.sqrt(2))
    return Sheet(place, axes, half, thickness, heights, vectors, oval)


def _scatter(body: Body, flake: Sheet, rng: np.random.Generator) -> None:
    """Particles that lie on a flake."""
    for _ in range(int(rng.integers(3, 15))):
        radius = rng.uniform(0.03, 0.08)
        first, second = rng.uniform(-0.6, 0.6, 2) * flake.half
        body.paint(Ball(flake.on(first, second, flake.thickness / 2 + 0.8 * radius), radius), rng.uniform(0.7, 1.0), shown=False)
