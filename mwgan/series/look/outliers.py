"""Hot and dead pixels and X-rays: single pixels sharper than any image feature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

from mwgan.series.look.filled import Filled

Image = npt.NDArray[np.float32]
NOISES = 8.0  # distance from their neighbourhood, in standard deviations of the differences from it
SHARPEST = 2.0  # times the contrast of the brightest pixels nearby: a lens produces no sharper spot of one pixel
NEIGHBOURS = 2  # pixels around, in which a cluster of up to three counts as one
CLUSTER = 3
LEAST = 0.6  # of the image's contrast: weaker ones do little harm, and may be the tip of a structure
TOO_MANY = 0.02  # of the pixels: then they are a property of the images


@dataclass(frozen=True)
class Outliers:
    """Outlying pixels of one image, and their replacements."""

    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    values: Image

    def __len__(self) -> int:
        return len(self.rows)

    def replace(self, image: Image) -> None:
        """Replace the pixels in an image (R, C)."""
        image[self.rows, self.columns] = self.values


NONE = Outliers(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.float32))


def find_outliers(image: Image, filled: Filled) -> Outliers:
    """The outliers of an image (R, C), each with the median of its neighbourhood.

    A pixel is an outlier if it differs from that median by far more than pixels of its brightness do and by much of the image's
    contrast, and from the brightest (or darkest) pixels around it by more than an imaged spot could.
    """
    height, width = image.shape
    if min(height, width) < 3 and height * width < 64:
        return NONE
    middle = median_filter(image, size=(min(3, height), 3) if height < 3 else 3, mode="nearest")
    away = image - middle
    spread = _spread(np.abs(away), middle)
    candidates = (np.abs(away) > NOISES * spread) & filled.whole(image.shape)
    contrast = float(np.ptp(np.quantile(middle, (0.005, 0.995))))
    places = np.argwhere(candidates & (np.abs(away) > LEAST * contrast))
    if not len(places) or len(places) > 10 * TOO_MANY * image.size:
        return NONE
    kept = [place for place in places if _stands_out(image, middle, place, float(spread[tuple(place)]))]
    if not kept or len(kept) > TOO_MANY * image.size:
        return NONE
    rows, columns = np.array(kept).T
    hot = np.zeros(image.shape, bool)
    hot[rows, columns] = True
    values = [_surroundings(image, hot, row, column) for row, column in kept]
    return Outliers(rows, columns, np.array(values, np.float32))


def _spread(away: Image, middle: Image) -> Image:
    """Standard deviation of the difference from the neighbourhood, by brightness, as Poisson noise grows with it."""
    classes = 8
    edges = np.quantile(middle, np.linspace(0, 1, classes + 1)[1:-1])
    number = np.searchsorted(edges, middle)
    of_class = np.zeros(classes, np.float32)
    for one in range(classes):
        values = away[number == one]
        # Most of a class may be clipped or empty: only pixels that differ count.
        values = values[values > 0]
        of_class[one] = 1.4826 * np.median(values) if values.size else 0.0
    return np.asarray(np.maximum(of_class, of_class.max() * 0.05)[number])


def _stands_out(image: Image, middle: Image, place: npt.NDArray[np.intp], spread: float) -> bool:
    row, column = place
    around = _around(image, row, column)
    ordered = np.sort(around)
    value, level = float(image[row, column]), float(np.median(around))
    high, low = float(ordered[-CLUSTER]), float(ordered[CLUSTER - 1])
    if value > level:
        return bool(value - level > SHARPEST * (high - level) + NOISES * spread)
    return bool(level - value > SHARPEST * (level - low) + NOISES * spread)


def _around(image: Image, row: int, column: int) -> Image:
    """The pixels around one, within the image."""
    top, left = max(0, row - NEIGHBOURS), max(0, column - NEIGHBOURS)
    window = image[top : row + NEIGHBOURS + 1, left : column + NEIGHBOURS + 1]
    return np.delete(window.ravel(), (row - top) * window.shape[1] + column - left)


def _surroundings(image: Image, hot: npt.NDArray[np.bool_], row: int, column: int) -> float:
    """The median of the pixels around one that aren't outliers."""
    top, left = max(0, row - NEIGHBOURS), max(0, column - NEIGHBOURS)
    window = (slice(top, row + NEIGHBOURS + 1), slice(left, column + NEIGHBOURS + 1))
    return float(np.median(image[window][~hot[window]]))
