"""Specimens on a film across the beam: particles on carbon, and single atoms."""

from __future__ import annotations

import numpy as np

from mwgan.data.canvas import Points
from mwgan.data.specimens.body import Body
from mwgan.data.specimens.particles import particle_maker
from mwgan.data.specimens.placing import REACH
from mwgan.data.specimens.sheet import Sheet
from mwgan.data.specimens.solids import Ball
from mwgan.data.specimens.textures import gaussians, random_waves, textured

LONG = 1.6  # half a film along the tilt axis: beyond the frame
STEEPEST = 20.0  # degrees: largest angle of a film to the plane of the untilted stage


def on_carbon(rng: np.random.Generator) -> Body:
    """Particles on a thin film, most on one side, some in it."""
    body = Body()
    film = _film(rng, rng.uniform(0.04, 0.2))
    carbon = rng.uniform(0.06, 0.3)
    body.paint(film, textured(carbon, random_waves(rng, 3.0, 16.0, slope=0.5), rng.uniform(0.0, 0.3)), shown=False)
    make, metal = particle_maker(rng), rng.uniform(0.5, 1.0)
    largest = rng.uniform(0.08, 0.3)
    count = int(rng.integers(20, 90) * min(1.0, (0.15 / largest) ** 1.5)) + 4
    both, sunk = rng.random() < 0.25, rng.uniform(-0.2, 0.9)
    for _ in range(count):
        radius = largest * rng.uniform(0.5, 1.0)
        side = 1.0 if not both or rng.random() < 0.5 else -1.0
        away = film.thickness / 2 + sunk * radius
        half = film.half[0] - radius - 0.05
        place = film.on(rng.uniform(-1, 1) * half, rng.uniform(-1, 1) * 0.95, side * away)
        if np.hypot(place[0], place[2]) + radius < REACH:
            body.paint(make(place, radius, rng), metal * rng.uniform(0.8, 1.0))
    if len(body.shown) == 0:
        body.paint(Ball(film.on(0.0, 0.0, film.thickness / 2), largest), metal)
    return body


def atoms(rng: np.random.Generator) -> Body:
    """A film of many faint atoms in no order, and heavy ones on it, single or in clusters."""
    body = Body()
    film = _film(rng, rng.uniform(0.1, 0.5))
    light = rng.uniform(0.15, 0.5)
    size = rng.uniform(0.025, 0.05)
    count = int(min(0.25 * 8 * film.half[0] * film.thickness / size**3 / 8, 4000))
    along = rng.uniform(-1, 1, (count, 3)) * np.array([film.half[0] - 2 * size, 1.1, film.thickness / 2])
    faint = film.middle + along @ film.axes
    body.paint(film, light * rng.uniform(0.2, 0.6))
    body.add(gaussians(faint, size, light * rng.uniform(0.5, 1.0, count)))
    heavy = _heavy(film, rng)
    body.add(gaussians(heavy, rng.uniform(0.022, 0.045), rng.uniform(0.4, 1.0) * rng.uniform(0.8, 1.2, len(heavy))))
    return body


def _heavy(film: Sheet, rng: np.random.Generator) -> Points:
    """Places (K, 3) of heavy atoms."""
    half = film.half[0] - 0.12
    singles = rng.uniform(-1, 1, (int(rng.integers(30, 300)), 3)) * np.array([half, 1.0, film.thickness / 2])
    if rng.random() < 0.6:  # on the surface that faces the beam
        singles[:, 2] = film.thickness / 2
    groups = [singles]
    for _ in range(int(rng.integers(0, 12))):
        centre = rng.uniform(-1, 1, 3) * np.array([half, 0.9, film.thickness / 2])
        groups.append(centre + rng.standard_normal((int(rng.integers(3, 20)), 3)) * rng.uniform(0.04, 0.1))
    places = np.concatenate(groups)
    places[:, 0] = np.clip(places[:, 0], -half, half)
    found: Points = film.middle + places @ film.axes
    return found


def _film(rng: np.random.Generator, thickness: float) -> Sheet:
    """A film along the tilt axis that ends within the cylinder on either side."""
    angle = np.radians(rng.uniform(-STEEPEST, STEEPEST))
    pitch = np.radians(rng.uniform(-5, 5))
    first = np.array([np.cos(angle), 0.0, np.sin(angle)])
    normal = np.array([-np.sin(angle), np.sin(pitch), -np.cos(angle)])  # towards the beam, which comes from above
    normal -= (normal @ first) * first
    normal /= np.linalg.norm(normal)
    axes = np.stack([first, np.cross(normal, first), normal])
    aside = rng.uniform(-0.35, 0.35)
    vectors = rng.uniform(-5, 5, (int(rng.integers(0, 4)), 2))
    heights = rng.uniform(0, 0.06) / (1 + np.linalg.norm(vectors, axis=1)) * np.exp(1j * rng.uniform(0, 2 * np.pi, len(vectors)))
    sink = LONG * abs(float(axes[1][2]))  # by its slope along the tilt axis
    reach = abs(aside) + thickness / 2 + float(np.abs(heights).sum()) + sink
    half = np.sqrt(max(REACH**2 - reach**2, 0.09)) * rng.uniform(0.8, 1.0)
    return Sheet(aside * normal, axes, np.array([half, LONG]), thickness, heights, vectors)
