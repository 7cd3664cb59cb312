"""The face of an image source, and the sample that leaves it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor


class ImageSource(Protocol):
    """A list of images that can be drawn by index."""

    name: str
    size: int
    """Images are (size, size)."""

    def __len__(self) -> int: ...

    def image(self, index: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
        """Image ``index`` as (size, size) float32 in [0, 1]; ``rng`` draws its augmentation, never its content."""
        ...


class Sample(NamedTuple):
    """One training or validation image; batches stack each field."""

    image: Tensor
    """(1, N, N) float32 in [0, 1], rows along the beam."""
    seed: int | Tensor
    """Seeds what the acquisition draws for this sample: its wedge and its noise."""
    index: int | Tensor
    """Position in the source."""


def draw_seed(seed: int, epoch: int, index: int) -> int:
    """A 63-bit seed that only (seed, epoch, index) decide, whatever worker or rank asks."""
    return int(np.random.SeedSequence([seed, epoch, index]).generate_state(1, np.uint64)[0] >> np.uint64(1))
