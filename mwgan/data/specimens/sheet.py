"""Sheets: thin bodies that may be wavy, as flakes, membranes and carbon films are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mwgan.data.canvas import Array, Points
from mwgan.data.specimens.block import Window
from mwgan.data.specimens.solids import covered


@dataclass(frozen=True)
class Sheet:
    """A sheet of ``thickness`` about a surface that waves about the plane through ``middle``.

    ``axes`` (3, 3) are two directions in the plane and its normal; ``half`` (2,) is how far it goes to either side along the
    two, as an oval where ``oval``, else as a rectangle. Waves are of ``heights`` (K,), complex, and wave vectors (K, 2) along
    the two directions.
    """

    middle: Points
    axes: Points
    half: Points
    thickness: float
    heights: np.ndarray
    vectors: Points
    oval: bool = False

    @property
    def reach(self) -> float:
        """How far from its plane it may go."""
        return float(np.abs(self.heights).sum()) + self.thickness / 2

    def extent(self, directions: Points) -> Points:
        along = np.abs(directions @ self.axes.T)
        plane = np.sqrt(((along[:, :2] * self.half) ** 2).sum(axis=1)) if self.oval else along[:, :2] @ self.half
        found: Points = plane + along[:, 2] * self.reach
        return found

    def share(self, window: Window, width: float) -> Array:
        above = self.above(window)
        half = np.float32(self.thickness / 2)
        # The difference of two edges: a sheet thinner than the edge is still as heavy as it should be.
        sheet = covered(half - above, width) - covered(-half - above, width)
        first, second = (window.along(axis, self.middle) for axis in self.axes[:2])
        if self.oval:
            a, b = (np.float32(length) for length in self.half)
            radius = np.sqrt((first / a) ** 2 + (second / b) ** 2)
            inside = (1 - radius) * min(a, b)
        else:
            inside = np.minimum(np.float32(self.half[0]) - np.abs(first), np.float32(self.half[1]) - np.abs(second))
        found: Array = sheet * covered(inside, width)
        return found

    def on(self, first: float, second: float, above: float = 0.0) -> Points:
        """The place so far along the two directions, and so far above the surface along the normal."""
        height = float((self.heights * np.exp(1j * (self.vectors @ np.array([first, second])))).sum().real) + above
        found: Points = self.middle + np.array([first, second, height]) @ self.axes
        return found

    def above(self, window: Window) -> Array:
        """How far each point lies from the surface, above 0 on the side of the normal: (Y, Z, X)."""
        above = window.along(self.axes[2], self.middle)
        if len(self.heights) == 0:
            return above
        in_space = self.vectors @ self.axes[:2]
        phases = self.heights * np.exp(-1j * (in_space @ self.middle))
        height = window.waves(in_space, phases).real
        slopes = [window.waves(in_space, 1j * self.vectors[:, n] * phases).real for n in range(2)]
        found: Array = (above - height) / np.sqrt(1 + slopes[0] ** 2 + slopes[1] ** 2)
        return found
