"""Integers stored in a wrong format: unsigned ones as signed, or offset by half their range.

Both are detected from the pixels, as headers don't contain it: a microscope's 16-bit series that starts near -32768, and counts
above 32767 that became negative, in files of a mode with signed numbers only.
"""

from __future__ import annotations

import numpy as np

from mwgan.io.lazy import Unsigned, release
from mwgan.io.stack import Images

SAMPLED_IMAGES, SAMPLED_ROWS = 8, 512
FEWEST_JUMPS = 16  # neighbours more than half the range apart: a few are defects, a border of bright and wrapped pixels has many
TIMES_FEWER = 4  # required reduction of such neighbours when the numbers are read as unsigned
DARKEST_SHARE = 0.01  # of the pixels


def corrected(images: Images) -> tuple[Images, str | None]:
    """Images with corrected integers, and a sentence if anything was corrected; other images unchanged."""
    if images.dtype.kind != "i" or images.dtype.itemsize > 2:
        return images, None
    half = 1 << (8 * images.dtype.itemsize - 1)
    sample = _sample(images)
    if wrapped(sample):
        return Unsigned(images, add_half=False), f"numbers above {half - 1} were stored as negative ones: they are read as unsigned"
    if starts_low(sample):
        return Unsigned(images, add_half=True), f"numbers start near -{half}, as unsigned ones stored with that offset do: {half} is added"
    return images, None


def looks_unsigned(images: Images) -> bool:
    """Whether signed integers are wrapped unsigned ones."""
    return wrapped(_sample(images))


def wrapped(sample: list[np.ndarray]) -> bool:
    """Whether images (rows, columns) of signed integers have jumps over half their range that vanish when read as unsigned.

    A median of three along the rows removes single pixels: a hot pixel is not the border of a bright region.
    """
    as_signed = as_unsigned = 0
    for image in sample:
        if image.shape[1] < 3 or image.min() >= 0:
            continue
        half = 1 << (8 * image.dtype.itemsize - 1)
        parts = np.stack([image[:, :-2], image[:, 1:-1], image[:, 2:]])
        smooth = np.sort(parts, axis=0)[1].astype(np.int32)
        as_signed += int((np.abs(np.diff(smooth, axis=1)) > half).sum())
        as_unsigned += int((np.abs(np.diff(smooth % (2 * half), axis=1)) > half).sum())
    return as_signed >= max(FEWEST_JUMPS, TIMES_FEWER * as_unsigned)


def starts_low(sample: list[np.ndarray]) -> bool:
    """Whether the darkest pixels of signed integers are in the lowest quarter of their range, where no measured zero is.

    Decided by most images, as a lost one may contain anything.
    """
    half = 1 << (8 * sample[0].dtype.itemsize - 1)
    return float(np.median([np.quantile(image, DARKEST_SHARE) for image in sample])) < -half / 2


def _sample(images: Images) -> list[np.ndarray]:
    """Some images (rows, columns), evenly spaced, subsampled along their columns if they are large."""
    chosen = np.unique(np.linspace(0, images.shape[0] - 1, SAMPLED_IMAGES).round().astype(int))
    step = -(-images.shape[1] // SAMPLED_ROWS)
    sample = [np.asarray(images[int(index)])[::step].astype(images.dtype.newbyteorder("=")) for index in chosen]
    release(images)
    return sample
