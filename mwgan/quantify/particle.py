"""Measured values of one particle, from its surface, and its neighbours."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mwgan.quantify.labels import Field, Labels, Particles, Place
from mwgan.quantify.materials import Materials
from mwgan.quantify.surface import Surface, footprint_along_z, surface_of, walls, weighted_median

Voxel = tuple[float, float, float]
BEYOND = 0.9  # voxels outwards from a surface, where another particle's voxels are if they touch


@dataclass(frozen=True)
class Numbers:
    """The values of one particle; lengths in nm, areas in nm², volumes in nm³."""

    volume: float
    surface: float
    thickness: float
    """Wall thickness: median of the chords from the surface inwards along its normal."""
    thickness_z: float
    """Along the beam: volume over the area of the footprint."""
    sphericity: float
    """Surface of a sphere of the same volume over its own: 1 for a sphere, less for anything else."""
    elongation: float
    """Longest over middle principal axis."""
    flatness: float
    """Middle over shortest principal axis."""
    width_over_height: float
    """Its spread along x over that along the beam."""

    @property
    def equivalent_diameter(self) -> float:
        """Diameter of the sphere of the same volume."""
        return float((6 * self.volume / math.pi) ** (1 / 3))


@dataclass(frozen=True)
class Shape:
    """A particle's surface and walls, kept for quantities that involve several particles."""

    surface: Surface
    middle: np.ndarray
    """(y, z, x) in nm."""
    wall_lengths: np.ndarray
    wall_areas: np.ndarray


def measure_particle(field: Field, place: Place, voxel_nm: Voxel) -> tuple[Numbers, Shape] | None:
    """The values of a single particle in its window, and its shape; None if nothing is left of it."""
    surface = surface_of(field, voxel_nm, place.first)
    volume, area = surface.volume, surface.area
    if not (volume > 0 and area > 0):
        return None
    middle, second = surface.moments()
    spread = np.sqrt(np.maximum(np.linalg.eigvalsh(second)[::-1], 1e-30))
    lengths, areas = walls(surface, field, voxel_nm, place.first)
    numbers = Numbers(
        volume=volume,
        surface=area,
        thickness=weighted_median(lengths, areas),
        thickness_z=volume / max(footprint_along_z(field, voxel_nm), 1e-30),
        sphericity=math.pi ** (1 / 3) * (6 * volume) ** (2 / 3) / area,
        elongation=float(spread[0] / spread[1]),
        flatness=float(spread[1] / spread[2]),
        width_over_height=float(math.sqrt(max(second[2, 2], 1e-30) / max(second[1, 1], 1e-30))),
    )
    return numbers, Shape(surface, middle, lengths, areas)


def measure_again(particles: Particles, place: Place, volume: np.ndarray, materials: Materials, voxel_nm: Voxel) -> Numbers | None:
    """The values of the same particle in another volume, or with other thresholds; None if it doesn't exist there."""
    field = particles.field(place, volume, materials)
    found = None if field is None else measure_particle(field, place, voxel_nm)
    return None if found is None else found[0]


def contact_areas(shape: Shape, place: Place, labels: Labels, voxel_nm: Voxel) -> dict[int, float]:
    """Contact area in nm² of a particle with each other one: surface next to the other's voxels."""
    surface = shape.surface
    areas, doubled = surface.areas, surface.doubled
    whole = areas > 0
    out = doubled[whole] / (2 * areas[whole, None])
    beyond = surface.corners[whole].mean(axis=1) + BEYOND * min(voxel_nm) * out
    voxels = np.rint(beyond / np.asarray(voxel_nm)).astype(int)
    inside = ((voxels >= 0) & (voxels < labels.shape)).all(axis=1)
    there = np.zeros(len(voxels), np.int64)
    there[inside] = labels[tuple(voxels[inside].T)]
    sums = np.bincount(there, weights=areas[whole])
    return {int(other): float(sums[other]) for other in np.flatnonzero(sums) if other not in (0, place.label)}


def nearest_distances(shapes: list[Shape]) -> list[tuple[float, int]]:
    """Distance in nm from each particle's surface to the nearest other one's, and that one's index; infinite for a single one."""
    from scipy.spatial import cKDTree

    corners = [np.unique(shape.surface.corners.reshape(-1, 3), axis=0) for shape in shapes]
    trees = [cKDTree(one) for one in corners]
    low = np.array([one.min(axis=0) for one in corners])
    high = np.array([one.max(axis=0) for one in corners])
    found = []
    for one, points in enumerate(corners):
        gaps = np.linalg.norm(np.maximum(0, np.maximum(low - high[one], low[one] - high)), axis=1)
        gaps[one] = np.inf
        best, nearest = math.inf, -1
        for other in np.argsort(gaps):
            if gaps[other] >= best:
                break
            distance = float(trees[other].query(points, distance_upper_bound=best)[0].min())
            if distance < best:
                best, nearest = distance, int(other)
        found.append((best, nearest))
    return found
