"""Porous bodies: with pores of many sizes, sponges of ligaments, and channels or cavities in rows."""

from __future__ import annotations

import numpy as np

from mwgan.data.specimens.body import Body
from mwgan.data.specimens.grains import Leaves
from mwgan.data.specimens.particles import particle_maker
from mwgan.data.specimens.placing import axes_about, directions, middle, turn, turns
from mwgan.data.specimens.solids import Shell, Solid
from mwgan.data.specimens.textures import LATTICES, LevelSet, reciprocal_of


def porous(rng: np.random.Generator) -> Body:
    """One porous body; a third of each kind."""
    body = Body()
    extent = rng.uniform(0.65, 0.92)
    outline = particle_maker(rng)(middle(rng, extent), extent, rng)
    value, ground = rng.uniform(0.4, 1.0), rng.uniform(0.0, 0.3) if rng.random() < 0.3 else 0.0
    style = rng.random()
    if style < 0.4:
        body.paint(outline, value)
        body.steps.append(_pores(outline, extent, ground, rng).draw)
        body.keep([outline])
    else:
        if ground:
            body.paint(outline, ground)
        body.paint(_sponge(outline, rng) if style < 0.7 else _rows(outline, rng), value)
    if rng.random() < 0.25:
        body.paint(Shell(outline, rng.uniform(0.03, 0.08)), value, shown=False)
    return body


def _pores(outline: Solid, extent: float, ground: float, rng: np.random.Generator) -> Leaves:
    count = int(rng.integers(20, 250))
    share = rng.random(count)
    sizes = extent / ((1 - share) / rng.uniform(0.12, 0.4) + share / 0.05)
    flat = np.column_stack([np.ones(count), rng.uniform(rng.uniform(0.4, 1.0), 1.0, (count, 2))])
    places = outline.middle + extent * directions(rng, count) * rng.random((count, 1)) ** (1 / 3)
    return Leaves(places, sizes[:, None] * flat, turns(rng, count), np.full(count, -1), np.full(count, ground))


def _sponge(outline: Solid, rng: np.random.Generator) -> LevelSet:
    """Ligaments and pores of one width, as dealloying leaves them: waves of one length in all directions, cut at a level."""
    count = 40
    lengths = 2 * np.pi / rng.uniform(0.15, 0.45) * rng.uniform(0.85, 1.15, (count, 1))
    amplitudes = np.exp(1j * rng.uniform(0, 2 * np.pi, count)) * np.sqrt(2 / count)
    return LevelSet(outline, lengths * directions(rng, count), amplitudes, rng.uniform(-0.6, 0.6))


def _rows(outline: Solid, rng: np.random.Generator) -> LevelSet:
    """Channels side by side, or cavities on a lattice, as templates leave them."""
    spacing = rng.uniform(0.16, 0.35)
    if rng.random() < 0.5:
        vectors = reciprocal_of("hexagonal", spacing, axes_about(directions(rng, 1)[0], rng)[[1, 2, 0]])[:3]
    else:
        vectors = reciprocal_of(str(rng.choice(LATTICES)), spacing, turn(rng))
    count = len(vectors)
    phases = np.exp(1j * rng.uniform(0, 2 * np.pi, 3) @ _whole(vectors))
    return LevelSet(outline, 2 * np.pi * vectors, -phases * np.sqrt(2 / count), rng.uniform(-0.7, 0.2))


def _whole(vectors: np.ndarray) -> np.ndarray:
    """A shift of the whole lattice as phases of its waves (3, J), in units of the first vector's length."""
    found: np.ndarray = vectors.T / np.linalg.norm(vectors[0])
    return found
