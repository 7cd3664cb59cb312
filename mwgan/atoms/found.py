"""Atoms that were found, in ångström, and their uncertainties."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mwgan.atoms.floor import Floor
from mwgan.atoms.model import AtomModel
from mwgan.atoms.noise import PixelNoise
from mwgan.atoms.species import Mixture
from mwgan.data.nanocrystals.particle import voxels_of


@dataclass(frozen=True)
class FoundAtoms:
    """Atoms found in a series.

    ``model`` is in pixels of ``pixel_angstrom``; ``volume`` (Y, Z, X) was traced; ``misfit`` is the mean squared
    residual of a pixel over its variance, NaN if nothing was refined; ``by_tilt`` that of each image.
    """

    model: AtomModel
    species: Mixture
    floor: Floor | None
    noise: PixelNoise
    misfit: float
    by_tilt: npt.NDArray[np.float64]
    pixel_angstrom: float
    volume: npt.NDArray[np.float32]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(Y, Z, X) of the volume."""
        y, z, x = self.volume.shape
        return y, z, x

    def rendered(self) -> npt.NDArray[np.float32]:
        """A volume (Y, Z, X) of the atoms alone, on the grid of ``volume``."""
        y, _, x = self.shape
        return voxels_of(self.model.places.numpy(), self.masses, float(self.model.widths.mean()), x, y, 0, y)

    @property
    def groups(self) -> npt.NDArray[np.int64]:
        """(K,): the species of each atom, as an index into the mixture."""
        return self.species.of(self.masses)

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """(K,) atomic numbers; 0 if no species were given."""
        return np.array(self.species.numbers, np.int64)[self.groups]

    @property
    def masses(self) -> npt.NDArray[np.float64]:
        """(K,) in the images' units."""
        return np.asarray(self.model.masses.numpy(), np.float64)

    @property
    def positions(self) -> npt.NDArray[np.float64]:
        """(K, 3) ångström: x, y, z from the middle of the volume."""
        return self.model.places.numpy() * self.pixel_angstrom

    @property
    def positions_in_volume(self) -> npt.NDArray[np.float64]:
        """(K, 3) ångström: x, y, z from the middle of the volume's first voxel."""
        y, z, x = self.shape
        return self.positions + self.pixel_angstrom * (np.array([x, y, z]) - 1) / 2

    @property
    def width_angstrom(self) -> float:
        """Standard deviation of an atom."""
        return float(self.model.widths.mean()) * self.pixel_angstrom

    @property
    def uncertainties(self) -> npt.NDArray[np.float64]:
        """(K, 3) ångström: the floor for noise as strong as the residual; NaN if nothing was refined."""
        if self.floor is None:
            return np.full((len(self.model), 3), np.nan)
        return self.floor.places * self.pixel_angstrom * math.sqrt(self.misfit)
