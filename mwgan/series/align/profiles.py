"""The initial guess for a specimen that stays in the field: mass profiles along the tilt axis, centres of mass across it.

The mass of a row perpendicular to the tilt axis is the same at every tilt (common line), and the centre of mass of a
body is projected like a point. A background spoils both, so vacuum is thresholded first.
"""

from __future__ import annotations

import numpy as np

from mwgan.series.align.pose import Array
from mwgan.series.align.warp import Mask, Stack

OVERLAP = 0.5  # of the profiles, at least, when one is shifted against another
ROUNDS = 2
NOISES, SHARE = 3.0, 0.03  # of the noise, and of the brightest: below is vacuum


def without_air(images: Stack, noise: float) -> Stack:
    """Images (A, Y, X) with vacuum, up to its noise level, set to 0."""
    level = max(NOISES * noise, SHARE * float(np.quantile(images, 0.999)))
    return np.asarray(np.maximum(images - level, 0.0), np.float32)


def centres_across(images: Stack) -> Array:
    """Centres of mass (A,) in pixels right of the centre; 0 for an empty image."""
    place = np.arange(images.shape[2]) - (images.shape[2] - 1) / 2
    profiles = images.sum(axis=1, dtype=float)
    return np.asarray((profiles * place).sum(axis=1) / np.maximum(profiles.sum(axis=1), np.finfo(float).tiny))


def shifts_along(images: Stack, known: Mask, tilt_deg: Array, reach: int) -> Array:
    """Shift (A,) in pixels of each image's content along the axis, relative to the mean of all images.

    Parameters
    ----------
    images, known
        (A, Y, X), without vacuum, and which pixels were measured.
    tilt_deg
        (A,); profiles are accumulated from the image with the smallest tilt.
    reach
        Largest shift in pixels.
    """
    rows = known.mean(axis=2) > 1 - 1e-6
    profiles = np.where(rows, images.sum(axis=2, dtype=float), np.nan)
    order = np.argsort(np.abs(tilt_deg), kind="stable")
    shifts = np.zeros(len(images))
    reference = profiles[order[:1]]
    for number in order[1:]:
        shifts[number] = _shift(_mean(reference, 1), profiles[number], reach)
        reference = np.concatenate([reference, _moved(profiles[number], shifts[number])[None]])
    for _ in range(ROUNDS):
        together = np.stack([_moved(profile, shift) for profile, shift in zip(profiles, shifts, strict=True)])
        mean = _mean(together, len(together) // 4)
        shifts = np.array([_shift(mean, profile, reach) for profile in profiles])
    return np.asarray(shifts - shifts.mean())


def _shift(reference: Array, profile: Array, reach: int) -> float:
    """The shift at which a profile (Y,) fits a reference best: least mean square over the common range, with parabolic interpolation."""
    size = len(profile)
    lags = np.arange(-min(reach, size - 2), min(reach, size - 2) + 1)
    misfit = np.full(len(lags), np.inf)
    for place, lag in enumerate(lags.tolist()):
        one, other = reference[max(0, -lag) : size - max(0, lag)], profile[max(0, lag) : size - max(0, -lag)]
        both = ~np.isnan(one) & ~np.isnan(other)
        if both.sum() >= OVERLAP * (~np.isnan(profile)).sum():
            misfit[place] = float(((one[both] - other[both]) ** 2).mean())
    best = int(np.argmin(misfit))
    if 0 < best < len(lags) - 1 and np.isfinite(misfit[best - 1 : best + 2]).all():
        before, least, after = misfit[best - 1 : best + 2]
        bend = before - 2 * least + after
        return float(lags[best] + (0.5 * (before - after) / bend if bend > 0 else 0.0))
    return float(lags[best])


def _mean(profiles: Array, fewest: int) -> Array:
    """The mean of known values; NaN where there are fewer than ``fewest``."""
    count = (~np.isnan(profiles)).sum(axis=0)
    return np.asarray(np.where(count >= max(1, fewest), np.nansum(profiles, axis=0) / np.maximum(count, 1), np.nan))


def _moved(profile: Array, shift: float) -> Array:
    """A profile (Y,) shifted by ``shift`` pixels; NaN where nothing is known."""
    place = np.arange(len(profile)) + shift
    return np.asarray(np.interp(place, np.arange(len(profile)), profile, left=np.nan, right=np.nan))


def spread_along(images: Stack, known: Mask, shifts: Array) -> float:
    """Relative spread of the profiles of images (A, Y, X) along the axis, after shifting each (A,)."""
    rows = known.mean(axis=2) > 1 - 1e-6
    profiles = np.where(rows, images.sum(axis=2, dtype=float), np.nan)
    together = np.stack([_moved(profile, shift) for profile, shift in zip(profiles, shifts, strict=True)])
    mean = _mean(together, len(together) // 2)
    both = ~np.isnan(together) & ~np.isnan(mean)
    difference = np.where(both, together - mean, 0.0)
    return float(np.sqrt((difference**2).sum() / max(float((np.where(both, mean, 0.0) ** 2).sum()), np.finfo(float).tiny)))
