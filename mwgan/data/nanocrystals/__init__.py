"""Particles made of atoms, crystalline and amorphous: their voxels, their exact projections, and their slices as a source of images."""

from mwgan.data.nanocrystals.particle import Particle
from mwgan.data.nanocrystals.source import Nanocrystals

__all__ = ["Nanocrystals", "Particle"]
