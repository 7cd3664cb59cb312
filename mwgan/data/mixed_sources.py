"""Several sources as one, randomly split into training and held-out images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mwgan.data.augmentation import Augmentation
from mwgan.data.canvas import Array
from mwgan.data.source import ImageSource, PlainSource, RealSource, as_source
from mwgan.errors import InputError


class MixedSources(ImageSource):
    """The images of all ``sources``, or one part of a random split by ``seed``.

    Parameters
    ----------
    sources
        Image sources of one size, by name.
    held_out
        Number of images set aside by the split.
    part
        ``train`` for the remaining images, ``validation`` for those set aside.
    seed
        Determines the split. Both parts must have the same sources in the same order.
    count
        Use only so many of the part; None uses all.
    """

    def __init__(
        self, sources: Mapping[str, PlainSource], held_out: int = 0, part: str = "train", seed: int = 0, count: int | None = None
    ) -> None:
        self.sources = [as_source(source) for source in sources.values()]
        sizes = {source.size for source in self.sources}
        if len(sizes) != 1:
            raise InputError(f"mixed sources need images of one size, not {sorted(sizes) or 'no source at all'}")
        total = sum(len(source) for source in self.sources)
        if part not in ("train", "validation"):
            raise InputError(f"the part is train or validation, not {part!r}")
        order = np.random.default_rng(seed).permutation(total)
        self.order = order[held_out:] if part == "train" else order[:held_out]
        self.order = self.order[:count]
        if not 0 <= held_out <= total or (count or 0) < 0 or len(self.order) == 0:
            raise InputError(f"{held_out} held out and count {count} of {total} images leave none for {part}")
        self.starts = np.cumsum([0, *(len(source) for source in self.sources)])
        self.size = sizes.pop()
        self.name = "+".join(source.name for source in self.sources)
        self.stacks = all(source.stacks for source in self.sources)
        self.substituted = tuple(name for source in self.sources for name in source.substituted)

    def __len__(self) -> int:
        return len(self.order)

    def image(self, index: int, rng: np.random.Generator) -> Array:
        """Image ``index`` (size, size) in [0, 1] of the part."""
        source, own = self._find(index)
        return source.image(own, rng)

    def stack(self, index: int, rng: np.random.Generator, slices: int, spacing: int = 1) -> Array:
        """Slices (slices, size, size) along the tilt axis, image ``index`` of the part in the middle."""
        source, own = self._find(index)
        return source.stack(own, rng, slices, spacing)

    def augmentation(self, index: int) -> Augmentation:
        """The random augmentation of image ``index``."""
        source, own = self._find(index)
        return source.augmentation(own)

    def origin(self, index: int) -> str | None:
        """The subject of image ``index``; None if it has none."""
        source, own = self._find(index)
        return source.origin(own)

    def real_sources(self) -> list[RealSource]:
        """The real ones of the sources."""
        return [one for source in self.sources for one in source.real_sources()]

    def describe(self) -> list[dict[str, Any]]:
        """The sources' entries in a run's record."""
        return [entry for source in self.sources for entry in source.describe()]

    def _find(self, index: int) -> tuple[ImageSource, int]:
        """The source of image ``index``, and its number there."""
        if not 0 <= index < len(self):
            raise IndexError(f"image {index} of {len(self)}")
        place = int(self.order[index])
        which = int(np.searchsorted(self.starts, place, side="right")) - 1
        return self.sources[which], place - int(self.starts[which])
