"""The interface of image sources, and the seed of each sample."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from mwgan.data.augmentation import NONE, Augmentation, augment, stack_poses
from mwgan.data.canvas import Array
from mwgan.errors import InputError
from mwgan.geometry import TiltGeometry


class RealSource(Protocol):
    """A source of real images (scans, photographs, series) with subjects, some of which are held out from training."""

    @property
    def name(self) -> str: ...

    @property
    def subjects(self) -> Sequence[str]:
        """The subjects of the images."""
        ...

    @property
    def fingerprint(self) -> str:
        """A hash that changes with the images and their order."""
        ...


class ImageSource(ABC):
    """A sequence of images by index, with their metadata.

    Your own source derives from this class and has a ``name``, a ``size``, ``__len__`` and ``image``; everything else has a
    default. Any other class with these four is accepted, too: see :func:`as_source`.
    """

    name: str
    """Its name in tables."""
    size: int
    """Images are (size, size)."""
    subjects: Sequence[str] = ()
    """The subjects of the images; empty if there are none."""
    substituted: Sequence[str] = ()
    """Sources whose images are missing and replaced by phantoms."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def image(self, index: int, rng: np.random.Generator) -> Array:
        """Image ``index`` as (size, size) float32 in [0, 1]; ``rng`` samples its augmentation, never its content."""

    stacks: bool = False
    """Whether its images have neighbours along the tilt axis, available by :meth:`stack`."""

    def stack(self, index: int, rng: np.random.Generator, slices: int, spacing: int = 1) -> Array:
        """An odd number of slices (slices, size, size), ``spacing`` pixels apart along the tilt axis, image ``index`` in the middle."""
        if slices == 1:
            return self.image(index, rng)[None]
        raise InputError(f"{self.name} has images only, without neighbouring slices: take data.slices=1, or another source")

    def augmentation(self, index: int) -> Augmentation:
        """The random augmentation of image ``index``, done on the training device."""
        return NONE

    def describe(self) -> list[dict[str, Any]]:
        """The entries in a run's record, one for each contained source: ``name``, ``images``, ``licence`` …"""
        return [{"name": self.name, "images": len(self)}]

    def origin(self, index: int) -> str | None:
        """The subject of image ``index``; None for a synthetic one."""
        return None

    def real_sources(self) -> Sequence[RealSource]:
        """The real sources that it is or contains, on whose training subjects no network may be evaluated."""
        return ()

    def background(self, index: int) -> Array | None:
        """Image ``index`` (size, size) without its features; None if unknown."""
        return None

    def sinogram(self, index: int, geometry: TiltGeometry) -> Array | None:
        """Measured or exact rows (A, N) of image ``index``; None if it has none and must be projected."""
        return None

    def modalities(self) -> Counter[str]:
        """Numbers of its files by DICOM modality."""
        return Counter()


class PlainSource(Protocol):
    """The minimal interface of a source: see :class:`ImageSource`, of which it may have further methods."""

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int: ...

    def __len__(self) -> int: ...

    def image(self, index: int, rng: np.random.Generator) -> Array: ...


OPTIONAL = (
    *("subjects", "substituted", "augmentation", "describe", "origin", "real_sources", "background", "sinogram", "modalities"),
    *("stacks", "stack"),
)


def as_source(given: PlainSource) -> ImageSource:
    """Adapt any class with ``name``, ``size``, ``__len__`` and ``image`` to an :class:`ImageSource`, with defaults for the rest.

    Raises
    ------
    InputError
        If it has the former ``measured()`` in place of ``real_sources()``: its test images would no longer be checked.
    """
    own = getattr(type(given), "real_sources", ImageSource.real_sources)
    if callable(getattr(given, "measured", None)) and own is ImageSource.real_sources:
        raise InputError(f"{type(given).__name__} defines measured(), which is called real_sources() now: rename it there")
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


def augmented_images(source: ImageSource, indices: Sequence[int], seeds: Sequence[int], rngs: Sequence[np.random.Generator]) -> Tensor:
    """Augmented images (B, 1, N, N) of a source, with poses from ``rngs``."""
    images: list[Array] = []
    poses = []
    for index, rng in zip(indices, rngs, strict=True):
        images.append(source.image(index, rng))
        poses.append(source.augmentation(index).draw(rng))
    return augment(torch.from_numpy(np.stack(images)).unsqueeze(1), stack_poses(poses), torch.tensor(seeds))


def draw_seed(seed: int, epoch: int, index: int) -> int:
    """A 63-bit seed that depends only on (seed, epoch, index), not on worker or rank."""
    return int(np.random.SeedSequence([seed, epoch, index]).generate_state(1, np.uint64)[0] >> np.uint64(1))
