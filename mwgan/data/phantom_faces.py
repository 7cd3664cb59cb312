"""Phantom faces: random ovals and polygons of different intensity inside a face (IRDM 2020, dataset D1).

The paper gives no recipe beyond that sentence. Ours, with every number a choice: a face (a large oval, often with a
brighter or darker rim) carries 8 to 24 features, ovals and convex or star-shaped polygons, each painted over or added
to what lies below it. Everything is drawn with edges one pixel wide, as a pixel would see them, straight onto the grid:
a rotation or a change of size costs no interpolation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mwgan.errors import InputError

Array = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PhantomFaces:
    """``count`` phantom faces of ``size`` x ``size`` pixels: face k of a seed is always the same face.

    Parameters
    ----------
    size
        Pixels along each side.
    count
        How many faces (the paper's D1 has 45,000).
    seed
        Decides every face's content.
    offset
        First face: train, validation and test take ranges of one seed that don't meet.
    augment
        Turn each face by a random angle and shrink it by up to a fifth (rotation and pad+resize of the paper's
        Supplementary Table 2), drawn anew each time.
    """

    size: int = 256
    count: int = 45_000
    seed: int = 0
    offset: int = 0
    augment: bool = False
    name: str = "phantom_faces"

    def __post_init__(self) -> None:
        if self.size < 8 or self.count < 1 or self.offset < 0:
            raise InputError(
                f"phantom faces need a size of 8 or more, a count of 1 or more and an offset of 0 or more: got "
                f"{self.size}, {self.count} and {self.offset}"
            )

    def __len__(self) -> int:
        return self.count

    def image(self, index: int, rng: np.random.Generator) -> Array:
        """Face ``index`` (size, size) in [0, 1]; ``rng`` draws its pose where ``augment`` is on."""
        if not 0 <= index < self.count:
            raise IndexError(f"face {index} of {self.count}")
        content = np.random.Generator(np.random.SFC64([self.seed, self.offset + index]))
        angle, scale = (rng.uniform(0, 2 * np.pi), rng.uniform(0.8, 1.0)) if self.augment else (0.0, 1.0)
        canvas = _Canvas(self.size, angle, scale)
        _draw_face(canvas, content)
        return canvas.pixels


def _draw_face(canvas: _Canvas, rng: np.random.Generator) -> None:
    height, width = rng.uniform(0.55, 0.86, size=2)
    middle = rng.uniform(-0.06, 0.06, size=2)
    turn = rng.uniform(0, np.pi)
    skin = rng.uniform(0.15, 0.75)
    rim = rng.uniform(0.03, 0.12)
    if rng.random() < 0.5:
        canvas.oval(middle, (width, height), turn, float(np.clip(skin + rng.uniform(-0.3, 0.5), 0.05, 1.0)))
        width, height = width - rim, height - rim
    canvas.oval(middle, (width, height), turn, skin)
    for _ in range(rng.integers(8, 25)):
        # Features stay on the face: their middle within its oval, smaller towards its edge.
        reach = np.sqrt(rng.uniform(0, 0.62))
        direction = rng.uniform(0, 2 * np.pi)
        on_face = np.array([np.cos(direction) * width, np.sin(direction) * height]) * reach
        cosine, sine = np.cos(turn), np.sin(turn)
        position = middle + np.array([cosine * on_face[0] - sine * on_face[1], sine * on_face[0] + cosine * on_face[1]])
        extent = 0.04 + 0.4 * rng.random() ** 2 * (1.0 - 0.5 * reach)
        value = rng.uniform(0.0, 1.0)
        blend = 1.0 if rng.random() < 0.6 else rng.uniform(0.3, 0.8)
        if rng.random() < 0.5:
            canvas.oval(position, (extent, extent * rng.uniform(0.3, 1.0)), rng.uniform(0, np.pi), value, blend)
        else:
            canvas.polygon(_polygon(position, extent, rng), value, blend)


def _polygon(middle: Points, extent: float, rng: np.random.Generator) -> Points:
    """Corners (K, 2) of a convex polygon: 3 to 8 points on a stretched circle."""
    corners = int(rng.integers(3, 9))
    direction = 2 * np.pi * (np.arange(corners) + rng.uniform(-0.35, 0.35, size=corners)) / corners
    points = np.stack([np.cos(direction), np.sin(direction) * rng.uniform(0.4, 1.0)], axis=1) * extent
    turn = rng.uniform(0, 2 * np.pi)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    corner_points: Points = points @ rotation.T + middle
    return corner_points


class _Canvas:
    """Paints shapes given in [-1, 1] (x, z) onto pixels, turned and scaled as a whole."""

    def __init__(self, size: int, angle: float, scale: float) -> None:
        self.size, self.scale = size, scale
        self.cosine, self.sine = np.cos(angle), np.sin(angle)
        self.pixels: Array = np.zeros((size, size), dtype=np.float32)

    def oval(self, middle: Points, axes: Points | tuple[float, float], turn: float, value: float, blend: float = 1.0) -> None:
        centre = self._place(middle[None])[0]
        half = np.asarray(axes) * self.scale * self.size / 2
        window, x, z = self._window(centre - half.max(), centre + half.max())
        x, z = x - np.float32(centre[0]), z - np.float32(centre[1])
        turned = turn + np.arctan2(self.sine, self.cosine)
        cosine, sine = np.float32(np.cos(turned)), np.float32(np.sin(turned))
        across = (x * cosine + z * sine) / np.float32(half[0])
        along = (z * cosine - x * sine) / np.float32(half[1])
        radius = np.sqrt(across * across + along * along) + np.float32(1e-6)
        # Distance to the edge to first order: the implicit function over the length of its gradient.
        slope = np.sqrt((across / np.float32(half[0])) ** 2 + (along / np.float32(half[1])) ** 2) + np.float32(1e-6)
        self._paint(window, (1 - radius) * radius / slope, value, blend)

    def polygon(self, corners: Points, value: float, blend: float = 1.0) -> None:
        points = self._place(corners)
        window, x, z = self._window(points.min(axis=0), points.max(axis=0))
        inside = np.full((z.size, x.size), np.inf, dtype=np.float32)
        for start, end in zip(points, np.roll(points, -1, axis=0), strict=True):
            edge = (end - start) / (np.hypot(*(end - start)) + 1e-9)
            distance = (z - np.float32(start[1])) * np.float32(edge[0]) - (x - np.float32(start[0])) * np.float32(edge[1])
            np.minimum(inside, distance, out=inside)
        self._paint(window, inside, value, blend)

    def _place(self, points: Points) -> Points:
        """Positions in [-1, 1] to pixel coordinates (x, z)."""
        rotation = np.array([[self.cosine, -self.sine], [self.sine, self.cosine]])
        return np.asarray(points @ rotation.T * self.scale * self.size / 2 + (self.size - 1) / 2)

    def _window(self, low: Points, high: Points) -> tuple[tuple[slice, slice], Array, Array]:
        """The part of the grid that a shape can reach, and its coordinates x (1, W) and z (H, 1)."""
        start = np.clip(np.floor(low).astype(int) - 1, 0, self.size)
        stop = np.clip(np.ceil(high).astype(int) + 2, 0, self.size)
        x = np.arange(start[0], stop[0], dtype=np.float32)[None, :]
        z = np.arange(start[1], stop[1], dtype=np.float32)[:, None]
        return (slice(start[1], stop[1]), slice(start[0], stop[0])), x, z

    def _paint(self, window: tuple[slice, slice], inside_by: Array, value: float, blend: float) -> None:
        """Blend ``value`` in where ``inside_by`` (pixels inside the edge) says; a pixel on the edge gets its share."""
        share = np.clip(inside_by + np.float32(0.5), 0, 1) * np.float32(blend)
        below = self.pixels[window]
        self.pixels[window] = below + share * (np.float32(value) - below)
