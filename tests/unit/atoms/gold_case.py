"""A small particle of gold with three vacancies, and its noisy images from a third of the half circle less."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mwgan.data.nanocrystals import Particle
from mwgan.geometry import TiltGeometry

GOLD, VOXEL, SIZE, SIGMA = 4.078, 0.35, 52, 0.6


@dataclass(frozen=True)
class Case:
    """A series as find_atoms takes it, and its truth."""

    particle: Particle
    geometry: TiltGeometry
    images: Tensor
    noise: float
    path: Path = Path("case.mrc")
    voxel_sizes_angstrom: tuple[float, float, float] | None = (VOXEL, VOXEL, VOXEL)

    @property
    def slices(self) -> int:
        return int(self.images.shape[1])

    def sinograms(self, start: int, stop: int) -> Tensor:
        return self.images[:, start:stop].permute(1, 0, 2).unsqueeze(1).float().contiguous()


def fcc(radius: float) -> np.ndarray:
    steps = np.arange(-6, 7)
    cells = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    places = GOLD / 2 * cells[cells.sum(axis=1) % 2 == 0]
    return places[np.linalg.norm(places, axis=1) < radius]


def turned() -> np.ndarray:
    """An orientation that looks along no axis of the crystal."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_euler("xyz", (17, 38, 71), degrees=True).as_matrix()


def made(wedge_deg: float, percent: float, numbers: np.ndarray | None = None, shifts: np.ndarray | None = None, step: float = 4.0) -> Case:
    sites = fcc(7.8)
    inside = np.flatnonzero(np.linalg.norm(sites, axis=1) < 5)
    gone = inside[[2, 9, 15]]
    kept = np.setdiff1d(np.arange(len(sites)), gone)
    species = np.full(len(kept), 79) if numbers is None else numbers[: len(kept)]
    particle = Particle(sites[kept], species, sites[gone], GOLD * np.eye(3), "gold").moved(turned())
    reach = int((90 - wedge_deg / 2) / step)
    geometry = TiltGeometry(tuple(step * np.arange(-reach, reach + 1)), SIZE)
    images = particle.projections(geometry, SIZE, VOXEL, SIGMA, shifts)
    noise = percent / 100 * float(images.max())
    noisy = images + np.random.default_rng(0).normal(0, 1, images.shape) * noise
    return Case(particle, geometry, torch.from_numpy(noisy).double(), noise)
