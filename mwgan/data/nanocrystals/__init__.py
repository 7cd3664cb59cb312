"""Atomic particles, crystalline and amorphous: voxels, exact projections, and slices as an image source."""

from mwgan.data.nanocrystals.particle import Particle
from mwgan.data.nanocrystals.source import Nanocrystals

__all__ = ["Nanocrystals", "Particle"]
