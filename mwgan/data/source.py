"""The face of an image source, and the seed of each draw from it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt


class ImageSource(Protocol):
    """A list of images that can be drawn by index.

    A source may also have ``augmentation(index)``: what may happen to an image once it is drawn, on the training device
    (:class:`mwgan.data.Augmentation`); ``describe()``: what a run's record says of it (``name``, ``images``, ``licence`` …);
    ``origin(index)``: whose image it is; ``measured()``: the :class:`MeasuredSource` that it is or holds; and ``substituted``:
    names of measured sources that phantoms stand in for.
    """

    name: str
    size: int
    """Images are (size, size)."""

    def __len__(self) -> int: ...

    def image(self, index: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
        """Image ``index`` as (size, size) float32 in [0, 1]; ``rng`` draws its augmentation, never its content."""
        ...


class MeasuredSource(Protocol):
    """Images of subjects, some of whom a training never sees."""

    name: str
    subjects: list[str]
    """Whose images they are."""

    @property
    def fingerprint(self) -> str:
        """Changes with the images and their order."""
        ...


def draw_seed(seed: int, epoch: int, index: int) -> int:
    """A 63-bit seed that only (seed, epoch, index) decide, whatever worker or rank asks."""
    return int(np.random.SeedSequence([seed, epoch, index]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def described(source: ImageSource) -> list[dict[str, Any]]:
    """What a run's record says of a source."""
    tell = getattr(source, "describe", None)
    return [{"name": source.name, "images": len(source)}] if tell is None else tell()


def substitutions(source: ImageSource) -> tuple[str, ...]:
    """The measured sources that phantoms stand in for."""
    return tuple(getattr(source, "substituted", ()))


def origin_of(source: ImageSource, index: int) -> str | None:
    """Whose image ``index`` is; None of a drawn one."""
    tell = getattr(source, "origin", None)
    return None if tell is None else tell(index)


def measured(source: ImageSource) -> list[MeasuredSource]:
    """The measured sources that a source is or holds."""
    tell = getattr(source, "measured", None)
    return [] if tell is None else tell()
