"""Round solids and rods: the first-order depth of a point gives the share of a voxel on the edge that is inside."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from mwgan.data.canvas import Array, Points
from mwgan.data.specimens.block import Window

Kind = TypeVar("Kind", bound="Solid")


class Solid(ABC):
    """A convex shape defined by the depth of a point in it."""

    middle: Points

    @abstractmethod
    def extent(self, directions: Points) -> Points:
        """Half extent from its centre along each of ``directions`` (K, 3): (K,)."""

    @abstractmethod
    def depth(self, window: Window) -> Array:
        """Depth of each point below the surface, negative outside: (Y, Z, X)."""

    @abstractmethod
    def resized(self: Kind, factor: float) -> Kind:
        """The same solid about the same middle, ``factor`` times as large."""

    def share(self, window: Window, width: float) -> Array:
        """From 0 to 1 over ``width`` about the surface."""
        return covered(self.depth(window), width)

    def moved(self: Kind, middle: Points) -> Kind:
        """The same solid about another middle."""
        changed: Any = self
        found: Kind = replace(changed, middle=middle)
        return found


@dataclass(frozen=True)
class Ball(Solid):
    """A ball."""

    middle: Points
    radius: float

    def extent(self, directions: Points) -> Points:
        return np.full(len(directions), self.radius)

    def depth(self, window: Window) -> Array:
        found: Array = np.float32(self.radius) - np.sqrt(window.squared_distance(self.middle))
        return found

    def resized(self, factor: float) -> Ball:
        return replace(self, radius=self.radius * factor)


@dataclass(frozen=True)
class Ellipsoid(Solid):
    """An ellipsoid of half axes ``half`` (3,) along the rows of ``axes`` (3, 3)."""

    middle: Points
    half: Points
    axes: Points

    def extent(self, directions: Points) -> Points:
        found: Points = np.sqrt(((directions @ self.axes.T * self.half) ** 2).sum(axis=1))
        return found

    def depth(self, window: Window) -> Array:
        radius = slope = np.full(1, 1e-12, dtype=np.float32)  # no division by 0 in the middle
        for axis, half in zip(self.axes, self.half, strict=True):
            along = window.along(axis / half, self.middle)
            along *= along
            radius = radius + along
            slope = slope + along * np.float32(1 / half**2)
        radius, slope = np.sqrt(radius), np.sqrt(slope)
        # Distance to the surface to first order: the implicit function over the length of its gradient.
        return np.asarray((1 - radius) * radius / slope, dtype=np.float32)

    def resized(self, factor: float) -> Ellipsoid:
        return replace(self, half=self.half * factor)


@dataclass(frozen=True)
class Rod(Solid):
    """A cylinder of ``radius`` about a line through ``middle`` along ``axis``, ``half`` long to either side.

    ``round_ends`` are half balls beyond that length. ``bend`` (3,), across the axis, moves points of the line aside by half
    of it times the square of their distance from the middle.
    """

    middle: Points
    axis: Points
    half: float
    radius: float
    round_ends: bool = True
    bend: Points | None = None

    def extent(self, directions: Points) -> Points:
        aside = 0.0 if self.bend is None else np.abs(directions @ self.bend) * self.half**2 / 2
        along = np.abs(directions @ self.axis)
        beyond = self.radius if self.round_ends else self.radius * np.sqrt(np.clip(1 - along**2, 0, 1))
        found: Points = along * self.half + beyond + aside
        return found

    def depth(self, window: Window) -> Array:
        away, along = self.from_line(window)
        if self.round_ends:
            beyond = np.maximum(along - np.float32(self.half), 0)
            found: Array = np.float32(self.radius) - np.sqrt(away + beyond * beyond)
            return found
        ended: Array = np.minimum(np.float32(self.radius) - np.sqrt(away), np.float32(self.half) - along)
        return ended

    def from_line(self, window: Window) -> tuple[Array, Array]:
        """The squared distance of each point from the line, and how far along it is from the middle, on either side."""
        along = window.along(self.axis, self.middle)
        squared = along * along
        away = window.squared_distance(self.middle) - squared
        if self.bend is not None and self.bend.any():
            size = float(np.linalg.norm(self.bend))
            shift = squared * np.float32(size / 2)
            away += shift * (shift - 2 * window.along(self.bend / size, self.middle))
        return np.maximum(away, 0), np.abs(along)

    def resized(self, factor: float) -> Rod:
        return replace(self, half=self.half * factor, radius=self.radius * factor)


@dataclass(frozen=True)
class Tube:
    """A hollow rod with a wall, open at its flat ends."""

    rod: Rod
    wall: float

    @property
    def middle(self) -> Points:
        return self.rod.middle

    def extent(self, directions: Points) -> Points:
        return self.rod.extent(directions)

    def share(self, window: Window, width: float) -> Array:
        away, along = self.rod.from_line(window)
        depth = np.float32(self.rod.radius) - np.sqrt(away)
        ends = covered(np.float32(self.rod.half) - along, width)
        return (covered(depth, width) - covered(depth - np.float32(self.wall), width)) * ends


@dataclass(frozen=True)
class WithinSolid:
    """A shape within a solid, with at most its extent."""

    solid: Solid

    @property
    def middle(self) -> Points:
        return self.solid.middle

    def extent(self, directions: Points) -> Points:
        return self.solid.extent(directions)


@dataclass(frozen=True)
class Shell(WithinSolid):
    """The outermost ``thickness`` of a solid."""

    thickness: float

    def share(self, window: Window, width: float) -> Array:
        # The difference of two edges: a shell thinner than the edge is still as heavy as it should be.
        depth = self.solid.depth(window)
        return covered(depth, width) - covered(depth - np.float32(self.thickness), width)


def covered(depth: Array, width: float) -> Array:
    """From 0 outside to 1 inside, over ``width`` about the surface; changes nothing of ``depth``."""
    found: Array = depth * np.float32(1 / width)
    found += np.float32(0.5)
    np.clip(found, 0, 1, out=found)
    return found
