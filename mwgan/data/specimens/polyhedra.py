"""Polyhedra: crystal forms, stretched and rotated, with corners that determine their extents."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.spatial import HalfspaceIntersection

from mwgan.data.canvas import Array, Points
from mwgan.data.specimens.block import Window
from mwgan.data.specimens.solids import Solid


@dataclass(frozen=True)
class Polyhedron(Solid):
    """The convex body between planes at ``distances`` (F,) from ``middle`` along ``normals`` (F, 3).

    ``corners`` (K, 3) are given from the middle; ``blunt`` is the radius about the middle beyond which corners are cut off.
    """

    middle: Points
    normals: Points
    distances: Points
    corners: Points
    blunt: float = np.inf

    def extent(self, directions: Points) -> Points:
        found: Points = np.minimum(np.abs(self.corners @ directions.T).max(axis=0), self.blunt)
        return found

    def depth(self, window: Window) -> Array:
        found: Array | None = None
        for normal, distance in zip(self.normals, self.distances, strict=True):
            beyond = window.along(normal, self.middle + distance * normal)
            found = beyond if found is None else np.maximum(found, beyond, out=found)
        assert found is not None
        if np.isfinite(self.blunt):
            np.maximum(found, np.sqrt(window.squared_distance(self.middle)) - np.float32(self.blunt), out=found)
        return np.negative(found, out=found)

    def resized(self, factor: float) -> Polyhedron:
        return replace(self, distances=self.distances * factor, corners=self.corners * factor, blunt=self.blunt * factor)


CRYSTALS = ("cube", "octahedron", "cuboctahedron", "truncated", "dodecahedron", "icosahedron", "decahedron", "tetrahedron", "plate")
"""Forms of crystals for :func:`crystal`; ``truncated`` is an octahedron without its corners."""


def crystal(form: str, middle: Points, half: Points | float, axes: Points, blunt: float = np.inf) -> Polyhedron:
    """A crystal of one of :data:`CRYSTALS`: its corners lie in an ellipsoid of half axes ``half``, (3,) or all alike.

    They are along the rows of ``axes`` (3, 3); ``blunt`` as of :class:`Polyhedron`, in units of the largest of them.
    """
    return _stretched(form, middle, half * np.ones(3), axes, blunt)


def prism(sides: int, middle: Points, half: float, radius: float, axes: Points) -> Polyhedron:
    """A rod of 5, 6 or 8 ``sides``, ``half`` long to either side and ``radius`` thick, along the first row of ``axes`` (3, 3).

    Those of 5 and 8 sides taper towards their ends, as nanorods of gold do.
    """
    _, _, corners = _unit(f"prism{sides}")
    along, across = corners[:, 0].max(), np.hypot(corners[:, 1], corners[:, 2]).max()
    return _stretched(f"prism{sides}", middle, np.array([half / along, radius / across, radius / across]), axes)


def _stretched(form: str, middle: Points, stretch: Points, axes: Points, blunt: float = np.inf) -> Polyhedron:
    normals, distances, corners = _unit(form)
    steep = normals / stretch
    length = np.sqrt((steep * steep).sum(axis=1))
    return Polyhedron(middle, steep / length[:, None] @ axes, distances / length, corners * stretch @ axes, blunt * float(stretch.max()))


@lru_cache(maxsize=64)
def _unit(form: str) -> tuple[Points, Points, Points]:
    """Normals, distances and corners of a form whose furthest corner is 1 from the middle."""
    normals, distances = _PLANES[form]()
    normals = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    corners = HalfspaceIntersection(np.column_stack([normals, -distances]), np.zeros(3)).intersections
    furthest = float(np.linalg.norm(corners, axis=1).max())
    return normals, distances / furthest, np.unique(np.round(corners / furthest, 9), axis=0)


def _signs(*vectors: tuple[float, float, float]) -> Points:
    """Every vector with every choice of signs, once each."""
    signs = np.array(np.meshgrid([1, -1], [1, -1], [1, -1])).reshape(3, -1).T
    found: Points = np.unique(np.concatenate([np.array(vector) * signs for vector in vectors]), axis=0)
    return found


_FACES = _signs((1, 0, 0), (0, 1, 0), (0, 0, 1))
_DIAGONALS = _signs((1, 1, 1))
_GOLDEN = (1 + np.sqrt(5)) / 2


def _faces(*groups: tuple[Points, float]) -> tuple[Points, Points]:
    """Groups of normals, each at one distance."""
    return np.concatenate([normals for normals, _ in groups]), np.concatenate([np.full(len(normals), away) for normals, away in groups])


def _around(sides: int, rise: float = 0.0) -> Points:
    """Normals of the sides of a prism about the first axis, or of a pyramid that rises along it."""
    angle = 2 * np.pi * np.arange(sides) / sides
    return np.stack([np.full(sides, rise), np.cos(angle), np.sin(angle)], axis=1)


def _prism(sides: int, length: float, tip: float = 0.0, cap: float = 0.0) -> tuple[Points, Points]:
    """A prism of radius 1 and half length ``length``: over the last ``tip`` it tapers to a point, of which a share ``cap`` is cut off."""
    ends = (_signs((1, 0, 0)), length - cap * tip)
    if tip == 0:
        return _faces((_around(sides), 1.0), ends)
    taper = np.concatenate([_around(sides, 1 / tip), _around(sides, -1 / tip)])
    return _faces((_around(sides), 1.0), (taper, length / np.hypot(1, tip)), ends)


_PLANES = {
    "cube": lambda: _faces((_FACES, 1.0)),
    "octahedron": lambda: _faces((_DIAGONALS, 1.0)),
    "cuboctahedron": lambda: _faces((_FACES, 1.0), (_DIAGONALS, 2 / np.sqrt(3))),
    "truncated": lambda: _faces((_FACES, 1.0), (_DIAGONALS, 1.5 / np.sqrt(3))),
    "dodecahedron": lambda: _faces((_signs((0, 1, _GOLDEN), (1, _GOLDEN, 0), (_GOLDEN, 0, 1)), 1.0)),
    "icosahedron": lambda: _faces(
        (np.concatenate([_DIAGONALS, _signs((0, 1 / _GOLDEN, _GOLDEN), (1 / _GOLDEN, _GOLDEN, 0), (_GOLDEN, 0, 1 / _GOLDEN))]), 1.0)
    ),
    "decahedron": lambda: _faces((np.concatenate([_around(5, 0.85), _around(5, -0.85)]), 1.0), (_signs((1, 0, 0)), 1.0)),
    "tetrahedron": lambda: _faces((np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]), 1.0)),
    "plate": lambda: _prism(6, 0.35),
    "prism5": lambda: _prism(5, 3.0, 0.9, 0.3),
    "prism6": lambda: _prism(6, 3.0),
    "prism8": lambda: _prism(8, 3.0, 0.8, 0.4),
}
