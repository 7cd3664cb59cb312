"""Direction and position of the tilt axis on the detector, and whether the images are aligned to it."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mwgan.series.look.statistics import Array, Statistics, mean_of_known

CLEARER = 4.0  # the mass along one axis must change this many times more from tilt to tilt
CONSERVED = 10.0  # largest change along the other: 2 % of the mass, or ten times the noise
FAR_BETTER = 4.0  # times smaller residual
SMOOTH = 0.5  # of the scatter, from one image to the next: the images are aligned, but not for these tilts
PRESENT = 0.02  # of the brightest column's mean over the tilts
WIDTHS_BEYOND_NOISE = 6.0  # standard deviations
BEYOND_NOISE = 3.0  # standard errors
LEAST_PX = 0.15  # smaller offsets aren't corrected
SCATTER_PX = 1.0  # of the images around one circle: with more they aren't aligned


class Path(NamedTuple):
    """The path of the centre of mass over the detector, compared with the projection of the best circle."""

    offset_px: float
    """Position of the tilt axis, right of the detector's centre."""
    error_px: float
    """Its standard error, from the scatter."""
    scatter_px: float
    """RMS distance of the images' centres from the circle's."""
    expected_px: float
    """The part of it expected from noise."""
    jitter_px: float
    """Median distance of a centre from that interpolated from its neighbours in tilt."""
    width_misfit: float
    """Misfit of the squared widths to those possible for any slice at these tilts, in units of their noise."""
    width_jitter: float
    """Share of it between neighbouring images."""


def changes(seen: Statistics, axis: str, level: float = 0.0) -> float:
    """Change of the mass of single rows (``y``) or columns (``x``) from tilt to tilt, in units of its noise or of 0.2 %.

    Rows perpendicular to the tilt axis keep their mass, and their shares of an image's mass too.
    """
    bands = seen.by_rows if axis == "y" else seen.by_columns
    mass = np.nan_to_num(mean_of_known(bands, axis=1) - level)  # (A, R)
    shares = mass / np.maximum(np.abs(mass.mean(axis=1, keepdims=True)), np.finfo(float).tiny)
    pixels = seen.shape[1] if axis == "y" else seen.shape[0]
    noise = np.median(seen.noise) / np.sqrt(pixels) / max(float(np.abs(mass).mean()), np.finfo(float).tiny)
    return float(np.sqrt(np.nanmean((shares - shares.mean(axis=0)) ** 2)) / max(noise, 2e-3))


def axis_seems(seen: Statistics, level: float = 0.0) -> str | None:
    """The axis of the images, ``x`` or ``y``, along which the tilt axis runs by the masses; None if undecided."""
    if min(seen.shape) < 8 or len(seen.tilt_deg) < 5:
        return None
    along_y, along_x = changes(seen, "y", level), changes(seen, "x", level)
    if along_y > CLEARER * max(along_x, 1.0) and along_x < CONSERVED:
        return "x"
    return "y" if along_x > CLEARER * max(along_y, 1.0) and along_y < CONSERVED else None


def sees_all(seen: Statistics, axis: str) -> npt.NDArray[np.bool_]:
    """Which images (A,) cover everything that the specimen reaches at any tilt."""
    bands = seen.by_columns if axis == "y" else seen.by_rows
    profile = np.nan_to_num(mean_of_known(bands, axis=(0, 1)))
    reached = profile > PRESENT * profile.max()
    return np.asarray(~np.isnan(bands[:, :, reached]).any(axis=(1, 2)))


def centre_path(seen: Statistics, axis: str, level: float) -> Path | None:
    """The path of the centre of mass across the tilt axis, for a specimen that never leaves the field; None if it has no mass."""
    bands = seen.by_columns if axis == "y" else seen.by_rows
    rows = np.nan_to_num(mean_of_known(bands, axis=1) - level)
    place = np.arange(rows.shape[1]) - (rows.shape[1] - 1) / 2
    rows, place = _where_it_is(rows, place)
    mass = rows.sum(axis=1)
    if not (mass > 0.2 * np.median(mass)).all() or np.median(mass) <= 0:
        return None
    others = seen.shape[0] if axis == "y" else seen.shape[1]
    noise = seen.noise / np.sqrt(others) / mass
    tilts = np.radians(seen.tilt_deg)
    centres = (rows * place).sum(axis=1) / mass
    fit = _fitted(np.stack([np.ones_like(tilts), np.cos(tilts), -np.sin(tilts)], axis=1), centres)
    expected = float(np.median(noise * np.sqrt((place**2).sum())))
    # The second moment of any slice is a quadratic form of the tilt's sine and cosine.
    away = place - centres[:, None]
    moments = (rows * away**2).sum(axis=1) / mass
    width = _fitted(np.stack([np.cos(tilts) ** 2, np.sin(tilts) * np.cos(tilts), np.sin(tilts) ** 2], axis=1), moments)
    expected_width = float(np.median(noise * np.sqrt((away**4).sum(axis=1))))
    error = max(fit.scatter, expected) * fit.first_error
    return Path(
        fit.first,
        error,
        fit.scatter,
        expected,
        fit.jitter,
        width.scatter / max(expected_width, 1e-9),
        width.jitter / max(width.scatter, 1e-9),
    )


def _where_it_is(rows: Array, place: Array) -> tuple[Array, Array]:
    """Rows (A, N) and their pixel positions, cut to those that the specimen reaches at any tilt: noise outside has a long lever arm."""
    profile = np.convolve(np.pad(rows.mean(axis=0), 2, mode="edge"), np.ones(5) / 5, "valid")
    inside = np.flatnonzero(profile > PRESENT * profile.max())
    if profile.max() <= 0 or not len(inside):
        return rows, place
    margin = max(2, len(profile) // 32)
    cut = slice(max(0, inside[0] - margin), inside[-1] + margin + 1)
    return rows[:, cut], place[cut]


class _Fit(NamedTuple):
    first: float
    first_error: float
    scatter: float
    jitter: float


def _fitted(model: Array, values: Array) -> _Fit:
    """The first coefficient of a least-squares fit, its error for a scatter of 1, the scatter, and the roughness of the residual."""
    solution, *_ = np.linalg.lstsq(model, values, rcond=None)
    left = values - model @ solution
    scatter = float(np.sqrt((left**2).sum() / max(1, len(left) - model.shape[1])))
    second = left[2:] - 2 * left[1:-1] + left[:-2]
    jitter = float(np.median(np.abs(second)) / 0.6745 / np.sqrt(6)) if len(second) else 0.0
    error = float(np.sqrt(np.linalg.inv(model.T @ model + 1e-9 * np.eye(model.shape[1]))[0, 0]))
    return _Fit(float(solution[0]), error, scatter, jitter)


def drift_along(seen: Statistics, axis: str, level: float) -> float:
    """RMS shift in pixels between neighbours in tilt along the tilt axis.

    The mass of rows doesn't change with tilt, so a profile along the axis that fits better at another position has shifted.
    """
    bands = seen.by_rows if axis == "y" else seen.by_columns
    profiles = np.nan_to_num(mean_of_known(bands, axis=1) - level)
    size = profiles.shape[1]
    typical = np.abs(profiles.mean(axis=1, keepdims=True))
    if size < 16 or not (typical > 0).all():
        return 0.0
    profiles = profiles / typical
    pixels = seen.shape[1] if axis == "y" else seen.shape[0]
    noise = 2 * (float(np.median(seen.noise)) / np.sqrt(pixels) / float(np.median(typical))) ** 2
    shifts = [_shift_between(one, other, noise) for one, other in itertools.pairwise(profiles)]
    return float(np.sqrt(np.mean(np.square(shifts))))


def _shift_between(one: Array, other: Array, noise: float) -> int:
    """Whole pixels by which a profile is shifted against another: 0 unless it then fits far better, beyond its noise."""
    size = len(one)
    reach = size // 4
    misfit = {}
    for shift in range(-reach, reach + 1):
        first, second = one[max(0, -shift) : size - max(0, shift)], other[max(0, shift) : size - max(0, -shift)]
        misfit[shift] = float(((second - first) ** 2).mean())
    best = min(misfit, key=lambda shift: misfit[shift])
    return best if misfit[0] > FAR_BETTER * max(misfit[best], noise) else 0


def fits_other_tilts(path: Path) -> bool:
    """Whether centres, or widths, change smoothly from image to image but don't fit any slice at these tilts."""
    beyond = max(BEYOND_NOISE * path.expected_px, 0.1)
    centres = path.scatter_px > beyond and path.jitter_px < SMOOTH * path.scatter_px
    return centres or (path.width_misfit > WIDTHS_BEYOND_NOISE and path.width_jitter < SMOOTH)
