"""Random positions and orientations of shapes."""

from __future__ import annotations

import numpy as np

from mwgan.data.canvas import Points

REACH = 0.92  # the specimen stays within this share of the cylinder that every projection covers


def directions(rng: np.random.Generator, count: int) -> Points:
    """Uniformly random unit vectors (count, 3)."""
    found: Points = _unit(rng.standard_normal((count, 3)))
    return found


def turns(rng: np.random.Generator, count: int) -> Points:
    """Uniformly random orthonormal axes (count, 3, 3), one per row."""
    w, x, y, z = _unit(rng.standard_normal((count, 4))).T  # a quaternion each
    rows = [
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]
    found: Points = np.stack([np.stack(row, axis=-1) for row in rows], axis=1)
    return found


def turn(rng: np.random.Generator) -> Points:
    """Uniformly random orthonormal axes (3, 3)."""
    found: Points = turns(rng, 1)[0]
    return found


def axes_about(first: Points, rng: np.random.Generator) -> Points:
    """Orthonormal axes (3, 3) with a given first one and a random rotation about it."""
    aside = directions(rng, 1)[0]
    second = np.cross(first, aside)
    second /= np.linalg.norm(second)
    return np.stack([first, second, np.cross(first, second)])


def middle(rng: np.random.Generator, radius: float, furthest: float = 0.9) -> Points:
    """A random position for an object of this radius in the cylinder, between ±``furthest`` along the tilt axis."""
    away = max(REACH - radius, 0.0) * np.sqrt(rng.random())
    direction = rng.uniform(0, 2 * np.pi)
    height = rng.uniform(-1, 1) * max(furthest - radius, 0.0)
    return np.array([away * np.cos(direction), height, away * np.sin(direction)])


def apart(rng: np.random.Generator, radii: Points, gap: float = 0.0, tries: int = 6) -> tuple[Points, Points]:
    """Centres (K, 3) and radii (K,) of non-overlapping spheres: of ``radii``, largest first, those that fit.

    Each is tried at ``tries`` places at once.
    """
    order = np.sort(radii)[::-1]
    away = np.maximum(REACH - order, 0)[:, None] * np.sqrt(rng.random((len(order), tries)))
    angle = rng.uniform(0, 2 * np.pi, (len(order), tries))
    height = rng.uniform(-1, 1, (len(order), tries)) * np.maximum(0.9 - order, 0)[:, None]
    places = np.stack([away * np.cos(angle), height, away * np.sin(angle)], axis=-1)
    taken, sizes = np.empty((len(order), 3)), np.empty(len(order))
    count = 0
    for radius, offered in zip(order, places, strict=True):
        room = taken[:count, None] - offered[None]
        free = ((room**2).sum(axis=-1) >= (sizes[:count, None] + radius + gap) ** 2).all(axis=0)
        if free.any():
            taken[count], sizes[count] = offered[int(free.argmax())], radius
            count += 1
    return taken[:count], sizes[:count]


def _unit(vectors: Points) -> Points:
    found: Points = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return found
