"""A canvas for phantoms: ovals and polygons with edges one pixel wide, rotated and scaled as a whole at no cost."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]


class Canvas:
    """Paints shapes given in [-1, 1] (x, z) onto pixels, rotated and scaled as a whole."""

    def __init__(self, size: int, angle: float, scale: float) -> None:
        self.size, self.scale = size, scale
        self.angle = angle
        self.pixels: Array = np.zeros((size, size), dtype=np.float32)

    def oval(self, middle: Points, axes: Points | tuple[float, float], turn: float, value: float, blend: float = 1.0) -> None:
        centre = self._place(middle[None])[0]
        half = np.asarray(axes) * self.scale * self.size / 2
        window, x, z = self._window(centre - half.max(), centre + half.max())
        x, z = x - np.float32(centre[0]), z - np.float32(centre[1])
        direction = turn + self.angle
        cosine, sine = np.float32(np.cos(direction)), np.float32(np.sin(direction))
        across = (x * cosine + z * sine) / np.float32(half[0])
        along = (z * cosine - x * sine) / np.float32(half[1])
        radius = np.sqrt(across * across + along * along) + np.float32(1e-6)
        # First-order distance to the edge: the implicit function over the norm of its gradient.
        slope = np.sqrt((across / np.float32(half[0])) ** 2 + (along / np.float32(half[1])) ** 2) + np.float32(1e-6)
        self._paint(window, (1 - radius) * radius / slope, value, blend)

    def polygon(self, corners: Points, value: float, blend: float = 1.0, rounding: float = 0.0) -> None:
        """A convex polygon with ordered corners (K, 2); ``rounding`` is approximately the radius of its corners."""
        points = self._place(corners)
        radius = np.float32(max(rounding * self.scale * self.size / 2, 1e-6))
        window, x, z = self._window(points.min(axis=0), points.max(axis=0))
        inside: Array = np.full((z.size, x.size), np.inf, dtype=np.float32)
        for start, end in zip(points, np.roll(points, -1, axis=0), strict=True):
            edge = (end - start) / (np.hypot(*(end - start)) + 1e-9)
            distance = (z - np.float32(start[1])) * np.float32(edge[0]) - (x - np.float32(start[0])) * np.float32(edge[1])
            if rounding > 0:
                inside = -radius * np.logaddexp(-inside / radius, -distance / radius)  # a smooth minimum
            else:
                np.minimum(inside, distance, out=inside)
        self._paint(window, inside, value, blend)

    def _place(self, points: Points) -> Points:
        """Convert positions in [-1, 1] to pixel coordinates (x, z)."""
        return np.asarray(turned(points, self.angle) * self.scale * self.size / 2 + (self.size - 1) / 2)

    def _window(self, low: Points, high: Points) -> tuple[tuple[slice, slice], Array, Array]:
        """The part of the grid that a shape can reach, and its coordinates x (1, W) and z (H, 1)."""
        start = np.clip(np.floor(low).astype(int) - 1, 0, self.size)
        stop = np.clip(np.ceil(high).astype(int) + 2, 0, self.size)
        x = np.arange(start[0], stop[0], dtype=np.float32)[None, :]
        z = np.arange(start[1], stop[1], dtype=np.float32)[:, None]
        return (slice(start[1], stop[1]), slice(start[0], stop[0])), x, z

    def _paint(self, window: tuple[slice, slice], inside_by: Array, value: float, blend: float) -> None:
        """Blend ``value`` in by ``inside_by`` (pixels inside the edge); a pixel on the edge gets its share."""
        share = np.clip(inside_by + np.float32(0.5), 0, 1) * np.float32(blend)
        below = self.pixels[window]
        self.pixels[window] = below + share * (np.float32(value) - below)


def turned(points: Points, angle: float) -> Points:
    """Points (K, 2) as (x, z), rotated about the origin by ``angle`` in radians."""
    cosine, sine = np.cos(angle), np.sin(angle)
    rotated: Points = points @ np.array([[cosine, -sine], [sine, cosine]]).T
    return rotated


def inscribed_disc(size: int) -> Array:
    """1 inside the circle that every projection covers, 0 outside (size, size), with an edge one pixel wide."""
    away = np.arange(size, dtype=np.float32) - (size - 1) / 2
    inside: Array = np.clip(size / 2 - np.hypot(away[:, None], away[None, :]), 0, 1)
    return inside
