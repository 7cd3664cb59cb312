"""Particles apart from one another: with a core and shells, or hollow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mwgan.data.canvas import Points
from mwgan.data.specimens.body import Body
from mwgan.data.specimens.placing import apart, directions, turn
from mwgan.data.specimens.polyhedra import crystal
from mwgan.data.specimens.solids import Ball, Ellipsoid, Solid

FACETED = ("cube", "octahedron", "cuboctahedron", "truncated", "dodecahedron", "icosahedron", "decahedron", "tetrahedron")


def core_shell(rng: np.random.Generator) -> Body:
    """A few particles of one recipe: one to three shells about a core, which may be of another form or lie out of the middle.

    In a fifth of them the core lies loose in the outermost shell.
    """
    body = Body()
    make, make_core = particle_maker(rng), particle_maker(rng)
    values = rng.permutation(np.linspace(rng.uniform(0.15, 0.4), rng.uniform(0.7, 1.0), int(rng.integers(2, 5))))
    shares = np.sort(rng.uniform(0.3, 0.92, len(values) - 1))[::-1]
    aside = rng.uniform(0.0, 0.8) if rng.random() < 0.4 else 0.0
    if rng.random() < 0.2:
        values[1:-1] = 0.0
    for place, radius in zip(*_places(rng), strict=True):
        outer = make(place, radius, rng)
        body.paint(outer, values[0])
        for value, share in zip(values[1:-1], shares, strict=False):
            body.paint(outer.resized(share), value, shown=False)
        shift = aside * (1 - shares[-1]) * radius * directions(rng, 1)[0]
        body.paint(make_core(place + shift, 0.9 * shares[-1] * radius, rng), values[-1], within=outer, shown=False)
    return body


def hollow(rng: np.random.Generator) -> Body:
    """A few hollow spheres, boxes or cages: with one wall or two, some with openings, some with something inside."""
    body = Body()
    make = particle_maker(rng)
    value, inside = rng.uniform(0.4, 1.0), rng.uniform(0.0, 0.15) if rng.random() < 0.4 else 0.0
    wall = rng.uniform(0.08, 0.35)
    holes = int(rng.integers(1, 7)) if rng.random() < 0.35 else 0
    twice, yolk = rng.random() < 0.25, rng.random() < 0.3
    for place, radius in zip(*_places(rng, smallest=0.16), strict=True):
        outer = make(place, radius, rng)
        body.paint(outer, value)
        body.paint(outer.resized(1 - wall), inside, shown=False)
        if twice:
            body.paint(outer.resized(0.8 * (1 - wall)), value * rng.uniform(0.6, 1.0), shown=False)
            body.paint(outer.resized(0.8 * (1 - wall) - 0.7 * wall), inside, shown=False)
        if yolk:
            room = (1 - wall) * 0.5 * radius
            core = Ball(place + 0.5 * room * directions(rng, 1)[0], room * rng.uniform(0.3, 0.8))
            body.paint(core, rng.uniform(0.5, 1.0), shown=False)
        for direction in directions(rng, holes):
            body.paint(Ball(place + radius * direction, radius * rng.uniform(0.2, 0.45)), inside, within=outer, shown=False)
    return body


Maker = Callable[[Points, float, np.random.Generator], Solid]
"""A particle within this radius about this place, turned at random."""


def particle_maker(rng: np.random.Generator) -> Maker:
    """What makes particles of one recipe: balls, ellipsoids or crystals of one form."""
    chosen = rng.random()
    if chosen < 0.3:
        return lambda place, radius, _: Ball(place, radius)
    flat = np.array([1.0, *rng.uniform(0.5, 1.0, 2)])
    if chosen < 0.5:
        return lambda place, radius, again: Ellipsoid(place, radius * flat, turn(again))
    form, blunt = str(rng.choice(FACETED)), 1.0 if rng.random() < 0.6 else rng.uniform(0.75, 0.95)
    stretch = np.ones(3) if rng.random() < 0.6 else flat
    return lambda place, radius, again: crystal(form, place, radius * stretch, turn(again), blunt)


def _places(rng: np.random.Generator, smallest: float = 0.1) -> tuple[Points, Points]:
    """One large particle, several, or many small ones."""
    style = rng.random()
    if style < 0.25:
        return apart(rng, rng.uniform(0.5, 0.88, 1))
    if style < 0.65:
        return apart(rng, rng.uniform(0.22, 0.45, int(rng.integers(4, 20))), 0.01, tries=12)
    return apart(rng, rng.uniform(smallest, 0.22, int(rng.integers(20, 90))), 0.01)
