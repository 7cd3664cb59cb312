"""Disordered atoms with a minimum distance: amorphous particles and shells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from mwgan.data.nanocrystals.crystals import LATTICES
from mwgan.data.nanocrystals.particle import Particle, Points
from mwgan.io.xyz import atomic_number

DENSITY = 0.94  # of the crystal's: metallic glasses are a few percent lighter
CLOSEST = 0.88  # of the crystal's nearest-neighbour distance, about where the pair distribution of metallic glasses starts
STEPS = 300
ROUGHNESS = 0.12  # of the radius: amplitude of the surface roughness
LOOSE = 0.35  # of the nearest-neighbour distance: random displacement of shell atoms before relaxation


def amorphous(material: str, diameter_angstrom: float, rng: np.random.Generator, lattice_angstrom: float | None = None) -> Particle:
    """An amorphous particle that fits into a sphere: a rough ellipsoid of mutually repelling atoms.

    Alloys are disordered. Arguments are those of :func:`mwgan.data.nanocrystals.crystals.crystal`.
    """
    lattice = lattice_angstrom or LATTICES[material]
    radii = diameter_angstrom / 2 * np.array([1.0, *rng.uniform(0.75, 1.0, 2)])
    count = max(4, round(DENSITY * 4 / lattice**3 * 4 / 3 * np.pi * float(np.prod(radii)) * (1 - ROUGHNESS / 2) ** 3))
    bumps = rng.normal(size=(6, 3))
    bumps /= np.linalg.norm(bumps, axis=1, keepdims=True)

    def inside(places: Points) -> Points:
        """Relative radius of each position, 1 at the surface."""
        unit = places / radii
        out = np.linalg.norm(unit, axis=1)
        directions = unit / np.maximum(out, 1e-9)[:, None]
        surface = 1 - ROUGHNESS * np.cos(3 * directions @ bumps.T).mean(axis=1).clip(0, 1)
        further: Points = out / surface
        return further

    places = rng.uniform(-1, 1, (8 * count, 3)) * radii
    places = places[inside(places) <= 1][:count]
    closest = CLOSEST * lattice / np.sqrt(2)
    places = push_apart(places, closest, np.ones(len(places), bool))
    places *= min(1.0, diameter_angstrom / 2 / float(np.linalg.norm(places, axis=1).max()))
    places = remove_close(places, 0.9 * closest)
    names = ("Fe", "Pt") if material.startswith("FePt") else (material,)
    numbers = np.array([atomic_number(name) for name in names], np.int64)[rng.integers(len(names), size=len(places))]
    return Particle(places, numbers, kind=f"amorphous {material}")


def add_amorphous_shell(particle: Particle, thickness_angstrom: float, rng: np.random.Generator) -> Particle:
    """The particle with disordered atoms within ``thickness_angstrom`` of its hull, and an unchanged core."""
    from scipy.spatial import ConvexHull

    hull = ConvexHull(particle.positions)
    depth = -(particle.positions @ hull.equations[:, :3].T + hull.equations[:, 3]).max(axis=1)
    loose = depth < thickness_angstrom
    tree = cKDTree(particle.positions)
    neighbour = float(np.median(tree.query(particle.positions, 2)[0][:, 1]))
    thrown = particle.positions + loose[:, None] * rng.normal(0, LOOSE * neighbour, particle.positions.shape)
    places = push_apart(thrown, CLOSEST * neighbour, loose)
    return replace(particle, positions=places, kind=f"{particle.kind}, amorphous shell")


def push_apart(places: Points, closest: float, movable: np.ndarray) -> Points:
    """Push movable atoms apart until no two are nearer than ``closest``, or nearly so."""
    places = places.copy()
    share = movable.astype(float)
    for _ in range(STEPS):
        pairs = cKDTree(places).query_pairs(closest, output_type="ndarray")
        if not len(pairs):
            break
        one, other = pairs.T
        apart_by = places[one] - places[other]
        distance = np.maximum(np.linalg.norm(apart_by, axis=1), 1e-6)
        # Slightly more than needed, or the last pairs would take forever.
        push = apart_by / distance[:, None] * (1.02 * closest - distance)[:, None]
        whole = np.maximum(share[one] + share[other], 1e-9)
        step = np.zeros_like(places)
        np.add.at(step, one, push * (share[one] / whole)[:, None])
        np.add.at(step, other, -push * (share[other] / whole)[:, None])
        places += 0.6 * step
    return places


def remove_close(places: Points, closest: float) -> Points:
    """Remove the later one of every two atoms that are still nearer than ``closest``."""
    pairs = cKDTree(places).query_pairs(closest, output_type="ndarray")
    kept: Points = np.delete(places, np.unique(pairs[:, 1]), axis=0) if len(pairs) else places
    return kept
