"""Random shapes: overlapping round objects and polygons that look like rounded and faceted nanocrystals (Ding 2019, Table 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mwgan.data.canvas import Canvas, Points, turned
from mwgan.data.synthetic_images import SyntheticImages


@dataclass(frozen=True)
class RandomShapes(SyntheticImages):
    """Each image has 2 to 11 objects on an empty background, half of them round, half crystals.

    Round objects are discs and ovals; crystals are polygons of 3 to 8 facets whose corners may be cut or rounded. Objects
    overlap, opaque or semi-transparent. The paper gives no recipe beyond "random overlaps of round
    objects and polygons", of 15,000 images: these numbers are our choice. Parameters are those of
    :class:`mwgan.data.synthetic_images.SyntheticImages`.
    """

    count: int = 15_000
    name: str = "random_shapes"
    stream: ClassVar[tuple[int, ...]] = (1,)

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> None:
        _draw_object(canvas, rng, smallest=0.25)  # no image is nearly empty
        for _ in range(rng.integers(1, 11)):
            _draw_object(canvas, rng, smallest=0.06)


REACH = 0.92  # objects stay within this share of the inscribed circle: every projection covers the full specimen


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
    """Corners (K, 2) of a convex polygon around the origin: regular but stretched, its corners often cut."""
    corners = int(rng.integers(3, 9))
    direction = 2 * np.pi * np.arange(corners) / corners
    points = np.stack([np.cos(direction), np.sin(direction)], axis=1)
    if rng.random() < 0.4:
        cut = rng.uniform(0.1, 0.4)
        following, before = np.roll(points, -1, axis=0), np.roll(points, 1, axis=0)
        points = np.stack([points + cut * (before - points), points + cut * (following - points)], axis=1).reshape(-1, 2)
    points = points * np.array([1.0, rng.uniform(0.5, 1.0)]) * extent
    return turned(points, rng.uniform(0, 2 * np.pi))
