"""The surroundings of the specimen: a background level, or bright-field contrast."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mwgan.series.look.statistics import Array, Statistics, mean_of_known

EDGE = 1 / 16  # of the detector, on either side
AT_QUANTILE = 2.576  # standard deviations, of a normal distribution at 0.5 and 99.5 %
BRIGHT_BEYOND = 1.0  # times the quantile expected from noise, in addition to it
BEYOND_NOISE = 5.0  # standard errors
LEAST = 0.005  # of the specimen's contrast: less doesn't matter
FLAT = 0.06  # of the specimen's contrast: largest variation of surroundings over tilts and positions
GROWS = 0.02  # of the contrast, over all tilts
DARKER = 3.0  # times as far below the surroundings as above them


class Surroundings(NamedTuple):
    """The two sides of the detector, across the tilt axis, that show only surroundings."""

    levels: Array
    """Of each image (A,): the mean of the empty sides."""
    error: float
    """Standard error of a level, from noise."""
    contrast: float
    """Contrast of the specimen: distance of its extreme from the surroundings."""
    empty: bool
    """Whether both sides are the same at every tilt and along the axis: nothing leaves the field there."""
    bright: bool
    """Whether the specimen is darker than its surroundings."""
    open_sides: tuple[str, ...]
    """Sides on which the specimen leaves the field."""


def surroundings(seen: Statistics, axis: str) -> Surroundings:
    """Analyse the sides across the tilt axis."""
    bands = _known(seen.by_columns if axis == "y" else seen.by_rows)
    size = bands.shape[2]
    edge = max(1, round(EDGE * size))
    pixels = max(1, (seen.shape[0] if axis == "y" else seen.shape[1]) // bands.shape[1])
    sides = {"left": bands[:, :, :edge], "right": bands[:, :, size - edge :]}
    means = {side: mean_of_known(values, axis=2) for side, values in sides.items()}  # (A, bands)
    middle = np.nanmedian(np.concatenate(list(means.values()), axis=1))
    smooth = seen.small[~np.isnan(seen.small)]
    noise = float(np.median(seen.noise))
    # Quantiles within those expected from noise in the averaged pixels of the small images count as neither above nor below.
    by_noise = AT_QUANTILE * noise * np.sqrt(seen.small[0].size / (seen.shape[0] * seen.shape[1]))
    above, below = (max(0.0, float(away) - by_noise) for away in (np.quantile(smooth, 0.995) - middle, middle - np.quantile(smooth, 0.005)))
    levels = {side: _median_of_known(values) for side, values in means.items()}
    error = noise / np.sqrt(edge * pixels * bands.shape[1])
    bright = bool(below > DARKER * above and below > max(BRIGHT_BEYOND * by_noise, 1e-12))
    contrast = max(above, below) if bright else above
    allowed = FLAT * contrast + BEYOND_NOISE * noise / np.sqrt(edge * pixels)
    reference = float(middle) if bright else min(float(np.nanmin(values)) for values in levels.values())
    open_sides = tuple(side for side in sides if not _flat(means[side], levels[side], reference, allowed))
    if not open_sides and _is_slab(np.mean(list(levels.values()), axis=0), seen.tilt_deg, contrast, error):
        open_sides = tuple(sides)
    both = np.concatenate([means[side] for side in sides if side not in open_sides] or list(means.values()), axis=1)
    return Surroundings(_filled_up(mean_of_known(both, axis=1)), error, contrast, not open_sides, bright and not open_sides, open_sides)


def _is_slab(levels: Array, tilt_deg: Array, contrast: float, error: float) -> bool:
    """Whether the sides get brighter with tilt like a slab, whose path length grows by 1 / cos, unlike a background."""
    if len(levels) < 4:
        return False
    longer = 1 / np.maximum(np.abs(np.cos(np.radians(tilt_deg))), 0.05)
    slope, start = np.polyfit(longer, levels, 1)
    left = levels - start - slope * longer
    grows = slope * float(np.ptp(longer))
    noise = max(error, float(left.std()))
    return bool(slope > 0 and grows > GROWS * contrast and grows > BEYOND_NOISE * noise)


def _median_of_known(bands: Array) -> Array:
    """The median of each image's bands (A, b); for an image without any there, that of all."""
    some = ~np.isnan(bands).all(axis=1)
    found = np.full(len(bands), np.nan)
    found[some] = np.nanmedian(bands[some], axis=1)
    return _filled_up(found)


def _filled_up(levels: Array) -> Array:
    """Levels (A,) with unknown ones replaced by the median."""
    known = ~np.isnan(levels)
    return np.where(known, levels, np.median(levels[known]) if known.any() else 0.0)


def _known(bands: Array) -> Array:
    """The pixels (A, b, N) across the axis that most images have measured."""
    known = (~np.isnan(bands)).mean(axis=(0, 1)) > 0.5
    return np.asarray(bands[:, :, known]) if known.sum() > 2 else np.nan_to_num(bands)


def background(seen: Surroundings) -> float | None:
    """The level to subtract from every pixel of every image; None if there is none, or it can't be determined."""
    if not seen.empty or seen.bright:
        return None
    level, spread = float(np.median(seen.levels)), float(seen.levels.std())
    error = max(seen.error, spread) / np.sqrt(len(seen.levels))
    return level if abs(level) > max(BEYOND_NOISE * error, LEAST * seen.contrast) else None


def _flat(means: Array, levels: Array, reference: float, allowed: float) -> bool:
    """Whether a side is the same at every tilt and position, and not brighter than the other."""
    flat = np.nanquantile(np.abs(means - np.nanmedian(means)), 0.95) <= allowed
    return bool(flat and abs(float(np.nanmedian(levels)) - reference) <= 2 * allowed)
