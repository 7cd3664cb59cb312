"""Dead leaves in three dimensions: a body filled with opaque solids of every size, one over another, as tissue and ceramics are."""

from __future__ import annotations

import numpy as np

from mwgan.data.canvas import Points
from mwgan.data.specimens.block import Block
from mwgan.data.specimens.body import Body
from mwgan.data.specimens.placing import REACH, middle, turn, turns
from mwgan.data.specimens.polyhedra import crystal
from mwgan.data.specimens.solids import Ellipsoid, Solid
from mwgan.data.specimens.textures import random_waves, textured

FACETED = ("cube", "octahedron", "tetrahedron", "plate")  # stretched and cut by others: what has more facets looks no different
SMALLEST, LARGEST = 0.06, 0.35  # radii of leaves, half the frame being 1


def grains(rng: np.random.Generator) -> Body:
    """One body, or two or three apart, filled with 200 to 500 leaves, of which a slice meets a fifth."""
    body = Body()
    ground, contrast = rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9)
    outlines = _outlines(rng)
    for outline in outlines:
        body.paint(outline, ground)
    count = int(rng.integers(200, 501))
    share = rng.random(count)
    extents = 1 / ((1 - share) / LARGEST + share / SMALLEST)  # numbers fall with the square of the radius, as in nature
    leaves = Leaves(
        middles=_places(outlines, count, rng),
        halves=extents[:, None] * np.column_stack([np.ones(count), rng.uniform(0.25, 1.0, (count, 2))]),
        axes=turns(rng, count),
        forms=rng.integers(-len(FACETED), len(FACETED), count),
        values=np.clip(ground + contrast * rng.uniform(-1, 1, count), 0, 1),
    )
    body.steps.append(leaves.draw)
    if rng.random() < 0.5:
        body.modulate(textured(1.0, random_waves(rng, 0.5, 20.0, slope=rng.uniform(0.3, 1.5)), rng.uniform(0.05, 0.3)))
    body.keep(outlines)
    return body


class Leaves:
    """Many solids rendered in order; those that don't intersect the slices are skipped.

    ``middles`` (K, 3), ``halves`` (K, 3), ``axes`` (K, 3, 3), ``values`` (K,), and ``forms`` (K,): the number of a form of
    :data:`FACETED`, below 0 for ellipsoids.
    """

    def __init__(self, middles: Points, halves: Points, axes: Points, forms: np.ndarray, values: Points) -> None:
        self.middles, self.halves, self.axes, self.forms, self.values = middles, halves, axes, forms, values

    def draw(self, block: Block) -> None:
        along_axis = np.sqrt(((self.halves * self.axes[:, :, 1]) ** 2).sum(axis=1))
        for number in block.reaches(self.middles, along_axis).nonzero()[0]:
            block.paint(self._leaf(int(number)), float(self.values[number]))

    def _leaf(self, number: int) -> Solid:
        place, half, axes, form = self.middles[number], self.halves[number], self.axes[number], self.forms[number]
        if form < 0:
            return Ellipsoid(place, half, axes)
        return crystal(FACETED[form], place, half, axes)


def _places(outlines: list[Solid], count: int, rng: np.random.Generator) -> Points:
    """Where leaves lie, (count, 3): in the boxes that hold the outlines."""
    boxes = np.stack([outline.extent(np.eye(3)) for outline in outlines])
    of = rng.integers(0, len(outlines), count)
    found: Points = np.stack([outline.middle for outline in outlines])[of] + boxes[of] * rng.uniform(-1, 1, (count, 3))
    return found


def _outlines(rng: np.random.Generator) -> list[Solid]:
    bodies = 1 if rng.random() < 0.7 else int(rng.integers(2, 4))
    found: list[Solid] = []
    for _ in range(bodies):
        extent = rng.uniform(0.65, REACH) if bodies == 1 else rng.uniform(0.35, 0.5)
        half = extent * np.array([1.0, rng.uniform(0.55, 1.0), rng.uniform(0.55, 1.0)])
        place = middle(rng, extent)
        if rng.random() < 0.6:
            found.append(Ellipsoid(place, half, turn(rng)))
        else:
            form = str(rng.choice(["cube", "cuboctahedron", "truncated", "dodecahedron", "icosahedron"]))
            found.append(crystal(form, place, half, turn(rng), blunt=rng.uniform(0.8, 1.0)))
    return found
