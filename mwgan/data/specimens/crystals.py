"""Lattices: crystals whose atoms or planes are resolved, whole, twinned, or in grains."""

from __future__ import annotations

import numpy as np

from mwgan.data.canvas import Points
from mwgan.data.specimens.block import Texture
from mwgan.data.specimens.body import Body
from mwgan.data.specimens.particles import particle_maker
from mwgan.data.specimens.placing import axes_about, directions, middle, turn
from mwgan.data.specimens.polyhedra import crystal
from mwgan.data.specimens.solids import Ball, Solid
from mwgan.data.specimens.textures import LATTICES, Crystal, layers, reciprocal_of


def lattice(rng: np.random.Generator) -> Body:
    """One crystal: rows of atoms, of two kinds in a third of them, or planes; a third twinned or of several grains."""
    body = Body()
    extent = rng.uniform(0.6, 0.92)
    outline = particle_maker(rng)(middle(rng, extent), extent, rng)
    recipe = _Recipe(rng)
    axes = turn(rng)
    body.paint(outline, recipe.texture(outline.middle, axes))
    chosen = rng.random()
    if chosen < 0.2:  # the mirror image across a plane
        normal = directions(rng, 1)[0]
        mirrored = axes - 2 * np.outer(axes @ normal, normal)
        half = crystal("cube", outline.middle + 2 * normal, np.sqrt(3) * 2.0, axes_about(normal, rng))
        body.paint(half, recipe.texture(outline.middle, mirrored), within=outline, shown=False)
    elif chosen < 0.4:
        for _ in range(int(rng.integers(1, 5))):
            place = outline.middle + extent * directions(rng, 1)[0] * rng.uniform(0.3, 1.0)
            body.paint(Ball(place, extent * rng.uniform(0.4, 0.8)), recipe.texture(place, turn(rng)), within=outline, shown=False)
    if rng.random() < 0.3:
        _vacancies(body, outline, extent, rng)
    return body


class _Recipe:
    """What all grains of a crystal share."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.value, self.ground = rng.uniform(0.6, 1.0), rng.uniform(0.0, 0.4) if rng.random() < 0.6 else 0.0
        self.spacing = np.exp(rng.uniform(np.log(0.1), np.log(0.25)))  # three pixels of 64, and more
        self.sigma = self.spacing * rng.uniform(0.16, 0.26)
        self.kind = str(rng.choice([*LATTICES, "planes"]))
        two = self.kind in ("cubic", "face_centred") and rng.random() < 0.6
        self.other = rng.uniform(0.2, 0.8) if two else 0.0
        self.depth, self.sharpness = rng.uniform(0.3, 1.0), rng.uniform(1.0, 5.0)

    def texture(self, origin: Points, axes: Points) -> Texture:
        if self.kind == "planes":
            return layers(self.value, self.depth, self.spacing, axes[0], 0.0, self.sharpness)
        vectors = reciprocal_of(self.kind, self.spacing, axes)
        return Crystal(self.value, self.ground, origin, vectors, self.sigma, self.other)


def _vacancies(body: Body, outline: Solid, extent: float, rng: np.random.Generator) -> None:
    """Voids in the crystal."""
    for _ in range(int(rng.integers(1, 6))):
        place = outline.middle + extent * directions(rng, 1)[0] * rng.uniform(0.0, 0.7)
        body.paint(Ball(place, extent * rng.uniform(0.08, 0.25)), 0.0, within=outline, shown=False)
