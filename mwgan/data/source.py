"""The face of an image source, and the seed of each draw from it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt


class ImageSource(Protocol):
    """A list of images that can be drawn by index."""

    name: str
    size: int
    """Images are (size, size)."""

    def __len__(self) -> int: ...

    def image(self, index: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
        """Image ``index`` as (size, size) float32 in [0, 1]; ``rng`` draws its augmentation, never its content."""
        ...


def draw_seed(seed: int, epoch: int, index: int) -> int:
    """A 63-bit seed that only (seed, epoch, index) decide, whatever worker or rank asks."""
    return int(np.random.SeedSequence([seed, epoch, index]).generate_state(1, np.uint64)[0] >> np.uint64(1))
