"""Training pairs for the atom network: patches of volumes reconstructed from simulated tilt series of particles."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from mwgan.acquisition import Acquisition, Sample
from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.operators.atoms import AtomProjector
from mwgan.recon.atom_volume import AtomSeries, ShowAtoms
from mwgan.recon.noise import white_noise
from mwgan.training.examples import WITHOUT_GENERATOR, Examples

CUT_OFF = 4  # slices dropped at either end of a slab, where sharpening lacks the neighbouring slices
FRAME_ANGSTROM = 2.0  # margin around a particle
MULTIPLE = 8  # sides of slabs are multiples of this many pixels
JITTER = 0.3  # largest offset of a patch's centre from an atom, as a share of its side


class Particle(Protocol):
    """Atoms around the centre of a volume: see :class:`mwgan.data.nanocrystals.Particle`."""

    @property
    def positions(self) -> npt.NDArray[np.float64]: ...

    def masses(self) -> npt.NDArray[np.float64]: ...


class PlacedParticle(Protocol):
    """A particle and the width of its atoms."""

    @property
    def particle(self) -> Particle: ...

    @property
    def sigma_angstrom(self) -> float: ...


class Particles(Protocol):
    """A source of particles, such as :class:`mwgan.data.Nanocrystals`."""

    def placed(self, index: int) -> PlacedParticle: ...


class Slab(NamedTuple):
    """The slices of a particle around one of its atoms, with their simulated tilt series."""

    series: AtomSeries
    places: npt.NDArray[np.float64]
    """(K, 3): x, y, z in voxels from the centre of the first voxel."""
    masses: npt.NDArray[np.float64]
    wedge_deg: float


class AtomPatches(Examples):
    """Patches around atoms, cut from slabs of particles whose acquisition and reconstruction are simulated on the fly.

    A slab has only as many slices as a patch needs: slices perpendicular to the tilt axis are projected and reconstructed one by
    one, so a large particle costs no more than a thin one.

    Parameters
    ----------
    particles, held_out
        Particle sources for training and validation; sample numbers index them.
    patch
        Side in voxels.
    patches
        Number per slab.
    voxel_angstrom
        Smallest and largest voxel size.
    shift_angstrom
        Largest standard deviation of the image shifts; half of the slabs have none.
    width_error
        Relative standard deviation of the error of the atom width given to the network.
    """

    def __init__(
        self,
        particles: Particles,
        held_out: Particles,
        patch: int = 32,
        patches: int = 8,
        voxel_angstrom: tuple[float, float] = (0.3, 0.4),
        shift_angstrom: float = 0.3,
        width_error: float = 0.05,
    ) -> None:
        if patch < MULTIPLE or patch % MULTIPLE or patches < 1:
            raise InputError(f"patch is a multiple of {MULTIPLE} and patches is 1 or more, not {patch} and {patches}")
        low, high = voxel_angstrom
        if not 0 < low <= high or min(shift_angstrom, width_error) < 0:
            raise InputError("voxel_angstrom is a smallest and a largest size above 0, shift_angstrom and width_error are 0 or more")
        self.task = ShowAtoms()  # replaced by the module's task
        self.particles, self.held_out, self.patch, self.patches = particles, held_out, patch, patches
        self.voxel_angstrom, self.shift_angstrom, self.width_error = (low, high), shift_angstrom, width_error

    def made_from(self) -> dict[str, Any]:
        return WITHOUT_GENERATOR

    def __call__(self, sample: Sample, acquisition: Acquisition, generator: nn.Module) -> tuple[Tensor, Tensor]:
        """The generator's input (B x patches, C, P, P, P) and target (B x patches, 1, P, P, P)."""
        seen, target, _ = self.cut(self.particles, sample, acquisition)
        return seen, target

    def cut(self, source: Particles, sample: Sample, acquisition: Acquisition) -> tuple[Tensor, Tensor, Tensor]:
        """Input and target patches of the particles of a batch, and the missing wedge (B x patches,) of each in degrees."""
        numbers, seeds = torch.as_tensor(sample.image_index).flatten().tolist(), torch.as_tensor(sample.seed).flatten().tolist()
        parts: list[tuple[Tensor, Tensor]] = []
        wedges = []
        for number, seed in zip(numbers, seeds, strict=True):
            rng = np.random.default_rng(int(seed))
            slab = self.slab(source.placed(max(int(number), 0)), acquisition, rng)
            slices, size = slab.series.images.shape[1:]
            seen, target = self.task.see(slab.series), self.task.target(slab.places, slab.masses, (slices, size, size))
            inside = np.flatnonzero((slab.places[:, 1] >= 0) & (slab.places[:, 1] <= slices - 1))
            for atom in rng.choice(inside, self.patches):
                corner = slab.places[atom] - self.patch / 2 + rng.uniform(-JITTER, JITTER, 3) * self.patch
                x, z = (int(np.clip(round(corner[axis]), 0, size - self.patch)) for axis in (0, 2))
                here = (..., slice(CUT_OFF, CUT_OFF + self.patch), slice(z, z + self.patch), slice(x, x + self.patch))
                parts.append((seen[0][here], target[None][here]))
                wedges.append(slab.wedge_deg)
        seen, target = (torch.stack(one).to(sample.image.device) for one in zip(*parts, strict=True))
        return seen, target, torch.tensor(wedges, dtype=torch.float64)

    def slab(self, placed: PlacedParticle, acquisition: Acquisition, rng: np.random.Generator) -> Slab:
        """Slices of a particle around one of its atoms, acquired with the acquisition's wedge, tilt step and noise."""
        voxel = rng.uniform(*self.voxel_angstrom)
        places, masses = placed.particle.positions / voxel, placed.particle.masses()
        across = 2 * float(np.hypot(places[:, 0], places[:, 2]).max()) + 2 * FRAME_ANGSTROM / voxel
        size = max(self.patch, int(np.ceil(across / MULTIPLE)) * MULTIPLE)
        slices = self.patch + 2 * CUT_OFF
        places = places - [0, places[rng.integers(len(places)), 1], 0]
        geometry, wedge = self._tilts(acquisition, size, rng)
        scatter = rng.choice([0.0, 1.0]) * rng.uniform(0, self.shift_angstrom) / voxel
        shifts = torch.from_numpy(rng.normal(0, 1, (geometry.tilts, 2)) * scatter)
        width = placed.sigma_angstrom / voxel
        atoms = torch.from_numpy(places), torch.from_numpy(masses), torch.full((len(masses),), width, dtype=torch.float64)
        images = AtomProjector(geometry, slices)(*atoms, shifts).float()
        images = acquisition.noise(images, torch.Generator().manual_seed(int(rng.integers(2**62))))
        rows = images.permute(1, 0, 2).unsqueeze(1)
        noise = float(white_noise(Measurement(rows, torch.ones(geometry.tilts, dtype=torch.bool), geometry)).nanmedian())
        assumed_width = width * float(np.exp(self.width_error * rng.normal()))
        middle = (np.array([size, slices, size]) - 1) / 2
        return Slab(AtomSeries(images, geometry, assumed_width, noise), places + middle, masses, wedge)

    def _tilts(self, acquisition: Acquisition, size: int, rng: np.random.Generator) -> tuple[TiltGeometry, float]:
        """The geometry with the measured tilts only, and the missing wedge in degrees."""
        grid, wedge = acquisition.geometries[rng.integers(len(acquisition.geometries))], rng.uniform(*acquisition.wedge_deg)
        measured = grid.measured(wedge).tolist()
        tilts = tuple(tilt for tilt, there in zip(grid.tilt_deg, measured, strict=True) if there)
        return replace(grid, tilt_deg=tilts, detector_size=size), wedge
