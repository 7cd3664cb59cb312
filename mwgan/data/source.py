"""The face of an image source, and the seed of each draw from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from mwgan.data.augmentation import NONE, Augmentation, posed, stacked
from mwgan.data.canvas import Array
from mwgan.errors import InputError
from mwgan.geometry import TiltGeometry


class MeasuredSource(Protocol):
    """Images of subjects, some of whom a training never sees."""

    @property
    def name(self) -> str: ...

    @property
    def subjects(self) -> Sequence[str]:
        """Whose images they are."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes with the images and their order."""
        ...


class ImageSource(ABC):
    """A list of images that can be drawn by index, and what is known of them.

    A source of your own derives from this class and has a ``name``, a ``size``, ``__len__`` and ``image``; all else has a
    default. A class of its own with these four is taken, too: see :func:`as_source`.
    """

    name: str
    """What tables call it."""
    size: int
    """Images are (size, size)."""
    subjects: Sequence[str] = ()
    """Whose images they are; empty where they are nobody's."""
    substituted: Sequence[str] = ()
    """The measured sources whose images are not there, so that phantoms take their share."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def image(self, index: int, rng: np.random.Generator) -> Array:
        """Image ``index`` as (size, size) float32 in [0, 1]; ``rng`` draws its augmentation, never its content."""

    stacks: bool = False
    """Whether its images have neighbours along the tilt axis, which :meth:`stack` gives."""

    def stack(self, index: int, rng: np.random.Generator, slices: int, spacing: int = 1) -> Array:
        """An odd number of slices (slices, size, size), ``spacing`` pixels apart along the tilt axis, image ``index`` in the middle."""
        if slices == 1:
            return self.image(index, rng)[None]
        raise InputError(f"{self.name} has images alone, without neighbouring slices: take data.slices=1, or another source")

    def augmentation(self, index: int) -> Augmentation:
        """What may happen to image ``index`` once it is drawn, on the training device."""
        return NONE

    def describe(self) -> list[dict[str, Any]]:
        """What a run's record says of the source, or of each one it holds: ``name``, ``images``, ``licence`` …"""
        return [{"name": self.name, "images": len(self)}]

    def origin(self, index: int) -> str | None:
        """Whose image ``index`` is; None of a drawn one."""
        return None

    def measured(self) -> Sequence[MeasuredSource]:
        """The measured sources that it is or holds, which no network may be judged by that was trained on them."""
        return ()

    def background(self, index: int) -> Array | None:
        """Image ``index`` (size, size) without its features; None where they aren't known."""
        return None

    def sinogram(self, index: int, geometry: TiltGeometry) -> Array | None:
        """The rows (A, N) that were measured of image ``index``; None where nothing was: they are projected."""
        return None

    def modalities(self) -> Counter[str]:
        """How many of its files state which DICOM modality."""
        return Counter()


class PlainSource(Protocol):
    """The least that a class of one's own has: :class:`ImageSource` says what each is. It may have any of the rest."""

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int: ...

    def __len__(self) -> int: ...

    def image(self, index: int, rng: np.random.Generator) -> Array: ...


OPTIONAL = (
    *("subjects", "substituted", "augmentation", "describe", "origin", "measured", "background", "sinogram", "modalities"),
    *("stacks", "stack"),
)


def as_source(given: PlainSource) -> ImageSource:
    """Any class with ``name``, ``size``, ``__len__`` and ``image`` as an :class:`ImageSource`, with the defaults of what it lacks."""
    return given if isinstance(given, ImageSource) else _Adapted(given)


class _Adapted(ImageSource):
    def __init__(self, given: PlainSource) -> None:
        self.given, self.name, self.size = given, given.name, given.size
        for ability in OPTIONAL:
            if hasattr(given, ability):
                setattr(self, ability, getattr(given, ability))

    def __len__(self) -> int:
        return len(self.given)

    def image(self, index: int, rng: np.random.Generator) -> Array:
        return self.given.image(index, rng)


def drawn_images(source: ImageSource, indices: Sequence[int], seeds: Sequence[int], rngs: Sequence[np.random.Generator]) -> Tensor:
    """Images (B, 1, N, N) of a source in the poses that their generators draw."""
    images: list[Array] = []
    poses = []
    for index, rng in zip(indices, rngs, strict=True):
        images.append(source.image(index, rng))
        poses.append(source.augmentation(index).draw(rng))
    return posed(torch.from_numpy(np.stack(images)).unsqueeze(1), stacked(poses), torch.tensor(seeds))


def draw_seed(seed: int, epoch: int, index: int) -> int:
    """A 63-bit seed that only (seed, epoch, index) decide, whatever worker or rank asks."""
    return int(np.random.SeedSequence([seed, epoch, index]).generate_state(1, np.uint64)[0] >> np.uint64(1))
