"""One pass over the images of a series: the statistics on which all findings are based."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from mwgan.io import TiltSeries
from mwgan.io.lazy import release
from mwgan.series.look.filled import Filled, find_filled
from mwgan.series.look.outliers import Outliers, find_outliers

Array = npt.NDArray[np.float64]
SMALL = 64  # largest side in pixels of the reduced images
BANDS = 16  # bands of rows, and of columns, kept at the detector's resolution
MEDIAN_OF_NORMAL = 0.6745


@dataclass
class Statistics:
    """Statistics of images (A, R, C), in the order of their tilts; outliers are replaced and filled borders left out throughout.

    ``small`` (A, r, c) are the images averaged to at most 64 pixels along each side; ``by_columns`` (A, b, C) and ``by_rows``
    (A, b, R) are averages over bands of rows and of columns.
    """

    tilt_deg: Array
    """From -90 to 270; beyond 90 for images from behind."""
    numbers: list[int]
    """Numbers of the images in the file, from 0."""
    shape: tuple[int, int]
    """(R, C)."""
    small: Array
    by_columns: Array
    by_rows: Array
    noise: Array
    """Standard deviation of the noise of a pixel of each image (A,)."""
    lowest: Array
    highest: Array
    deviation: Array
    outliers: list[Outliers] = field(default_factory=list)
    filled: list[Filled] = field(default_factory=list)

    @property
    def dead(self) -> npt.NDArray[np.bool_]:
        """Images (A,) in which every pixel is the same."""
        return np.asarray(self.highest == self.lowest)

    def of(self, kept: npt.NDArray[np.bool_]) -> Statistics:
        """The statistics of some of the images (A,)."""
        places = np.flatnonzero(kept)
        return replace(
            self,
            tilt_deg=self.tilt_deg[kept],
            small=self.small[kept],
            by_columns=self.by_columns[kept],
            by_rows=self.by_rows[kept],
            noise=self.noise[kept],
            lowest=self.lowest[kept],
            highest=self.highest[kept],
            deviation=self.deviation[kept],
            numbers=[self.numbers[place] for place in places],
            outliers=[self.outliers[place] for place in places],
            filled=[self.filled[place] for place in places],
        )


def gather(series: TiltSeries) -> Statistics:
    """Read every image that a series uses, one at a time."""
    # Images from behind are used unflipped, at their original tilts: the position they are flipped about is not known yet.
    taken = np.asarray(series.image_tilt_deg, dtype=float) + 180.0 * np.asarray(series.image_flipped)
    order = np.argsort(taken, kind="stable")
    tilt_deg, numbers = taken[order], [int(index) for index in np.asarray(series.image_numbers)[order]]
    rows, columns = series.images.shape[1:]
    small, by_columns, by_rows, values = [], [], [], []
    outliers, borders = [], []
    for index in numbers:
        image = np.array(series.images[index], dtype=np.float32)
        release(series.images)
        filled = find_filled(image)
        hot = find_outliers(image, filled)
        hot.replace(image)
        known = filled.whole((rows, columns))
        small.append(_averaged(image, known, min(rows, SMALL), min(columns, SMALL)))
        by_columns.append(_averaged(image, known, min(rows, BANDS), columns))
        by_rows.append(_averaged(image, known, rows, min(columns, BANDS)).T)
        inside = image[known] if filled else image
        values.append((noise_of(image), float(inside.min()), float(inside.max()), float(inside.std())))
        outliers.append(hot)
        borders.append(filled)
    noise, lowest, highest, deviation = np.array(values).T
    pictures = (np.stack(small), np.stack(by_columns), np.stack(by_rows))
    return Statistics(tilt_deg, numbers, (rows, columns), *pictures, noise, lowest, highest, deviation, outliers, borders)


def noise_of(image: npt.NDArray[np.float32]) -> float:
    """Estimated standard deviation of white noise in an image, from the median of second differences in both directions.

    Structures smooth in either direction don't contribute; areas of equal pixels (clipped, filled) don't count.
    """
    kernel = np.array([1.0, -2.0, 1.0], np.float32)
    shape = image.shape
    difference, strength = image, 1.0
    for axis in (0, 1):
        if shape[axis] >= len(kernel):
            parts = [np.take(difference, range(start, difference.shape[axis] - 2 + start), axis=axis) for start in range(3)]
            difference, strength = parts[0] - 2 * parts[1] + parts[2], strength * 6
    values = np.abs(difference[difference != 0])
    return float(np.median(values) / MEDIAN_OF_NORMAL / np.sqrt(strength)) if values.size > difference.size / 50 else 0.0


def mean_of_known(values: Array, axis: int | tuple[int, ...]) -> Array:
    """The mean over an axis, ignoring NaN; NaN if all values are."""
    known = ~np.isnan(values)
    count = known.sum(axis=axis)
    return np.asarray(np.where(count > 0, np.where(known, values, 0.0).sum(axis=axis) / np.maximum(count, 1), np.nan))


def _averaged(image: npt.NDArray[np.float32], known: npt.NDArray[np.bool_], rows: int, columns: int) -> Array:
    """An image averaged over rows x columns blocks of nearly equal size, over known pixels; NaN where none is known."""
    counts = _summed(known.astype(np.float64), rows, columns)
    sums = _summed(np.where(known, image, 0.0).astype(np.float64), rows, columns)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _summed(values: Array, rows: int, columns: int) -> Array:
    row_starts = np.linspace(0, values.shape[0], rows, endpoint=False).astype(int)
    column_starts = np.linspace(0, values.shape[1], columns, endpoint=False).astype(int)
    return np.asarray(np.add.reduceat(np.add.reduceat(values, row_starts, axis=0), column_starts, axis=1))
