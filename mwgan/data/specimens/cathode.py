"""Layered cathode particles: grains of an oxide whose layers lie one way each, with cracks between layers, pores and a rim."""

from __future__ import annotations

import numpy as np

from mwgan.data.canvas import Array, Points
from mwgan.data.specimens.block import Window
from mwgan.data.specimens.body import Body
from mwgan.data.specimens.placing import axes_about, directions, middle, turn
from mwgan.data.specimens.polyhedra import crystal
from mwgan.data.specimens.sheet import Sheet
from mwgan.data.specimens.solids import Ball, Ellipsoid, Shell, Solid
from mwgan.data.specimens.textures import layers

OUTLINES = ("cube", "octahedron", "cuboctahedron", "truncated", "plate", "dodecahedron")


def cathode(rng: np.random.Generator) -> Body:
    """One particle, or up to three: of one crystal in layers, or of many grains."""
    body = Body()
    bodies = 1 if rng.random() < 0.7 else int(rng.integers(2, 4))
    for _ in range(bodies):
        extent = rng.uniform(0.65, 0.92) if bodies == 1 else rng.uniform(0.3, 0.46)
        place, half = middle(rng, extent), extent * np.array([1.0, *rng.uniform(0.6, 1.0, 2)])
        outline: Solid = Ellipsoid(place, half, turn(rng))
        normal = directions(rng, 1)[0]
        if rng.random() < 0.7:  # layers lie along a facet
            axes = turn(rng)
            outline, normal = crystal(str(rng.choice(OUTLINES)), place, half, axes, blunt=rng.uniform(0.75, 1.0)), axes[0]
        value = rng.uniform(0.5, 1.0)
        if rng.random() < 0.5:
            period = rng.uniform(0.08, 0.2)
            body.paint(outline, layers(value, rng.uniform(0.15, 0.7), period, normal, rng.uniform(0, 2 * np.pi), rng.uniform(1.0, 8.0)))
        else:
            body.paint(outline, Grains(place, extent, value, rng))
        _crack(body, outline, extent, normal, rng)
        _pit(body, outline, extent, rng)
        if rng.random() < 0.4:
            body.paint(Shell(outline, rng.uniform(0.02, 0.07)), value * rng.uniform(0.4, 1.15), blend=rng.uniform(0.6, 1.0), shown=False)
    return body


class Grains:
    """A texture of grains that meet in planes, dark where they meet, each in layers of its own direction."""

    def __init__(self, place: Points, extent: float, value: float, rng: np.random.Generator) -> None:
        count = int(rng.integers(6, 25))
        self.seeds = place + extent * directions(rng, count) * rng.random((count, 1)) ** (1 / 3)
        self.values = value * rng.uniform(rng.uniform(0.6, 0.95), 1.0, count)
        self.gap = rng.uniform(0.01, 0.05) if rng.random() < 0.7 else 0.0
        self.gap_depth = rng.uniform(0.3, 1.0)
        self.layered = rng.uniform(0.0, 0.5) if rng.random() < 0.6 else 0.0
        self.vectors = 2 * np.pi / rng.uniform(0.08, 0.2) * directions(rng, count)

    def __call__(self, window: Window) -> Array:
        nearest, second = (np.full(window.shape, np.inf, dtype=np.float32) for _ in range(2))
        grain = np.zeros(window.shape, dtype=np.int8)
        for number, seed in enumerate(self.seeds):
            squared = window.squared_distance(seed)
            closer = squared < nearest
            second = np.where(closer, nearest, np.minimum(second, squared))
            nearest = np.where(closer, squared, nearest)
            grain[closer] = number
        found: Array = self.values.astype(np.float32)[grain]
        if self.layered:
            phase = np.zeros(window.shape, dtype=np.float32)
            for number, vector in enumerate(self.vectors):
                here = grain == number
                if here.any():
                    phase[here] = window.along(vector, np.zeros(3))[here]
            found *= 1 - np.float32(self.layered / 2) * (1 + np.cos(phase))
        if self.gap:
            # Half the difference of distances is how far a point lies from the plane between two grains, near enough.
            apart = (np.sqrt(second) - np.sqrt(nearest)) / 2
            found *= 1 - np.float32(self.gap_depth) * np.clip(1.5 - apart / np.float32(self.gap / 2), 0, 1)
        return found


def _crack(body: Body, outline: Solid, extent: float, normal: Points, rng: np.random.Generator) -> None:
    """Gaps between layers, from one side or inside."""
    for _ in range(int(rng.integers(0, 6))):
        axes = axes_about(normal, rng)[[1, 2, 0]]
        place = outline.middle + extent * (rng.uniform(-0.6, 0.6) * axes[2] + rng.uniform(-0.7, 0.7) * axes[0])
        half = extent * rng.uniform(0.2, 0.8, 2)
        waves = 0.02 * extent * np.exp(1j * rng.uniform(0, 2 * np.pi, 2)) * rng.random()
        gap = Sheet(place, axes, half, rng.uniform(0.015, 0.06) * (0.5 + extent), waves, rng.uniform(-6, 6, (2, 2)) / extent, oval=True)
        body.paint(gap, 0.0, blend=rng.uniform(0.5, 1.0), within=outline, shown=False)


def _pit(body: Body, outline: Solid, extent: float, rng: np.random.Generator) -> None:
    """Pores, many small ones or a few."""
    if rng.random() < 0.5:
        return
    for _ in range(int(rng.integers(2, 25))):
        place = outline.middle + extent * directions(rng, 1)[0] * rng.random() ** (1 / 3)
        body.paint(Ball(place, extent * rng.uniform(0.03, 0.12)), 0.0, within=outline, shown=False)
