"""Whether the images' intensities are comparable: the mass of a completely imaged specimen is constant."""

from __future__ import annotations

import numpy as np

from mwgan.series.look.statistics import Array, Statistics, mean_of_known

ALIKE = 1e-3  # of the range, between the same statistic of all images
THE_SAME = 1e-5  # of the range: darkest and brightest pixels, which differ by noise alone
BEYOND_NOISE = 20.0  # standard errors
DARK = 0.3  # of its neighbours' mass


def are_normalised(seen: Statistics) -> str | None:
    """The statistic to which all images were normalised, if any: in measured images it differs from image to image."""
    means = mean_of_known(seen.small, axis=(1, 2))
    spread = seen.highest - seen.lowest
    typical = float(np.median(spread))
    if typical <= 0 or len(means) < 4:
        return None

    def alike(values: Array) -> bool:
        return bool(np.ptp(values) <= ALIKE * typical)

    if alike(seen.deviation) and np.ptp(means) <= 0.02 * typical:
        return "mean and spread"
    if max(np.ptp(seen.lowest), np.ptp(seen.highest)) <= THE_SAME * typical:
        return "darkest and brightest pixel"
    return None


def hold_something(seen: Statistics) -> bool:
    """Whether the images' masses are far above those expected from noise alone."""
    mass = np.median(mean_of_known(seen.small, axis=(1, 2)))
    return bool(mass > BEYOND_NOISE * np.median(seen.noise) / np.sqrt(seen.shape[0] * seen.shape[1]))


def masses(seen: Statistics, level: float) -> Array:
    """The mass of each image (A,), relative to their median."""
    mass = np.nansum(seen.small - level, axis=(1, 2))  # unknown pixels count as empty
    return np.asarray(mass / max(float(np.median(np.abs(mass))), np.finfo(float).tiny))


def dark_images(mass: Array) -> list[int]:
    """Indices of images that are far darker than their neighbours in tilt: the beam was partly blocked, or the frame lost."""
    found = []
    for place in range(len(mass)):
        around = np.delete(mass[max(0, place - 3) : place + 4], min(place, 3))
        if len(around) > 1 and mass[place] < DARK * np.median(around):
            found.append(place)
    return found


def changes_of_mass(mass: Array) -> float:
    """RMS change of mass from image to image, without its steady change over the tilts."""
    if len(mass) < 4:
        return 0.0
    second = mass[2:] - 2 * mass[1:-1] + mass[:-2]
    return float(np.median(np.abs(second)) / 0.6745 / np.sqrt(6))
