"""Nanorods: of gold or an oxide, round or faceted, bare or coated, lying apart or in bundles."""

from __future__ import annotations

import numpy as np

from mwgan.data.canvas import Points
from mwgan.data.specimens.body import Body
from mwgan.data.specimens.placing import REACH, axes_about, directions, middle
from mwgan.data.specimens.polyhedra import prism
from mwgan.data.specimens.solids import Ball, Rod, Solid
from mwgan.data.specimens.textures import random_waves, textured

SHAPES = ("round", "five", "six", "eight")
SIDES = {"five": 5, "six": 6, "eight": 8}


def rods(rng: np.random.Generator) -> Body:
    """Up to thirty rods apart, or a bundle of three to nineteen side by side; a third of them coated, some in a matrix."""
    body = Body()
    places = _bundle(rng) if rng.random() < 0.4 else _scattered(rng)
    shape = str(rng.choice(SHAPES))
    gold = rng.uniform(0.7, 1.0)
    coat = rng.uniform(0.02, 0.09) if rng.random() < 0.4 else 0.0
    coating = rng.uniform(0.1, 0.4)
    if rng.random() < 0.25:
        matrix = rng.uniform(0.03, 0.2)
        body.paint(Ball(np.zeros(3), REACH), textured(matrix, random_waves(rng, 1.0, 12.0), rng.uniform(0.0, 0.4)), shown=False)
    if coat:
        for place, axis, half, radius in places:
            body.paint(Rod(place, axis, half, radius + coat), coating, shown=False)
    for place, axis, half, radius in places:
        # Crystals that lie differently diffract differently: no two are as bright.
        body.paint(_rod(shape, place, axis, half, radius, rng), gold * rng.uniform(0.85, 1.0))
    return body


def _rod(shape: str, place: Points, axis: Points, half: float, radius: float, rng: np.random.Generator) -> Solid:
    if shape == "round":
        return Rod(place, axis, half, radius)
    return prism(SIDES[shape], place, half + radius, radius, axes_about(axis, rng))


Place = tuple[Points, Points, float, float]
"""Middle, axis, half the length without the ends, radius."""


def _scattered(rng: np.random.Generator) -> list[Place]:
    """Rods of about one size in any direction that don't touch."""
    wanted, tried = int(rng.integers(4, 31)), 60
    radius, slender = rng.uniform(0.06, 0.2 if wanted < 12 else 0.12), rng.uniform(0.8, 4.0)
    thick = radius * rng.uniform(0.8, 1.2, tried)
    half = np.minimum(thick * slender * rng.uniform(0.8, 1.2, tried), 0.8 * REACH - thick)
    axes = directions(rng, tried)
    if rng.random() < 0.3:  # as they lie on a film across the beam
        axes[:, 2] *= 0.1
        axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    across = np.hypot(axes[:, 0], axes[:, 2]) * half + thick
    places = np.stack([middle(rng, reach + 0.02, furthest=1.0) for reach in across])
    balls = places[:, None] + (half[:, None] * np.linspace(-1, 1, 7))[..., None] * axes[:, None]  # each is a row of balls to the others
    found: list[int] = []
    for number in range(tried):
        gaps = balls[found].reshape(-1, 1, 3) - balls[number]
        if len(found) < wanted and (len(found) == 0 or (gaps**2).sum(axis=-1).min() > (2.6 * radius) ** 2):
            found.append(number)
    return [(places[number], axes[number], float(half[number]), float(thick[number])) for number in found]


def _bundle(rng: np.random.Generator) -> list[Place]:
    """Rods side by side in rows, each a little askew."""
    count = int(rng.integers(3, 20))
    radius = rng.uniform(0.08, 0.16) if count < 9 else rng.uniform(0.06, 0.1)
    half = min(radius * rng.uniform(2.0, 6.0), 0.6)
    axes = axes_about(directions(rng, 1)[0], rng)
    pitch = 2 * radius * rng.uniform(1.02, 1.25)
    row, column = (grid.ravel() for grid in np.meshgrid(np.arange(-3, 4), np.arange(-3, 4)))
    hexagonal = pitch * np.stack([row + column / 2, column * np.sqrt(3) / 2], axis=1)
    nearest = hexagonal[np.argsort(np.linalg.norm(hexagonal, axis=1) + rng.uniform(0, 0.3 * pitch, len(hexagonal)))][:count]
    around = np.linalg.norm(nearest, axis=1).max() + radius
    half = min(half, np.sqrt(max(0.85**2 - around**2, 0.01)) - radius)
    half = max(half, 0.5 * radius)
    centre = middle(rng, min(np.hypot(half + radius, around), REACH))
    found = []
    for first, second in nearest:
        axis = axes[0] + 0.03 * directions(rng, 1)[0]
        place = centre + first * axes[1] + second * axes[2] + rng.uniform(-0.15, 0.15) * half * axes[0]
        found.append((place, axis / np.linalg.norm(axis), half * rng.uniform(0.85, 1.0), radius * rng.uniform(0.92, 1.0)))
    return found
