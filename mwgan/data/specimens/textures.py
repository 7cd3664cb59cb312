"""Textures of shapes: random waves, layers, rows of atoms, gradients; and shapes bounded by such waves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mwgan.data.canvas import Array, Points
from mwgan.data.specimens.block import Texture, Window
from mwgan.data.specimens.placing import directions
from mwgan.data.specimens.solids import WithinSolid, covered


def random_waves(rng: np.random.Generator, low: float, high: float, count: int = 16, slope: float = 1.0) -> Texture:
    """A random texture of about unit deviation: plane waves with ``low`` to ``high`` periods in half a frame.

    Amplitudes fall with the ``slope``-th power of the frequency.
    """
    frequency = np.exp(rng.uniform(np.log(low), np.log(high), size=count))
    amplitude = frequency**-slope
    amplitude /= np.sqrt((amplitude**2).sum() / 2)
    vectors = 2 * np.pi * frequency[:, None] * directions(rng, count)
    phased = amplitude * np.exp(1j * rng.uniform(0, 2 * np.pi, size=count))

    def texture(window: Window) -> Array:
        found: Array = window.waves(vectors, phased).real
        return found

    return texture


def textured(value: float, texture: Texture, strength: float) -> Texture:
    """``value`` times 1 + ``strength`` times a texture, never below 0."""

    def filling(window: Window) -> Array:
        found: Array = np.maximum(np.float32(value) * (1 + np.float32(strength) * texture(window)), 0)
        return found

    return filling


def layers(value: float, depth: float, period: float, normal: Points, phase: float, sharpness: float) -> Texture:
    """Planes ``period`` apart: ``value`` on them, ``depth`` of it missing between; sharper with ``sharpness``, above 0."""

    def texture(window: Window) -> Array:
        wave = np.cos(window.along(normal * (2 * np.pi / period), -phase * period / (2 * np.pi) * normal))
        return np.asarray(value * (1 - depth / (1 + np.exp(np.float32(sharpness) * wave))), dtype=np.float32)

    return texture


def gaussians(places: Points, sigma: float, heights: Points) -> Texture:
    """Blobs of deviation ``sigma`` and ``heights`` (K,) about ``places`` (K, 3)."""
    return lambda window: window.blobs(places, sigma, heights)


@dataclass(frozen=True)
class Crystal:
    """Atoms on a lattice: blobs of deviation about ``sigma`` at the places where every one of the reciprocal vectors is whole.

    ``reciprocal`` (J, 3) are those nearest the origin, in periods a half frame; ``other`` is the brightness of a second kind of
    atom, half a period from the first along each of them, where there are such places: in cubic and face-centred crystals.
    """

    value: float
    ground: float
    origin: Points
    reciprocal: Points
    sigma: float
    other: float = 0.0

    def __call__(self, window: Window) -> Array:
        vectors = 2 * np.pi * self.reciprocal
        waves = window.waves(vectors, np.exp(-1j * (vectors @ self.origin))).real
        # Near an atom the sum of cosines falls as J - r² Σ|k|² / 6, as its exponential should do like a Gaussian.
        steep, most = np.float32(3 / (self.sigma**2 * (vectors**2).sum())), np.float32(len(vectors))
        atoms = np.exp(steep * (waves - most))
        if self.other:
            atoms = atoms + np.float32(self.other) * np.exp(steep * (-waves - most))
        return np.asarray(self.ground + (self.value - self.ground) * atoms, dtype=np.float32)


LATTICES = ("cubic", "body_centred", "face_centred", "hexagonal")


def reciprocal_of(lattice: str, spacing: float, axes: Points) -> Points:
    """Shortest reciprocal vectors (J, 3) of a lattice whose nearest atoms are ``spacing`` apart; ``axes`` (3, 3) turn it."""
    vectors = np.array(_RECIPROCAL[lattice], dtype=float)
    found: Points = vectors / spacing @ axes
    return found


_ROOT2, _ROOT3 = np.sqrt(2), np.sqrt(3)
_RECIPROCAL = {
    "cubic": [(1, 0, 0), (0, 1, 0), (0, 0, 1)],
    # Nearest atoms of a cell of edge a are a √3 / 2 and a / √2 apart.
    "body_centred": np.array([(1, 1, 0), (1, -1, 0), (1, 0, 1), (1, 0, -1), (0, 1, 1), (0, 1, -1)]) * _ROOT3 / 2,
    "face_centred": np.array([(1, 1, 1), (1, 1, -1), (1, -1, 1), (1, -1, -1)]) / _ROOT2,
    "hexagonal": [(2 / _ROOT3, 0, 0), (-1 / _ROOT3, 1, 0), (-1 / _ROOT3, -1, 0), (0, 0, 1)],
}


@dataclass(frozen=True)
class LevelSet(WithinSolid):
    """The part of a solid where a sum of waves lies above ``level``: sponges, and channels in rows.

    ``vectors`` (K, 3) are wave vectors, ``amplitudes`` (K,) complex, of unit deviation together.
    """

    vectors: Points
    amplitudes: np.ndarray
    level: float

    def share(self, window: Window, width: float) -> Array:
        waves = window.waves(self.vectors, self.amplitudes).real
        weight = np.abs(self.amplitudes) ** 2
        steepness = np.sqrt(((self.vectors**2).sum(axis=1) * weight).sum() / weight.sum())  # the gradient's usual length
        inside = covered((waves - np.float32(self.level)) / np.float32(steepness), width)
        found: Array = inside * self.solid.share(window, width)
        return found
