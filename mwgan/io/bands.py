"""Reads rows of all images along the tilt axis, in as few passes through the file as memory allows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from mwgan.io.lazy import mapping, release
from mwgan.io.stack import Images

BAND_BYTES = 256 << 20
HELD_BYTES = 64 << 20  # of mapped images, before they are released


class Bands:
    """Slices across the tilt axis from images (A, rows, columns): (A, slices, detector), as they are stored.

    A slice that is a row of each memory-mapped image is read alone. Otherwise (a tilt axis along x, compressed images)
    each slice would cost a pass through the file, so a band of them is read and cached.

    Parameters
    ----------
    images
        In the file's order.
    order
        Indices of the images, in order.
    axis_along_x
        Whether a slice is a column of each image.
    band_bytes
        Memory for a band.
    """

    def __init__(self, images: Images, order: Sequence[int], axis_along_x: bool, band_bytes: int = BAND_BYTES) -> None:
        self._images, self._order, self._along_x = images, [int(index) for index in order], axis_along_x
        self.slices, self.detector_size = images.shape[1:] if not axis_along_x else images.shape[:0:-1]
        slice_bytes = len(self._order) * self.detector_size * images.dtype.itemsize
        directly = mapping(images) is not None and not axis_along_x
        self._band = 1 if directly else max(1, band_bytes // slice_bytes)
        self._start, self._stop = 0, 0
        self._room = self._kept = np.empty(0)

    def __call__(self, start: int, stop: int) -> np.ndarray:
        """The slices ``start`` up to ``stop``, (A, stop - start, detector); the next call may overwrite them."""
        if start < self._start or stop > self._stop:
            self._start, self._stop = start, min(self.slices, max(stop, start + self._band))
            self._kept = self._read(self._start, self._stop)
        return self._kept[:, start - self._start : stop - self._start]

    def room_bytes(self, slices: int) -> int:
        """Memory of a band if so many slices are read at a time."""
        return min(self.slices, max(slices, self._band)) * len(self._order) * self.detector_size * int(self._images.dtype.itemsize)

    def _read(self, start: int, stop: int) -> np.ndarray:
        shape = (len(self._order), stop - start, self.detector_size)
        if self._room.size < np.prod(shape):
            self._room = self._kept = np.empty(0)  # free it before the new buffer is allocated
            self._room = np.empty(int(np.prod(shape)), self._images.dtype.newbyteorder("="))
        band = self._room[: int(np.prod(shape))].reshape(shape)
        at_once = max(1, HELD_BYTES // int(np.prod(self._images.shape[1:]) * self._images.dtype.itemsize))
        for place, index in enumerate(self._order):
            if self._along_x:
                _transpose(np.array(self._images[index, :, start:stop], dtype=band.dtype, order="C"), band[place])
            else:
                band[place] = self._images[index, start:stop]
            if (place + 1) % at_once == 0:
                release(self._images)
        release(self._images)
        return band


def _transpose(columns: np.ndarray, rows: np.ndarray) -> None:
    """Transpose (detector, slices) into (slices, detector): torch does it in blocks that fit the cache."""
    bits = f"i{rows.dtype.itemsize}"
    torch.from_numpy(rows.view(bits)).copy_(torch.from_numpy(columns.view(bits)).t())
