"""An atomic particle for ``mwgan simulate``: exact projections, its voxels, and the positions of its atoms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mwgan.acquisition import Noise
from mwgan.data import Nanocrystals
from mwgan.data.nanocrystals import Particle
from mwgan.data.source import draw_seed
from mwgan.geometry import TiltGeometry
from mwgan.recon.settings import check_values, parameters_of

SPECIMEN = "nanocrystal"
VOXEL_ANGSTROM = 0.35
PLAIN: dict[str, Any] = {"amorphous_share": 0.0, "faults": ("none",), "vacancies": 0.01, "disorder_angstrom": 0.0, "sigma_angstrom": 0.55}
"""Default settings of a particle: a crystal with vacancies."""
OWN = ("size", "count", "seed", "offset", "augment", "smallest", "name", "noise_percent", "licence", "exact", "voxel_angstrom")
"""Arguments of :class:`Nanocrystals` that aren't settings of the particle."""


class MeasuredAtoms(NamedTuple):
    """The results of a simulated particle."""

    truth: Tensor
    """(Y, N, N) voxels."""
    images: Tensor
    """(A, Y, N), noisy."""
    particle: Particle
    sigma_angstrom: float


def measured_atoms(
    geometry: TiltGeometry, slices: int, voxel_angstrom: float, seed: int, offset: int, noise: Noise, settings: Mapping[str, Any]
) -> MeasuredAtoms:
    """A particle as large as fits in the frame, or as given by ``settings``, around the centre of ``slices``.

    Raises
    ------
    InputError
        If a :class:`Nanocrystals` has no such setting, or can't take its value.
    """
    known = {name: one for name, one in parameters_of(Nanocrystals, PLAIN).items() if name not in OWN}
    check_values(SPECIMEN, known, settings)
    room = Nanocrystals(geometry.detector_size, voxel_angstrom=voxel_angstrom, diameter_nm=1e-3).room_angstrom
    size = {"diameter_nm": min(room, 0.92 * slices * voxel_angstrom) / 10, **PLAIN, **settings}
    source = Nanocrystals(geometry.detector_size, 1, seed, offset, voxel_angstrom=voxel_angstrom, **size)
    particle, sigma, _ = source.placed(0)
    shifts, turns = source.misaligned(0, geometry.tilts)
    truth = particle.volume(geometry.detector_size, slices, voxel_angstrom, sigma)
    images = torch.from_numpy(particle.projections(geometry, slices, voxel_angstrom, sigma, shifts, turns))
    return MeasuredAtoms(torch.from_numpy(truth), noise(images, torch.Generator().manual_seed(draw_seed(seed, 0, 0))), particle, sigma)


def places_in_volume(particle: Particle, size: int, slices: int, voxel_angstrom: float) -> np.ndarray:
    """Atom positions (K, 3) in ångström, x, y, z from the centre of a volume's first voxel."""
    return particle.positions + voxel_angstrom * (np.array([size, slices, size]) - 1) / 2
