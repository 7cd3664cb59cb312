"""Random shapes: overlapping round objects and polygons that look like rounded and faceted nanocrystals (Ding 2019, Table 1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mwgan.data.canvas import Array, Canvas, Points
from mwgan.errors import InputError


@dataclass(frozen=True)
class RandomShapes:
    """``count`` images of ``size`` x ``size`` pixels: image k of a seed is always the same image.

    Each holds 2 to 11 objects over an empty ground, half of them round (discs and ovals), half crystals: polygons of 3 to
    8 facets whose corners may be cut or rounded. Objects lie over one another, opaque or letting through what lies
    below. The paper gives no recipe beyond "random overlaps of round objects and polygons": these numbers are our choice.

    Parameters
    ----------
    size
        Pixels along each side.
    count
        How many images (15,000 in the paper).
    seed
        Decides every image's content.
    offset
        First image: train, validation and test take ranges of one seed that don't meet.
    augment
        Turn by a random angle and shrink by up to a fifth, drawn anew each time.
    """

    size: int = 256
    count: int = 15_000
    seed: int = 0
    offset: int = 0
    augment: bool = False
    name: str = "random_shapes"

    def __post_init__(self) -> None:
        if self.size < 8 or self.count < 1 or self.offset < 0:
            raise InputError(
                f"random shapes need a size of 8 or more, a count of 1 or more and an offset of 0 or more: got "
                f"{self.size}, {self.count} and {self.offset}"
            )

    def __len__(self) -> int:
        return self.count

    def image(self, index: int, rng: np.random.Generator) -> Array:
        """Image ``index`` (size, size) in [0, 1]; ``rng`` draws its pose where ``augment`` is on."""
        if not 0 <= index < self.count:
            raise IndexError(f"image {index} of {self.count}")
        content = np.random.Generator(np.random.SFC64([self.seed, self.offset + index, STREAM]))
        angle, scale = (rng.uniform(0, 2 * np.pi), rng.uniform(0.8, 1.0)) if self.augment else (0.0, 1.0)
        canvas = Canvas(self.size, angle, scale)
        _draw_object(canvas, content, smallest=0.25)  # no image is nearly empty
        for _ in range(content.integers(1, 11)):
            _draw_object(canvas, content, smallest=0.06)
        return canvas.pixels


STREAM = 1  # phantom faces of the same seed and number draw from another one
REACH = 0.92  # objects stay within this share of the inscribed circle: every projection holds the whole specimen


def _draw_object(canvas: Canvas, rng: np.random.Generator, smallest: float) -> None:
    extent = smallest + (0.6 - smallest) * rng.random() ** 1.7
    distance = (REACH - extent) * np.sqrt(rng.random())
    direction = rng.uniform(0, 2 * np.pi)
    middle = np.array([np.cos(direction), np.sin(direction)]) * distance
    value = rng.uniform(0.15, 1.0)
    blend = 1.0 if rng.random() < 0.5 else rng.uniform(0.3, 0.8)
    if rng.random() < 0.5:
        stretch = 1.0 if rng.random() < 0.5 else rng.uniform(0.35, 1.0)
        canvas.oval(middle, (extent, extent * stretch), rng.uniform(0, np.pi), value, blend)
    else:
        rounding = 0.0 if rng.random() < 0.6 else rng.uniform(0.03, 0.12) * extent
        canvas.polygon(middle + _crystal(extent, rng), value, blend, rounding)


def _crystal(extent: float, rng: np.random.Generator) -> Points:
    """Corners (K, 2) of a convex polygon about the origin: regular but stretched, its corners often cut."""
    corners = int(rng.integers(3, 9))
    direction = 2 * np.pi * np.arange(corners) / corners
    points = np.stack([np.cos(direction), np.sin(direction)], axis=1)
    if rng.random() < 0.4:
        cut = rng.uniform(0.1, 0.4)
        following, before = np.roll(points, -1, axis=0), np.roll(points, 1, axis=0)
        points = np.stack([points + cut * (before - points), points + cut * (following - points)], axis=1).reshape(-1, 2)
    points = points * np.array([1.0, rng.uniform(0.5, 1.0)]) * extent
    turn = rng.uniform(0, 2 * np.pi)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    turned: Points = points @ rotation.T
    return turned
