"""Dead leaves: a specimen covered by opaque shapes of every size, shaded and textured, like natural images and tissue.

The statistics of such images (edges of all scales, occlusion, power spectra falling with the square of the frequency) are
those of real images, so that a network trained on them generalises better to brains, CT and photographs than one
trained on flat phantoms: Lee, Mumford and Huang, Int. J. Comput. Vis. 41 (2001) for the model; Achddou, Gousseau and
Ladjal, SSVM 2021, for training restoration networks on it. The numbers below are our choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.ndimage import gaussian_filter

from mwgan.data.canvas import Array, Canvas, Points, turned
from mwgan.data.synthetic_images import SyntheticImages

REACH = 0.92  # the specimen stays within this share of the inscribed circle: every projection covers all of it
SMALLEST, LARGEST = 0.04, 0.6  # radii of leaves, in units of half the image


@dataclass(frozen=True)
class DeadLeaves(SyntheticImages):
    """Each image is one specimen, or up to three, covered with 30 to 120 leaves of power-law sizes.

    Six in ten have a texture of random waves, longer ones being stronger; half are softened, as by a detector or a thick
    section. Parameters are those of :class:`mwgan.data.synthetic_images.SyntheticImages`.
    """

    count: int = 250_000
    name: str = "dead_leaves"
    stream: ClassVar[tuple[int, ...]] = (2,)

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> None:
        outline = _outline(canvas, rng)
        ground = rng.uniform(0.1, 0.9)
        contrast = rng.uniform(0.1, 0.9)
        canvas.oval(np.zeros(2), (1.0, 1.0), 0.0, ground)
        for _ in range(rng.integers(30, 121)):
            value = float(np.clip(ground + contrast * rng.uniform(-1, 1), 0, 1))
            _draw_leaf(canvas, rng, value)
        pixels = canvas.pixels
        if rng.random() < 0.6:
            pixels = pixels * (1 + rng.uniform(0.05, 0.5) * _waves(canvas, rng))
        if rng.random() < 0.5:
            pixels = gaussian_filter(pixels, rng.uniform(0.003, 0.02) * canvas.scale * canvas.size / 2)
            outline = gaussian_filter(outline, rng.uniform(0.0, 0.01) * canvas.size / 2) if rng.random() < 0.5 else outline
        pixels = np.maximum(pixels, 0) * outline
        canvas.pixels = (pixels * (rng.uniform(0.4, 1.0) / max(float(pixels.max()), 1e-3))).astype(np.float32)


def _outline(canvas: Canvas, rng: np.random.Generator) -> Array:
    """The specimen's outline, (size, size) from 0 to 1: one large body, or a few separate ones."""
    mask = Canvas(canvas.size, canvas.angle, canvas.scale)
    bodies = 1 if rng.random() < 0.7 else int(rng.integers(2, 4))
    for _ in range(bodies):
        extent = rng.uniform(0.6, REACH) if bodies == 1 else rng.uniform(0.25, 0.5)
        away = (REACH - extent) * np.sqrt(rng.random())
        direction = rng.uniform(0, 2 * np.pi)
        middle = np.array([np.cos(direction), np.sin(direction)]) * away
        if rng.random() < 0.6:
            mask.oval(middle, (extent, extent * rng.uniform(0.55, 1.0)), rng.uniform(0, np.pi), 1.0)
        else:
            mask.polygon(middle + _corners(extent, rng, slimmest=0.6), 1.0, rounding=rng.uniform(0.0, 0.15) * extent)
    return mask.pixels


def _draw_leaf(canvas: Canvas, rng: np.random.Generator, value: float) -> None:
    # Numbers fall with the square of the radius: a power law, as in nature, with which so few leaves can cover the specimen.
    share = rng.random()
    extent = 1 / ((1 - share) / LARGEST + share / SMALLEST)
    middle = rng.uniform(-REACH, REACH, size=2)
    if rng.random() < 0.5:
        canvas.oval(middle, (extent, extent * rng.uniform(0.25, 1.0)), rng.uniform(0, np.pi), value)
    else:
        canvas.polygon(middle + _corners(extent, rng), value)


def _corners(extent: float, rng: np.random.Generator, slimmest: float = 0.25) -> Points:
    """Corners (K, 2) of a convex polygon around the origin, at least ``slimmest`` times as wide as long."""
    count = int(rng.integers(3, 9))
    direction = 2 * np.pi * (np.arange(count) + rng.uniform(-0.3, 0.3, size=count)) / count
    points = np.stack([np.cos(direction), np.sin(direction) * rng.uniform(slimmest, 1.0)], axis=1) * extent
    return turned(points, rng.uniform(0, 2 * np.pi))


def _waves(canvas: Canvas, rng: np.random.Generator, count: int = 16) -> Array:
    """A random texture (size, size) of approximately unit deviation: plane waves of all lengths, longer ones being stronger."""
    frequency = np.exp(rng.uniform(np.log(0.5), np.log(20.0), size=count))  # periods in half an image
    amplitude = frequency ** -rng.uniform(0.3, 1.5)
    amplitude /= np.sqrt((amplitude**2).sum() / 2)
    direction = rng.uniform(0, 2 * np.pi, size=count)
    axis = (np.arange(canvas.size) - (canvas.size - 1) / 2) / (canvas.scale * canvas.size / 2)
    # A wave is a product of one along x and one along z: two short vectors are sufficient.
    turn, phase = direction + canvas.angle, rng.uniform(0, 2 * np.pi, size=count)
    along_x = np.exp(2j * np.pi * np.outer(axis, frequency * np.cos(turn)))
    along_z = np.exp(2j * np.pi * np.outer(axis, frequency * np.sin(turn)) + 1j * phase) * amplitude
    waves: Array = (along_z.astype(np.complex64) @ along_x.T.astype(np.complex64)).real
    return waves
