"""A specimen: what is drawn one after another, the same whatever slices of it are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from mwgan.data.specimens.block import Block, Pose, Shape, Texture

FURTHEST = 0.9  # from the middle of the frame along the tilt axis: no slice is chosen beyond


@dataclass
class Body:
    """The steps that draw a specimen, and the shapes that a slice of it may be chosen to show."""

    softness: float = 0.0
    """Least width of edges, in half frames."""
    steps: list[Callable[[Block], None]] = field(default_factory=list)
    shown: list[Shape] = field(default_factory=list)

    def paint(self, shape: Shape, value: float | Texture, blend: float = 1.0, within: Shape | None = None, shown: bool = True) -> None:
        """As :meth:`Block.paint`; ``shown`` is False of holes, and of what is not worth a slice."""
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
        """Where along the tilt axis, in half frames from the middle, a slice shows something."""
        shape = self.shown[rng.integers(len(self.shown))]
        reach = float(shape.extent(np.array([[0.0, 1.0, 0.0]]))[0])
        height = float(shape.middle[1]) + 0.6 * reach * rng.uniform(-1, 1)
        if abs(height) > FURTHEST:  # of a shape that leaves the frame
            height = rng.uniform(-1, 1) * 0.5
        return height
