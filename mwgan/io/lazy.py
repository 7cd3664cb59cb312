"""Images that are read, transposed or corrected lazily."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from mwgan.io.stack import Images


class Pages:
    """Images (A, rows, columns) stored separately; the last one read is cached.

    Parameters
    ----------
    read
        Returns image number k, (rows, columns).
    shape, dtype
        Of the full stack.
    """

    def __init__(self, read: Callable[[int], Any], shape: tuple[int, int, int], dtype: Any) -> None:
        self._read, self.shape, self.dtype = read, shape, np.dtype(dtype)
        self._latest: tuple[int, np.ndarray] = (-1, np.empty(0))

    def __getitem__(self, key: Any) -> Any:
        index, *within = key if isinstance(key, tuple) else (key,)
        if isinstance(index, slice):
            return np.stack([self[(one, *within)] for one in range(*index.indices(len(self)))])
        index = range(len(self))[index]
        if self._latest[0] != index:
            self._latest = (index, np.asarray(self._read(index)))
        return self._latest[1][tuple(within)]

    def __len__(self) -> int:
        return self.shape[0]


class TiltAxisFirst:
    """Images (A, rows, columns) of an array with the tilts along axis ``axis``, for arrays that can't be transposed on disk."""

    def __init__(self, array: Any, axis: int) -> None:
        self._array, self._axis, self.dtype = array, axis, array.dtype
        rows, columns = (size for place, size in enumerate(array.shape) if place != axis)
        self.shape = (array.shape[axis], rows, columns)

    def __getitem__(self, key: Any) -> Any:
        index, *within = key if isinstance(key, tuple) else (key,)
        where: list[Any] = [*within, *[slice(None)] * (2 - len(within))]
        where.insert(self._axis, index)
        part = np.asarray(self._array[tuple(where)])
        if not isinstance(index, slice):
            return part
        gone = sum(not isinstance(one, slice) for one in where[: self._axis])
        return np.moveaxis(part, self._axis - gone, 0)


class Unsigned:
    """Signed integers reinterpreted as unsigned ones, or with half their range added, so that the lowest becomes 0."""

    def __init__(self, images: Images, add_half: bool) -> None:
        self.images, self.shape = images, images.shape
        self.dtype = np.dtype(f"u{images.dtype.itemsize}")
        self._top_bit = (1 << (8 * self.dtype.itemsize - 1)) if add_half else 0

    def __getitem__(self, key: Any) -> Any:
        bits = np.asarray(self.images[key])
        bits = bits.view(bits.dtype.str.replace("i", "u"))
        return bits ^ self.dtype.type(self._top_bit) if self._top_bit else bits


def with_tilts_first(images: Images, axis: int) -> Images:
    """The images with axis ``axis`` moved to the front."""
    if axis == 0:
        return images
    if isinstance(images, np.ndarray):
        return np.moveaxis(images, axis, 0)
    return TiltAxisFirst(images, axis)


def mapping(images: Images) -> np.memmap | None:
    """The memory-mapped file of the images, if there is one."""
    images = images.images if isinstance(images, Unsigned) else images
    return images if isinstance(images, np.memmap) else None


def release(images: Images) -> None:
    """Release the memory of mapped pages after copying: otherwise all of a series would stay in memory."""
    mapped = mapping(images)
    if sys.platform != "win32" and mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        pages: mmap.mmap = vars(mapped)["_mmap"]
        pages.madvise(mmap.MADV_DONTNEED)
