"""A block of neighbouring slices into which a specimen is rendered, with supersampling, rotated and scaled at no cost.

Positions are (x, y, z) in [-1, 1], in units of half a frame: y is the tilt axis, z the beam. A shape is a function of position
without a grid, so that any slices can be rendered at any resolution, and neighbouring ones are consistent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from mwgan.data.canvas import Array, Points

Texture = Callable[["Window"], Array]
"""The filling of a shape: a value at each point of a window."""


class Shape(Protocol):
    """A body in space."""

    @property
    def middle(self) -> Points: ...

    def extent(self, directions: Points) -> Points:
        """Half extent from its centre along each of ``directions`` (K, 3): (K,)."""
        ...

    def share(self, window: Window, width: float) -> Array:
        """Share of a sphere of diameter ``width`` around each point that is inside it, from 0 to 1."""
        ...


class Window:
    """Part of a block's points: a (Y, Z, X) grid from three axes, in the pose of the block.

    Functions linear in position, or products of functions of one coordinate each, are computed from three short vectors, which
    makes rendering fast.
    """

    def __init__(self, x: Array, y: Array, z: Array, pose: Points) -> None:
        self.x, self.y, self.z, self.pose = x, y, z, pose

    def along(self, direction: Points, origin: Points) -> Array:
        """Coordinate of each point relative to ``origin`` along ``direction`` (3,), a unit vector: (Y, Z, X)."""
        turned = self.pose @ direction
        start = float(direction @ origin)
        rest = (self.y * np.float32(turned[1]))[:, None] + (self.z * np.float32(turned[2]) - np.float32(start))
        found: Array = rest[:, :, None] + self.x * np.float32(turned[0])
        return found

    def squared_distance(self, origin: Points) -> Array:
        """Squared distance of each point from ``origin``: (Y, Z, X)."""
        x, y, z = (self.pose @ origin).astype(np.float32)
        rest = ((self.y - y) ** 2)[:, None] + (self.z - z) ** 2
        found: Array = rest[:, :, None] + (self.x - x) ** 2
        return found

    def waves(self, vectors: Points, amplitudes: Points | np.ndarray) -> np.ndarray:
        """The sum of ``amplitudes`` (K,) times exp(i k·p) over wave vectors k (K, 3): complex (Y, Z, X)."""
        along = vectors @ self.pose.T
        of_x, of_y, of_z = (np.exp(1j * np.outer(axis, along[:, n])) for n, axis in enumerate((self.x, self.y, self.z)))
        left = ((of_y * amplitudes)[:, None] * of_z[None]).astype(np.complex64)
        return (left.reshape(len(self.y) * len(self.z), len(vectors)) @ of_x.T.astype(np.complex64)).reshape(*self.shape)

    def blobs(self, middles: Points, sigma: float, heights: Points) -> Array:
        """The sum of Gaussians of deviation ``sigma`` and ``heights`` (K,) around ``middles`` (K, 3): (Y, Z, X)."""
        centres = middles @ self.pose.T
        near = (np.abs(centres[:, 1] - (self.y[0] + self.y[-1]) / 2) < (self.y[-1] - self.y[0]) / 2 + 5 * sigma).nonzero()[0]
        of_x, of_y, of_z = (
            np.exp(-((axis[:, None] - centres[near, n].astype(np.float32)) ** 2) * np.float32(0.5 / sigma**2))
            for n, axis in enumerate((self.x, self.y, self.z))
        )
        left = (of_y * heights[near].astype(np.float32))[:, None] * of_z[None]
        found: Array = (left.reshape(len(self.y) * len(self.z), len(near)) @ of_x.T).reshape(*self.shape)
        return found

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.y), len(self.z), len(self.x)


class Pose(NamedTuple):
    """Pose of a specimen in the frame: rotated about the tilt axis by ``angle`` in radians, and shrunk to ``scale``."""

    angle: float = 0.0
    scale: float = 1.0

    @property
    def matrix(self) -> Points:
        """Rotates positions (x, y, z) like :class:`mwgan.data.canvas.Canvas` rotates (x, z)."""
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        return np.array([[cosine, 0.0, -sine], [0.0, 1.0, 0.0], [sine, 0.0, cosine]])


class Block:
    """``slices`` neighbouring slices of a frame of ``size`` voxels along each edge, from slice ``first`` on.

    Parameters
    ----------
    size
        Voxels along each side of a slice; the voxel size along y is the same.
    first, slices
        Which slices, counted along y; those below 0 and from ``size`` on are outside the frame.
    pose
        Pose of the specimen.
    finer
        Supersampling: points along each edge of a voxel; edges of shapes are as wide as their distance.
    softness
        Minimum width of edges in half frames: blur by a thick section or a detector.
    """

    def __init__(self, size: int, first: int, slices: int, pose: Pose, finer: int = 2, softness: float = 0.0) -> None:
        self.size, self.slices, self.finer = size, slices, finer
        self.matrix = pose.matrix
        self.step = 2 / (size * finer * pose.scale)
        self.edge = max(self.step, softness)
        across = (((np.arange(size * finer) + 0.5) / (size * finer) * 2 - 1) / pose.scale).astype(np.float32)
        along = (((first + (np.arange(slices * finer) + 0.5) / finer) / size * 2 - 1) / pose.scale).astype(np.float32)
        self.x, self.y, self.z = across, along, across
        self.values: Array = np.zeros((len(along), len(across), len(across)), dtype=np.float32)

    def reaches(self, middles: Points, extents: Points) -> np.ndarray:
        """Which of the shapes at ``middles`` (K, 3), with half ``extents`` (K,) along y, intersect these slices: (K,) bool."""
        low, high = self.y[0] - self.edge, self.y[-1] + self.edge
        found: np.ndarray = (middles[:, 1] + extents > low) & (middles[:, 1] - extents < high)
        return found

    def paint(self, shape: Shape, value: float | Texture, blend: float = 1.0, within: Shape | None = None) -> None:
        """Fill a shape with a value or a texture; a voxel on its edge gets its share.

        ``blend`` below 1 is semi-transparent; ``within`` is a shape to which it is clipped.
        """
        found = self._window(shape)
        if found is None:
            return
        place, window = found
        share = shape.share(window, self.edge)
        if within is not None:
            share = share * within.share(window, self.edge)
        if blend != 1.0:
            share = share * np.float32(blend)
        below = self.values[place]
        filling = value(window) if callable(value) else np.float32(value)
        below += share * (filling - below)

    def modulate(self, texture: Texture) -> None:
        """Multiply everything by a texture."""
        self.values *= texture(self._whole)

    def add(self, texture: Texture) -> None:
        """Add a texture everywhere."""
        self.values += texture(self._whole)

    def keep(self, shapes: Sequence[Shape]) -> None:
        """Remove everything outside all of ``shapes``."""
        everything, self.values = self.values, np.zeros_like(self.values)
        for shape in shapes:
            self.paint(shape, 1.0)
        self.values *= everything

    def voxels(self) -> Array:
        """The means over each voxel (slices, size, size), clipped to [0, 1]."""
        values = np.clip(self.values, 0, 1)
        for axis in (2, 1, 0):
            values = _means(values, axis, self.finer)
        return values

    @property
    def _whole(self) -> Window:
        return Window(self.x, self.y, self.z, self.matrix)

    def _window(self, shape: Shape) -> tuple[tuple[slice, slice, slice], Window] | None:
        """The points that a shape can reach; None if there are none."""
        middle, half = self.matrix @ shape.middle, shape.extent(self.matrix) + self.edge
        places = []
        for axis, centre, reach in ((self.y, middle[1], half[1]), (self.z, middle[2], half[2]), (self.x, middle[0], half[0])):
            start = max(math.ceil((centre - reach - axis[0]) / self.step), 0)
            stop = min(math.floor((centre + reach - axis[0]) / self.step) + 1, len(axis))
            if start >= stop:
                return None
            places.append(slice(start, stop))
        y, z, x = places
        return (y, z, x), Window(self.x[x], self.y[y], self.z[z], self.matrix)


def _means(values: Array, axis: int, count: int) -> Array:
    """The means of ``count`` neighbours along an axis, which is faster by slices than by reshaping."""
    turned = np.moveaxis(values, axis, 0)
    total = turned[::count].copy()
    for place in range(1, count):
        total += turned[place::count]
    total *= np.float32(1 / count)
    found: Array = np.moveaxis(total, 0, axis)
    return found
