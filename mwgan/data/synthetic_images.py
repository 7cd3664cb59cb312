"""Base classes of synthetic image sources: content by image number, and random poses."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mwgan.data.augmentation import Augmentation
from mwgan.data.canvas import Array, Canvas
from mwgan.data.source import ImageSource
from mwgan.errors import InputError

SHRUNK, OFTEN_SMALLER = 0.8, 0.3
STRAIGHT, TURN, TAPER = 0.5, 0.02, 0.015  # share of bodies that are prisms; change per slice in radians, and in width


@dataclass(frozen=True)
class PosedSyntheticImages(ImageSource):
    """``count`` images of ``size`` x ``size`` pixels: image k of a seed is always the same image.

    Parameters
    ----------
    size
        Pixels along each side.
    count
        How many images.
    seed
        Determines every image's content.
    offset
        First image: training, validation and test use disjoint ranges of one seed.
    augment
        Rotate each image by a random angle and shrink it by up to a fifth, sampled again each time: rendered directly on the
        grid, so that it costs neither time nor sharpness.
    smallest
        Three in ten of the rotated ones are shrunk further, uniformly down to this share of the frame.
    noise_percent
        Add white noise of up to this standard deviation, in percent of the range, before projecting.
    licence
        Synthetic: none needed.
    """

    size: int = 256
    count: int = 1
    seed: int = 0
    offset: int = 0
    augment: bool = False
    smallest: float = SHRUNK
    name: str = ""
    noise_percent: float = 0.0
    licence: str = "none needed"

    stream: ClassVar[tuple[int, ...]] = ()
    """Separates the random numbers of different kinds of images with the same seed and number."""

    def __post_init__(self) -> None:
        if not 0 < self.smallest <= SHRUNK:
            raise InputError(f"an image may be shrunk to a share of the frame in (0, {SHRUNK}], not {self.smallest}")
        if self.size < 8 or self.count < 1 or self.offset < 0:
            raise InputError(
                f"{self.name.replace('_', ' ')} need a size of 8 or more, a count of 1 or more and an offset of 0 or more: got "
                f"{self.size}, {self.count} and {self.offset}"
            )

    def __len__(self) -> int:
        return self.count

    def content(self, index: int) -> np.random.Generator:
        """The random generator of image ``index``'s content, without its pose.

        Raises
        ------
        IndexError
            If there is no such image.
        """
        if not 0 <= index < self.count:
            raise IndexError(f"image {index} of {self.count}")
        return np.random.Generator(np.random.SFC64([self.seed, self.offset + index, *self.stream]))

    def pose(self, rng: np.random.Generator) -> tuple[float, float]:
        """An angle in radians and a share of the frame, sampled if ``augment`` is on."""
        angle, scale = (rng.uniform(0, 2 * np.pi), rng.uniform(SHRUNK, 1.0)) if self.augment else (0.0, 1.0)
        if self.augment and self.smallest < SHRUNK and rng.random() < OFTEN_SMALLER:
            scale = float(np.exp(rng.uniform(np.log(self.smallest), np.log(SHRUNK))))
        return angle, scale

    def augmentation(self, index: int) -> Augmentation:
        """The remaining augmentation of image ``index``."""
        return Augmentation(noise_percent=self.noise_percent)

    def describe(self) -> list[dict[str, Any]]:
        """The source's entry in a run's record."""
        return [{"name": self.name, "images": self.count, "licence": self.licence}]


class SyntheticImages(PosedSyntheticImages):
    """Synthetic images painted onto a canvas; parameters are those of :class:`PosedSyntheticImages`.

    Along the tilt axis each image is extended to a body: half are straight, the others rotate and taper a little from slice to slice.
    """

    stacks = True

    def image(self, index: int, rng: np.random.Generator) -> Array:
        """Image ``index`` (size, size) in [0, 1]; ``rng`` samples its pose if ``augment`` is on."""
        return self._render(index, *self.pose(rng))

    def stack(self, index: int, rng: np.random.Generator, slices: int, spacing: int = 1) -> Array:
        """Slices (slices, size, size) of the body of image ``index``, ``spacing`` pixels apart, that image in the middle."""
        angle, scale = self.pose(rng)
        if rng.random() < STRAIGHT:
            return np.repeat(self._render(index, angle, scale)[None], slices, axis=0)
        turn, taper = rng.normal(0, TURN), rng.normal(0, TAPER)
        away = spacing * (np.arange(slices) - slices // 2)
        return np.stack([self._render(index, angle + turn * k, min(1.0, scale * (1 + taper * k))) for k in away])

    def _render(self, index: int, angle: float, scale: float) -> Array:
        canvas = Canvas(self.size, angle, scale)
        self.draw(canvas, self.content(index))
        return canvas.pixels

    @abstractmethod
    def draw(self, canvas: Canvas, rng: np.random.Generator) -> None:
        """Paint one image with random content from ``rng``."""
