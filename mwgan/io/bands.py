"""Rows of all images along the tilt axis, read from disk in as few passes as the memory for it allows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mwgan.io.lazy import mapping, release
from mwgan.io.stack import Images

BAND_BYTES = 256 << 20
HELD_BYTES = 64 << 20  # of mapped images, before they are let go


class Bands:
    """Slices across the tilt axis from images (A, rows, columns): (A, slices, detector), as they are stored.

    Where a slice is a row of each image that lies mapped, it is read by itself. Elsewhere (a tilt axis along x, compressed images)
    each slice would cost a pass through the whole file, so that a band of them is read and kept.

    Parameters
    ----------
    images
        In the file's order.
    order
        Which images, in which order.
    axis_along_x
        Whether a slice is a column of each image.
    band_bytes
        What a band may take.
    """

    def __init__(self, images: Images, order: Sequence[int], axis_along_x: bool, band_bytes: int = BAND_BYTES) -> None:
        self._images, self._order, self._along_x = images, [int(index) for index in order], axis_along_x
        self.slices, self.detector_size = images.shape[1:] if not axis_along_x else images.shape[:0:-1]
        slice_bytes = len(self._order) * self.detector_size * images.dtype.itemsize
        directly = mapping(images) is not None and not axis_along_x
        self._band = 1 if directly else max(1, band_bytes // slice_bytes)
        self._start, self._kept = 0, np.empty((0, 0, 0))

    def __call__(self, start: int, stop: int) -> np.ndarray:
        """The slices ``start`` up to ``stop``, (A, stop - start, detector)."""
        if start < self._start or stop > self._start + self._kept.shape[1]:
            last = min(self.slices, max(stop, start + self._band))
            self._kept = np.empty((0, 0, 0))  # the next band is read where the last one was
            self._start, self._kept = start, self._read(start, last)
        return self._kept[:, start - self._start : stop - self._start]

    def _read(self, start: int, stop: int) -> np.ndarray:
        band = np.empty((len(self._order), stop - start, self.detector_size), self._images.dtype.newbyteorder("="))
        at_once = max(1, HELD_BYTES // int(np.prod(self._images.shape[1:]) * self._images.dtype.itemsize))
        for place, index in enumerate(self._order):
            if self._along_x:
                band[place] = np.asarray(self._images[index, :, start:stop]).T
            else:
                band[place] = self._images[index, start:stop]
            if (place + 1) % at_once == 0:
                release(self._images)
        release(self._images)
        return band
