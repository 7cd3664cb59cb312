"""The sub-voxel surface of one particle, and quantities from it: volume, axes, wall thickness, share in the missing wedge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
CHORDS = 5_000  # largest number of triangles from which wall thickness is measured
STEP = 1.0  # voxels between samples along a chord
FINER = 4  # points per voxel for the outline of a footprint
START = 1.0  # voxels below the surface at which a chord starts


@dataclass(frozen=True)
class Surface:
    """A closed triangle mesh around a particle, with outward normals.

    Parameters
    ----------
    corners
        (F, 3, 3) in nm: triangles, their corners, (y, z, x) from the centre of the volume's first voxel.
    """

    corners: Array

    @property
    def doubled(self) -> Array:
        """Outward normals (F, 3), with length twice the triangle's area."""
        first, second, third = self.corners[:, 0], self.corners[:, 1], self.corners[:, 2]
        return np.cross(second - first, third - first)

    @property
    def areas(self) -> Array:
        """Areas of the triangles (F,), nm²."""
        return np.asarray(np.linalg.norm(self.doubled, axis=1) / 2)

    @property
    def area(self) -> float:
        """Nm²."""
        return float(self.areas.sum())

    @property
    def volume(self) -> float:
        """Enclosed volume, nm³."""
        return float(self._six_volumes().sum() / 6)

    def moments(self) -> tuple[Array, Array]:
        """The centre (3,) in nm and the central second moments (3, 3) in nm² of the solid body (y, z, x).

        By the divergence theorem: every triangle and the origin form a tetrahedron with known moments.
        """
        origin = self.corners.reshape(-1, 3).mean(axis=0)
        corners = self.corners - origin
        six = self._six_volumes()
        whole = six.sum() / 6
        together = corners.sum(axis=1)
        middle = (six[:, None] * together).sum(axis=0) / 24 / whole
        second = np.einsum("f,fi,fj->ij", six, together, together) + np.einsum("f,fki,fkj->ij", six, corners, corners)
        return origin + middle, second / 120 / whole - np.outer(middle, middle)

    def unseen_share(self, tilts_deg: tuple[float, float]) -> float:
        """Share of the area whose normal is in the missing wedge of tilts from the lowest to the highest.

        A surface is visible at the tilt whose beam is parallel to it, which measures the direction of its normal (x, z).
        """
        normals = self.doubled
        angle = np.degrees(np.arctan2(-normals[:, 1], normals[:, 2]))
        angle = (angle + 90.0) % 180.0 - 90.0
        unseen = (angle < tilts_deg[0]) | (angle > tilts_deg[1])
        unseen &= np.hypot(normals[:, 1], normals[:, 2]) > 1e-9 * np.abs(normals[:, 0])  # along the tilt axis it is measured at every tilt
        return float(self.areas[unseen].sum() / max(self.area, 1e-30))

    def _six_volumes(self) -> Array:
        corners = self.corners - self.corners.reshape(-1, 3).mean(axis=0)
        return np.asarray(np.einsum("fi,fi->f", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])))


def surface_of(field: npt.NDArray[np.floating], voxel_nm: tuple[float, float, float], first: tuple[int, int, int] = (0, 0, 0)) -> Surface:
    """The zero level set of a field (Y, Z, X), above 0 inside and below 0 outside, with sub-voxel accuracy; closed at the field's borders.

    ``first`` is the voxel of the volume at which the field starts.

    References
    ----------
    Lewiner et al., J. Graphics Tools 8 (2003) 1–15: marching cubes without holes.
    """
    from skimage.measure import marching_cubes

    low = -max(float(np.abs(field).max()), 1e-30)
    vertices, faces, *_ = marching_cubes(np.pad(field, 1, constant_values=low), 0.0, spacing=voxel_nm, gradient_direction="descent")  # type: ignore[no-untyped-call]
    corners = vertices.astype(np.float64)[faces] + (np.asarray(first) - 1) * np.asarray(voxel_nm)
    surface = Surface(corners)
    return surface if surface.volume >= 0 else Surface(corners[:, ::-1])


def walls(
    surface: Surface, field: npt.NDArray[np.floating], voxel_nm: tuple[float, float, float], first: tuple[int, int, int]
) -> tuple[Array, Array]:
    """Lengths (F',) in nm of the chords from a surface's triangles inwards to the opposite surface, and the triangles' areas.

    Large surfaces are sampled. For a plate, a shell, a rod or a sphere the median is the thickness.
    """
    from scipy.ndimage import map_coordinates

    areas, doubled = surface.areas, surface.doubled
    whole = np.flatnonzero(areas > 0)
    chosen = whole[:: max(1, len(whole) // CHORDS)]
    inward = -doubled[chosen] / (2 * areas[chosen, None])
    start = surface.corners[chosen].mean(axis=1)
    step = STEP * min(voxel_nm)
    sides = np.array(field.shape) * voxel_nm
    padded = np.pad(field, 1, constant_values=-max(float(np.abs(field).max()), 1e-30))
    offset = np.asarray(first) - 1

    def look(places: Array) -> Array:
        voxels = (places / np.asarray(voxel_nm) - offset).T
        return np.asarray(map_coordinates(padded, voxels, order=1, mode="nearest"))

    length = np.full(len(chosen), np.nan)
    going = np.arange(len(chosen))
    travelled = START * min(voxel_nm)
    before = look(start + travelled * inward)
    inside = before > 0
    length[~inside] = travelled  # thinner than the first sample
    going, before = going[inside], before[inside]
    while len(going) and travelled < np.linalg.norm(sides):
        travelled += step
        now = look(start[going] + travelled * inward[going])
        out = now <= 0
        length[going[out]] = travelled - step * (now[out] / np.minimum(now[out] - before[out], -1e-30))
        going, before = going[~out], now[~out]
    kept = np.isfinite(length)
    return length[kept], areas[chosen][kept]


def footprint_along_z(field: npt.NDArray[np.floating], voxel_nm: tuple[float, float, float]) -> float:
    """Area in nm² of the projection along the beam of a field (Y, Z, X) above 0, with sub-voxel accuracy."""
    from scipy.ndimage import zoom

    outline = np.pad(field.max(axis=1), 1, constant_values=-max(float(np.abs(field).max()), 1e-30))
    finer = zoom(outline, FINER, order=1, grid_mode=True, mode="nearest")
    return float((finer > 0).sum() / FINER**2 * voxel_nm[0] * voxel_nm[2])


def weighted_median(values: Array, weights: Array) -> float:
    """The value with half of the weights on either side; NaN if there are none."""
    if not len(values):
        return float("nan")
    order = np.argsort(values)
    half = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(half, half[-1] / 2)])
