"""Random atomic particles by number, and slices of them as images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar, NamedTuple

import numpy as np

from mwgan.data.canvas import Array
from mwgan.data.nanocrystals.amorphous import add_amorphous_shell, amorphous
from mwgan.data.nanocrystals.crystals import FORMS, LATTICES, crystal
from mwgan.data.nanocrystals.defects import FAULTS, add_disorder, add_fault, add_vacancies, substitute_atoms
from mwgan.data.nanocrystals.particle import Particle, Points
from mwgan.data.synthetic_images import PosedSyntheticImages
from mwgan.errors import InputError
from mwgan.geometry import TiltGeometry
from mwgan.io.xyz import read_xyz

AMORPHOUS = "amorphous"
Range = float | Sequence[float]
FRAME = 0.92  # of the frame's width: largest extent of a particle and half an atom
KEPT = 32  # particles in the cache
INNER = 0.7  # of a particle's extent along the tilt axis: range of its slice


class PlacedParticle(NamedTuple):
    """A particle placed in the frame."""

    particle: Particle
    sigma_angstrom: float
    height_angstrom: float
    """Position of its image along the tilt axis."""


@dataclass(frozen=True)
class Nanocrystals(PosedSyntheticImages):
    """Each image is a slice, perpendicular to the tilt axis, of another particle; ``augment`` rotates it without changing its size.

    Parameters are those of :class:`mwgan.data.synthetic_images.PosedSyntheticImages`, and these. If two numbers are given, one is sampled
    between them for each particle.

    Parameters
    ----------
    voxel_angstrom
        Pixel size.
    sigma_angstrom
        Standard deviation of an atom in the volume, including probe and thermal motion.
    diameter_nm
        Diameter of the sphere that a particle fits into.
    forms
        Some of :data:`mwgan.data.nanocrystals.crystals.FORMS`.
    materials
        Some of :data:`mwgan.data.nanocrystals.crystals.LATTICES`.
    amorphous_share
        Share of the particles that are amorphous.
    lattice_angstrom
        Lattice constant instead of the material's own.
    turned
        Random orientation; otherwise along the axes of the cell.
    vacancies
        Atoms missing inside crystals, as a share of all atoms; from 1 on their number.
    substitutes, substituted_share
        Another element, and its share of the atoms.
    faults
        Some of ``none``, ``stacking`` and ``twin``, sampled for each crystal with a cubic cell.
    disorder_angstrom
        Standard deviation of the displacement of each atom along each axis.
    shell_angstrom
        Thickness of an amorphous shell on crystals.
    xyz
        A file of atoms: every particle is that one, in another orientation, with the requested defects.
    exact
        The source has exact rows, projected from the atoms and not from voxels; ``augment`` and ``noise_percent`` must be off.
    tilt_error_deg, shift_angstrom
        For such rows, standard deviations of the tilt errors and of the image shifts.
    """

    count: int = 100_000
    name: str = "nanocrystals"
    voxel_angstrom: float = 0.35
    sigma_angstrom: Range = (0.4, 0.8)
    diameter_nm: Range = (2.0, 5.0)
    forms: Sequence[str] = tuple(FORMS)
    materials: Sequence[str] = ("Au", "Pt", "FePt", "FePt_random")
    amorphous_share: float = 0.5
    lattice_angstrom: float | None = None
    turned: bool = True
    vacancies: Range = (0.0, 0.02)
    substitutes: str = "Ag"
    substituted_share: Range = 0.0
    faults: Sequence[str] = FAULTS
    disorder_angstrom: Range = (0.0, 0.1)
    shell_angstrom: Range = 0.0
    xyz: str | None = None
    exact: bool = False
    tilt_error_deg: float = 0.0
    shift_angstrom: float = 0.0
    stream: ClassVar[tuple[int, ...]] = (7,)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, given in vars(self).items():
            if isinstance(given, list):  # from a configuration; the cache of particles needs hashable settings
                object.__setattr__(self, name, tuple(given))
        for what, chosen, known in (("forms", self.forms, FORMS), ("materials", self.materials, LATTICES), ("faults", self.faults, FAULTS)):
            if not chosen or (unknown := [one for one in chosen if one not in known]):
                wrong = ", ".join(map(repr, unknown)) if chosen else "none"
                raise InputError(f"{what} must be some of {', '.join(known)}, not {wrong}")
        ranges = ("sigma_angstrom", "diameter_nm", "vacancies", "substituted_share", "disorder_angstrom", "shell_angstrom")
        for name in ranges:
            low, high = _both(getattr(self, name))
            if not 0 <= low <= high < np.inf or (name in ranges[:2] and low == 0):
                raise InputError(f"{name} must be a number or a lowest and a highest one, 0 or more, not {getattr(self, name)}")
        if _both(self.substituted_share)[1] > 1 or not 0 <= self.amorphous_share <= 1:
            raise InputError("substituted_share and amorphous_share must be in [0, 1]")
        if not self.voxel_angstrom > 0 or min(self.tilt_error_deg, self.shift_angstrom) < 0:
            raise InputError("voxel_angstrom must be above 0, tilt_error_deg and shift_angstrom 0 or more")
        if self.xyz is None and _both(self.diameter_nm)[0] * 10 > self.room_angstrom:
            raise InputError(
                f"{self.size} pixels of {self.voxel_angstrom:g} Å fit particles of up to {self.room_angstrom / 10:.3g} nm, but "
                f"diameter_nm starts at {_both(self.diameter_nm)[0]:g}: take more or larger pixels, or smaller particles"
            )
        if self.exact and (self.augment or self.noise_percent):
            raise InputError("exact rows have one pose: give augment=false and noise_percent=0 with exact=true")

    @property
    def room_angstrom(self) -> float:
        """The largest particle that fits in the frame at all tilts."""
        return FRAME * self.size * self.voxel_angstrom

    def placed(self, index: int) -> PlacedParticle:
        """Particle ``index`` placed in the frame, before ``augment``.

        Raises
        ------
        InputError
            If a file of atoms can't be read, or doesn't fit into the frame.
        """
        return _place(replace(self, augment=False, name=""), index)

    def image(self, index: int, rng: np.random.Generator) -> Array:
        """A slice (size, size) of particle ``index`` in [0, 1]; ``rng`` samples its pose if ``augment`` is on."""
        placed, (angle, scale) = self.placed(index), self.pose(rng)
        turn = scale * np.array([[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]])
        particle, sigma = placed.particle.moved(turn), placed.sigma_angstrom * scale
        slices, first = self._slice(placed.height_angstrom * scale)
        voxels = particle.volume(self.size, slices, self.voxel_angstrom, sigma, first, 1)[0]
        found: Array = np.clip(voxels / np.float32(self._brightest(particle, sigma)), 0, 1)
        return found

    def sinogram(self, index: int, geometry: TiltGeometry) -> Array | None:
        """Rows (A, N) of image ``index``, exact line integrals of its atoms; None if ``exact`` is off."""
        if not self.exact:
            return None
        placed = self.placed(index)
        slices, row = self._slice(placed.height_angstrom)
        shifts, turns = self.misaligned(index, geometry.tilts)
        images = placed.particle.projections(geometry, slices, self.voxel_angstrom, placed.sigma_angstrom, shifts, turns)
        found: Array = images[:, row] / np.float32(self._brightest(placed.particle, placed.sigma_angstrom))
        return found

    def misaligned(self, index: int, tilts: int) -> tuple[Points, Points]:
        """Image shifts (A, 2) in ångström, and tilt errors (A,) in degrees."""
        rng = np.random.default_rng([self.seed, self.offset + index, *self.stream, 1])
        return rng.normal(0, 1, (tilts, 2)) * self.shift_angstrom, rng.normal(0, 1, tilts) * self.tilt_error_deg

    def _slice(self, height_angstrom: float) -> tuple[int, int]:
        """Number of slices of the frame, and that of the slice at a height."""
        return self.size, int(np.clip(round(height_angstrom / self.voxel_angstrom + (self.size - 1) / 2), 0, self.size - 1))

    def _brightest(self, particle: Particle, sigma_angstrom: float) -> float:
        return max(particle.brightest(sigma_angstrom / self.voxel_angstrom, self.voxel_angstrom), 1e-12)


@lru_cache(maxsize=KEPT)
def _place(source: Nanocrystals, index: int) -> PlacedParticle:
    rng = source.content(index)
    sigma = _between(source.sigma_angstrom, rng)
    particle = _defective(source, _perfect(source, rng), rng)
    if source.turned:
        from scipy.spatial.transform import Rotation

        particle = particle.moved(Rotation.random(random_state=np.random.RandomState(rng.integers(2**31))).as_matrix())
    if source.xyz is None and particle.diameter_angstrom > source.size * source.voxel_angstrom:
        particle = particle.within(source.room_angstrom)  # a twin can be longer than the crystal that it is made from
    if particle.diameter_angstrom > source.size * source.voxel_angstrom:
        raise InputError(
            f"a particle of {particle.diameter_angstrom / 10:.3g} nm doesn't fit into {source.size} pixels of "
            f"{source.voxel_angstrom:g} Å: take more or larger pixels"
        )
    heights = particle.positions[:, 1]
    return PlacedParticle(particle, sigma, float(INNER * rng.uniform(heights.min(), heights.max())))


def _perfect(source: Nanocrystals, rng: np.random.Generator) -> Particle:
    if source.xyz is not None:
        found = read_xyz(source.xyz)
        middle = (found.positions.max(axis=0) + found.positions.min(axis=0)) / 2
        return Particle(found.positions - middle, found.numbers, kind="file")
    low, high = _both(source.diameter_nm)
    diameter = 10 * rng.uniform(low, min(high, source.room_angstrom / 10))
    material = str(rng.choice(list(source.materials)))
    if rng.random() < source.amorphous_share:
        return amorphous(material, diameter, rng, source.lattice_angstrom)
    return crystal(str(rng.choice(list(source.forms))), material, diameter, rng, source.lattice_angstrom)


def _defective(source: Nanocrystals, particle: Particle, rng: np.random.Generator) -> Particle:
    if particle.cell is not None:
        particle = add_fault(particle, str(rng.choice(list(source.faults))), rng)
    shell, vacancies = _between(source.shell_angstrom, rng), _between(source.vacancies, rng)
    if not particle.kind.startswith(AMORPHOUS):
        particle = add_vacancies(particle, vacancies, rng)
        particle = add_amorphous_shell(particle, shell, rng) if shell else particle
    if share := _between(source.substituted_share, rng):
        particle = substitute_atoms(particle, share, source.substitutes, rng)
    return add_disorder(particle, _between(source.disorder_angstrom, rng), rng)


def _both(given: Range) -> tuple[float, float]:
    low, high = (given[0], given[-1]) if isinstance(given, Sequence) else (given, given)
    return float(low), float(high)


def _between(given: Range, rng: np.random.Generator) -> float:
    low, high = _both(given)
    return float(rng.uniform(low, high))
