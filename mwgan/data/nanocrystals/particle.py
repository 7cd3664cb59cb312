"""An atomic particle, its voxels and its exact projections."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import torch
from scipy.spatial import cKDTree
from scipy.special import ndtr

from mwgan.data.canvas import Array
from mwgan.geometry import TiltGeometry
from mwgan.operators.atoms import REACH, AtomProjector

Points = npt.NDArray[np.float64]
GOLD, CONTRAST_POWER = 79, 1.7  # an atom's HAADF signal scales approximately with this power of its atomic number


@dataclass(frozen=True)
class Particle:
    """Atoms around the centre of a volume.

    Parameters
    ----------
    positions
        (K, 3) ångström: x along the detector, y along the tilt axis, z along the beam.
    numbers
        (K,) atomic numbers.
    vacancies
        (V, 3) ångström: positions of missing atoms.
    cell
        (3, 3) edges of the crystal's cubic cell, one per row; None if there is none, or several.
    kind
        Description, for tables.
    """

    positions: Points
    numbers: npt.NDArray[np.int64]
    vacancies: Points = field(default_factory=lambda: np.empty((0, 3)))
    cell: Points | None = None
    kind: str = ""

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def diameter_angstrom(self) -> float:
        """Diameter of the central sphere that contains all atom centres."""
        return 2 * float(np.linalg.norm(self.positions, axis=1).max(initial=0.0))

    def moved(self, matrix: Points) -> Particle:
        """The particle transformed by a matrix (3, 3): rotated, stretched."""
        cell = None if self.cell is None else self.cell @ matrix.T
        return replace(self, positions=self.positions @ matrix.T, vacancies=self.vacancies @ matrix.T, cell=cell)

    def within(self, diameter_angstrom: float) -> Particle:
        """The part of it inside a ball about the middle."""
        near, gone = (np.linalg.norm(points, axis=1) <= diameter_angstrom / 2 for points in (self.positions, self.vacancies))
        return replace(self, positions=self.positions[near], numbers=self.numbers[near], vacancies=self.vacancies[gone])

    def masses(self) -> Points:
        """(K,): integrated intensity of each atom, in units of gold's."""
        return masses_of(self.numbers)

    def brightest(self, sigma_px: float, voxel_angstrom: float) -> float:
        """Approximate maximum of the voxels: the density at an atom's centre, including the tails of its neighbours."""
        if not len(self):
            return 0.0
        places, masses = self.positions / voxel_angstrom, self.masses()
        tree = cKDTree(places)
        near = tree.sparse_distance_matrix(tree, REACH * sigma_px, output_type="coo_matrix")
        tails = np.exp(-0.5 * (near.data / sigma_px) ** 2) * (near.row != near.col) * masses[near.col]
        heights = masses + np.bincount(near.row, tails, len(self))
        return float(heights.max() / (np.sqrt(2 * np.pi) * sigma_px) ** 3)

    def volume(
        self, size: int, slices: int, voxel_angstrom: float, sigma_angstrom: float, first: int = 0, count: int | None = None
    ) -> Array:
        """Voxels (count, Z, X) float32 from slice ``first`` of ``slices`` on: every Gaussian integrated over each voxel exactly."""
        places, sigma = self.positions / voxel_angstrom, sigma_angstrom / voxel_angstrom
        return voxels_of(places, self.masses(), sigma, size, slices, first, slices - first if count is None else count)

    def projections(
        self,
        geometry: TiltGeometry,
        slices: int,
        voxel_angstrom: float,
        sigma_angstrom: float,
        shifts_angstrom: Points | None = None,
        turns_deg: Points | None = None,
    ) -> Array:
        """Images (A, Y, N) float32: exact line integrals in pixel units; shifts (A, 2) and turns (A,) as of an :class:`AtomProjector`."""
        places, masses = torch.from_numpy(self.positions / voxel_angstrom), torch.from_numpy(self.masses())
        widths = torch.full_like(masses, sigma_angstrom / voxel_angstrom)
        shifts = None if shifts_angstrom is None else torch.from_numpy(shifts_angstrom / voxel_angstrom)
        turns = None if turns_deg is None else torch.from_numpy(turns_deg)
        found: Array = AtomProjector(geometry, slices)(places, masses, widths, shifts, turns).float().numpy()
        return found


def voxels_of(places: Points, masses: Points, sigma: float, size: int, slices: int, first: int, count: int) -> Array:
    """Voxels (count, Z, X) float32 from slice ``first`` of ``slices`` on, of atoms at ``places`` (K, 3) voxels from the centre."""
    x, y, z = places.T
    across, down = _shares(x, size, sigma), _shares(z, size, sigma)
    along = _shares(y, slices, sigma) * masses[:, None]
    found = np.zeros((count, size, size), np.float32)
    for number in range(count):
        there = np.flatnonzero(along[:, first + number])
        found[number] = (down[there] * along[there, first + number, None]).T @ across[there]
    return found


def masses_of(numbers: npt.NDArray[np.int64]) -> Points:
    """Integrated intensity of an atom of each atomic number, in units of gold's."""
    return np.asarray((numbers / GOLD) ** CONTRAST_POWER, np.float64)


def _shares(places: Points, size: int, sigma: float) -> Points:
    """(K, size): share of a Gaussian around each position, in pixels from the centre, in each pixel."""
    edges = np.arange(size + 1) - size / 2
    steps = (edges[None] - places[:, None]) / sigma
    shares = np.diff(ndtr(steps), axis=1)
    return np.where((np.minimum(np.abs(steps[:, 1:]), np.abs(steps[:, :-1])) <= REACH), shares, 0.0)
