"""Defects of crystals: vacancies, substitutions, stacking faults, twins, disorder."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from mwgan.data.nanocrystals.particle import Particle, Points
from mwgan.errors import InputError
from mwgan.io.xyz import atomic_number

FAULTS = ("none", "stacking", "twin")
FULL = 12  # neighbours of an atom inside a close-packed crystal
NEAR = 1.2  # times the nearest-neighbour distance: cutoff for neighbours


def add_vacancies(particle: Particle, amount: float, rng: np.random.Generator) -> Particle:
    """Remove random atoms among those with all their neighbours, as atoms missing at the surface aren't vacancies.

    Parameters
    ----------
    particle
        A crystal.
    amount
        From 1 on the number of vacancies; below, their share of all atoms, of which no more are removed than are inside.
    rng
        Random numbers.

    Raises
    ------
    InputError
        If fewer atoms than the number are inside.
    """
    if amount == 0:
        return particle
    whole = np.flatnonzero(coordination(particle.positions) >= FULL)
    count = round(amount if amount >= 1 else min(amount * len(particle), len(whole)))
    if count > len(whole):
        raise InputError(f"{particle.kind} has {len(whole)} atoms inside, which can't lose {count}: take fewer, or a larger particle")
    if count == 0:
        return particle
    gone = rng.choice(whole, count, replace=False)
    kept = np.setdiff1d(np.arange(len(particle)), gone)
    vacancies = np.concatenate([particle.vacancies, particle.positions[gone]])
    return replace(particle, positions=particle.positions[kept], numbers=particle.numbers[kept], vacancies=vacancies)


def substitute_atoms(particle: Particle, share: float, element: str, rng: np.random.Generator) -> Particle:
    """Replace a share of the atoms by another element."""
    chosen = rng.choice(len(particle), round(share * len(particle)), replace=False)
    numbers = particle.numbers.copy()
    numbers[chosen] = atomic_number(element)
    return replace(particle, numbers=numbers)


def add_fault(particle: Particle, fault: str, rng: np.random.Generator) -> Particle:
    """Add a stacking fault or a twin along a close-packed plane near the centre; the cell is that of the lower part.

    Raises
    ------
    InputError
        If there is no such fault, or the particle isn't a face-centred cubic crystal.
    """
    if fault == "none":
        return particle
    if fault not in FAULTS or particle.cell is None:
        raise InputError(f"a fault is one of {', '.join(FAULTS)}, of a face-centred cubic crystal, not {fault!r} of {particle.kind}")
    edges = particle.cell
    normal = np.cross(edges[1] - edges[0], edges[2] - edges[0])
    normal /= np.linalg.norm(normal)
    heights = particle.positions @ normal
    levels = np.unique(np.round(heights, 2))
    level = levels[len(levels) // 2 + int(rng.integers(-1, 2))] if len(levels) > 3 else levels[len(levels) // 2]
    plane = float(np.mean(heights[np.abs(heights - level) < 0.05]))
    lower = heights < plane + 0.05
    if fault == "stacking":
        shift = (edges[0] + edges[1] - 2 * edges[2]) / 6
        positions = particle.positions + np.outer(~lower, shift)
        return replace(particle, positions=_centred(positions), kind=f"{particle.kind}, stacking fault")
    mirrored = lower & (heights < plane - 0.05)
    other = particle.positions[mirrored] - 2 * np.outer(heights[mirrored] - plane, normal)
    positions = np.concatenate([particle.positions[lower], other])
    numbers = np.concatenate([particle.numbers[lower], particle.numbers[mirrored]])
    return replace(particle, positions=_centred(positions), numbers=numbers, kind=f"{particle.kind}, twin")


def add_disorder(particle: Particle, amplitude_angstrom: float, rng: np.random.Generator) -> Particle:
    """Displace every atom by a normal deviate of this standard deviation along each axis."""
    moved = particle.positions + rng.normal(0, 1, particle.positions.shape) * amplitude_angstrom
    return replace(particle, positions=moved)


def coordination(positions: Points) -> np.ndarray:
    """Number of nearest neighbours of each atom."""
    tree = cKDTree(positions)
    reach = NEAR * float(np.median(tree.query(positions, 2)[0][:, 1]))
    return np.array([len(found) - 1 for found in tree.query_ball_point(positions, reach)])


def _centred(positions: Points) -> Points:
    centred: Points = positions - (positions.max(axis=0) + positions.min(axis=0)) / 2
    return centred
