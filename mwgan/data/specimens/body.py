"""A specimen as a list of rendering steps, so that it is the same for any choice of slices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from mwgan.data.specimens.block import Block, Pose, Shape, Texture

FURTHEST = 0.9  # from the centre of the frame along the tilt axis: range of chosen slices


@dataclass
class Body:
    """The steps that render a specimen, and the shapes that a slice of it may be chosen to show."""

    softness: float = 0.0
    """Minimum width of edges, in half frames."""
    steps: list[Callable[[Block], None]] = field(default_factory=list)
    shown: list[Shape] = field(default_factory=list)

    def paint(self, shape: Shape, value: float | Texture, blend: float = 1.0, within: Shape | None = None, shown: bool = True) -> None:
        """As :meth:`Block.paint`; ``shown`` is False for holes and other shapes that no slice should be chosen by."""
        self.steps.append(lambda block: block.paint(shape, value, blend, within))
        if shown:
            self.shown.append(shape)

    def modulate(self, texture: Texture) -> None:
        """As :meth:`Block.modulate`."""
        self.steps.append(lambda block: block.modulate(texture))

    def add(self, texture: Texture) -> None:
        """As :meth:`Block.add`."""
        self.steps.append(lambda block: block.add(texture))

    def keep(self, shapes: Sequence[Shape]) -> None:
        """As :meth:`Block.keep`."""
        self.steps.append(lambda block: block.keep(shapes))

    def draw(self, size: int, first: int, slices: int, pose: Pose, finer: int) -> Block:
        """Slices of it; the arguments are those of :class:`Block`."""
        block = Block(size, first, slices, pose, finer, self.softness)
        for step in self.steps:
            step(block)
        return block

    def choose_height(self, rng: np.random.Generator) -> float:
        """A position along the tilt axis, in half frames from the centre, where a slice isn't empty."""
        shape = self.shown[rng.integers(len(self.shown))]
        reach = float(shape.extent(np.array([[0.0, 1.0, 0.0]]))[0])
        height = float(shape.middle[1]) + 0.6 * reach * rng.uniform(-1, 1)
        if abs(height) > FURTHEST:  # of a shape that leaves the frame
            height = rng.uniform(-1, 1) * 0.5
        return height
