"""Crystalline particles of a given form and size, by ase."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from mwgan.data.nanocrystals.particle import Particle
from mwgan.errors import InputError, MissingExtraError
from mwgan.io.xyz import atomic_number

LATTICES = {"Au": 4.078, "Pt": 3.924, "Ag": 4.086, "Pd": 3.891, "Cu": 3.615, "Ni": 3.524, "Al": 4.050, "FePt": 3.852, "FePt_random": 3.816}
"""Lattice constants of cubic cells in ångström; for ordered FePt (L1_0) that across its layers' axis, along which it is shorter."""
ALONG_OVER_ACROSS = 0.964  # of ordered FePt
LARGEST = 40  # atoms along an edge


def crystal(
    form: str, material: str, diameter_angstrom: float, rng: np.random.Generator, lattice_angstrom: float | None = None
) -> Particle:
    """The largest particle of a form and a material that fits into a sphere.

    Parameters
    ----------
    form
        One of :data:`FORMS`.
    material
        One of :data:`LATTICES`.
    diameter_angstrom
        Diameter of the sphere.
    rng
        Samples the species in disordered alloys.
    lattice_angstrom
        Instead of the material's own.

    Raises
    ------
    InputError
        If there is no such form or material, or not a single cell fits; MissingExtraError without ase.
    """
    if form not in FORMS or material not in LATTICES:
        raise InputError(f"there is no {form!r} of {material!r}: forms are {', '.join(FORMS)}, materials {', '.join(LATTICES)}")
    lattice = lattice_angstrom or LATTICES[material]
    edge = 2
    while edge < LARGEST and 2 * np.linalg.norm(_places(form, edge + 1), axis=1).max() * lattice <= diameter_angstrom:
        edge += 1
    places = _places(form, edge) * lattice
    if 2 * np.linalg.norm(places, axis=1).max() > diameter_angstrom:
        raise InputError(f"a sphere of {diameter_angstrom / 10:g} nm is too small for any {form} of {material}: take a larger diameter")
    cell = None if form == "decahedron" else lattice * np.eye(3)
    numbers = np.full(len(places), atomic_number("Pt" if material.startswith("FePt") else material), np.int64)
    if material == "FePt_random":
        numbers = np.where(rng.random(len(places)) < 0.5, atomic_number("Fe"), atomic_number("Pt"))
    particle = Particle(places, numbers, cell=cell, kind=f"{material} {form}")
    if material != "FePt":
        return particle
    layers = np.round((places[:, 2] - places[0, 2]) / (lattice / 2)).astype(int)
    numbers = np.where(layers % 2 == 0, atomic_number("Fe"), atomic_number("Pt"))
    return Particle(places, numbers, cell=cell, kind=particle.kind).moved(np.diag([1, 1, ALONG_OVER_ACROSS]))


def _octahedron(cluster: Any, edge: int) -> Any:
    return cluster.Octahedron("Au", edge, latticeconstant=1.0)


def _truncated(cluster: Any, edge: int) -> Any:
    return cluster.Octahedron("Au", edge, cutoff=round((edge - 1) / 3), latticeconstant=1.0)


def _cube(cluster: Any, edge: int) -> Any:
    return cluster.FaceCenteredCubic("Au", [(1, 0, 0)], [edge - 1], latticeconstant=1.0)


def _decahedron(cluster: Any, edge: int) -> Any:
    return cluster.Decahedron("Au", edge, max(1, edge // 2), 0, latticeconstant=1.0)


FORMS: dict[str, Callable[[Any, int], Any]] = {
    "octahedron": _octahedron,
    "truncated": _truncated,
    "cube": _cube,
    "decahedron": _decahedron,
}


@lru_cache(maxsize=256)
def _places(form: str, edge: int) -> np.ndarray:
    """(K, 3) in units of the cell, around their centre."""
    try:
        from ase import cluster
    except ImportError as error:
        raise MissingExtraError("a particle of atoms", "ase", "pip install 'mwgan[atoms]'") from error
    places = np.asarray(FORMS[form](cluster, edge).get_positions(), np.float64)
    places -= places.mean(axis=0)
    places.setflags(write=False)
    return places
