"""Smooth bodies: gradients of composition and diffuse clouds, without an edge inside, and often none outside."""

from __future__ import annotations

import numpy as np

from mwgan.data.specimens.body import Body
from mwgan.data.specimens.particles import particle_maker
from mwgan.data.specimens.placing import directions, middle
from mwgan.data.specimens.solids import Ball
from mwgan.data.specimens.textures import gaussians, random_waves


def gradients(rng: np.random.Generator) -> Body:
    """A body whose density changes slowly, or soft clouds."""
    body = Body()
    if rng.random() < 0.5:
        extent = rng.uniform(0.5, 0.9)
        outline = particle_maker(rng)(middle(rng, extent), extent, rng)
        waves = random_waves(rng, 0.2, 1.5, count=6)
        slope = directions(rng, 1)[0] * rng.uniform(0.0, 0.8)
        level, strength = rng.uniform(0.3, 0.7), rng.uniform(0.05, 0.25)
        body.paint(
            outline,
            lambda window: np.maximum(np.float32(level) + window.along(slope, outline.middle) + np.float32(strength) * waves(window), 0.08),
        )
    else:
        for _ in range(int(rng.integers(3, 12))):
            sigma = rng.uniform(0.08, 0.22)
            places = np.stack([middle(rng, 3 * sigma, furthest=1.0) for _ in range(int(rng.integers(1, 4)))])
            heights = rng.uniform(0.15, 0.6, len(places))
            body.add(gaussians(places, sigma, heights))
            body.shown.append(Ball(places[0], sigma))
    return body
