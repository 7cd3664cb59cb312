"""Whether the tilts belong to their images, or fit better in another order or with another step, by moments of projections.

The moment of order k of a projection is a polynomial of that degree in the tilt's sine and cosine, for any object
(Helgason 1965, Ludwig 1966); with wrong tilts it isn't. All rows and images are combined, so noise of many percent is tolerable.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mwgan.series.look.statistics import Array, Statistics, mean_of_known

HIGHEST = 6
BETTER = 40.0  # required decrease of the sum of squares, in units of its noise: by chance it is 10, for a round specimen
HARDLY_MORE = 2.0  # times the noise: residual of the moments
MUCH = 3.0  # required ratio of residuals where they are larger than that
GROUPS = (1, 2, 3)  # numbers of tilts on one side before as many on the other
PRESENT = 0.02  # of the brightest pixel's mean over the tilts
ONE_BY_ONE, IN_TURN = "in the order one side from 0 on, then the other", "in the order 0, then both sides in turn"
STEPS = (0.5, 2 / 3, 0.75, 4 / 3, 1.5, 2.0)  # times as wide


class _Moment(NamedTuple):
    order: int
    values: Array
    """Of each image (A,)."""
    noise: Array
    """Standard deviation of each."""


def likely_orders(tilt_deg: Array) -> list[tuple[str, Array]]:
    """Tilts (A,) in the usual acquisition orders, with display names; which side comes first can't be seen from images."""
    rising = np.sort(tilt_deg)
    start = int(np.argmin(np.abs(rising)))
    up, down = rising[start + 1 :], rising[:start][::-1]
    first, again = rising[start : start + 1], rising[start + 1 : start + 2]
    both = bool(len(again) and again[0] == first[0])  # each half starts with its own exposure
    up, start_again = (up[1:], again) if both else (up, rising[:0])
    orders = [("in rising order", [rising]), ("in falling order", [rising[::-1]])]
    orders += [(ONE_BY_ONE, [first, up, start_again, down]), (ONE_BY_ONE, [first, down, start_again, up])]
    orders += [("in the order 0 to the highest, then from the lowest on", [first, up, down[::-1], start_again])]
    for group in GROUPS:
        for one, other in ((up, down), (down, up)):
            parts = [first, start_again]
            for place in range(0, max(len(one), len(other)), group):
                parts += [one[place : place + group], other[place : place + group]]
            orders.append((f"{IN_TURN}{f' by {group}' if group > 1 else ''}", parts))
    return [(name, np.concatenate(parts)) for name, parts in orders]


def fits_better(whole: Statistics, gathered: Statistics, axis: str) -> str | None:
    """Description of other tilts that fit the images far better than the given ones; None if there are none.

    Parameters
    ----------
    whole
        Statistics of images that show all of the specimen, minus the background.
    gathered
        Statistics of all images.
    axis
        Axis along which the tilt axis runs, ``x`` or ``y``.
    """
    bands, pixels = (whole.by_columns, whole.shape[0]) if axis == "y" else (whole.by_rows, whole.shape[1])
    place = np.argsort(whole.numbers)  # in the order of the file
    rows, tilts = np.nan_to_num(mean_of_known(bands, axis=1))[place], whole.tilt_deg[place]
    used = np.isin(np.sort(gathered.numbers), whole.numbers)
    others = [(name, order[used]) for name, order in likely_orders(gathered.tilt_deg)]
    reach = float(np.abs(tilts).max())  # beyond 90 degrees the step is a fraction of 180, so no other one is likely
    steps = [(f"{step:.2g} times as far apart", step * tilts) for step in STEPS if step * reach <= 90]
    noise = whole.noise[place] / np.sqrt(pixels)
    return better_tilts(rows, noise, tilts, others) or better_tilts(rows, noise, tilts, steps, clearly=True)


def better_tilts(rows: Array, noise: Array, tilt_deg: Array, others: list[tuple[str, Array]], clearly: bool = False) -> str | None:
    """The name of other tilts that fit the images far better than the given ones, if there are any.

    Parameters
    ----------
    rows
        (A, N): each image averaged along the tilt axis, minus the background; it must show all of the specimen.
    noise
        Standard deviation of the noise of a pixel of each row (A,).
    tilt_deg
        Given tilts (A,).
    others
        Alternatives: a name, and tilts (A,) in the order of the same images.
    clearly
        Only if their residual is hardly above the noise: inconsistent images may fit narrower tilts better, too.
    """
    moments = _moments(rows, noise)
    if not moments:
        return None
    given = [_misfit(moment, tilt_deg) for moment in moments]
    ours, freedom = (sum(column) for column in zip(*given, strict=True))
    found, most = None, BETTER
    for name, tilts in others:
        left = [_misfit(moment, tilts)[0] for moment in moments]
        by_noise = sum(left) <= HARDLY_MORE * freedom
        if sum(left) * (1.0 if by_noise else MUCH) > ours or (clearly and not by_noise):
            continue
        # Errors that neither explains, such as misalignment, must not be overweighted.
        gain = sum((mine - other) / max(1.0, other / free) for (mine, free), other in zip(given, left, strict=True))
        if gain > most:
            found, most = name, gain
    return found


def _moments(rows: Array, noise: Array) -> list[_Moment]:
    """The centre of mass and the central moments, of the pixels that the specimen reaches at any tilt."""
    profile = np.convolve(np.pad(rows.mean(axis=0), 2, mode="edge"), np.ones(5) / 5, "valid")
    inside, mass = np.flatnonzero(profile > PRESENT * profile.max()), rows.sum(axis=1)
    if profile.max() <= 0 or not len(inside) or not (mass > 0.2 * np.median(mass)).all():
        return []
    margin = max(2, len(profile) // 32)
    cut = slice(max(0, inside[0] - margin), inside[-1] + margin + 1)
    rows, place = rows[:, cut], (np.arange(rows.shape[1]) - (rows.shape[1] - 1) / 2)[cut]
    mass = rows.sum(axis=1)
    shares, half = rows / mass[:, None], max(1.0, float(np.ptp(place)) / 2)
    spread = np.maximum(noise / mass, 1e-9 / half)  # rounding errors, if there is no noise
    centre = (shares * place).sum(axis=1)
    found = [_Moment(1, centre / half, spread * np.sqrt((place**2).sum()) / half)]
    away = (place - centre[:, None]) / half
    for order in range(2, min(HIGHEST, len(rows) // 2 - 1) + 1):
        power = away**order
        found.append(_Moment(order, (shares * power).sum(axis=1), spread * np.sqrt((power**2).sum(axis=1))))
    return found


def _misfit(moment: _Moment, tilt_deg: Array) -> tuple[float, int]:
    """The residual sum of squares of a polynomial fit of the moment's degree, in units of the noise; and its degrees of freedom."""
    tilts = np.radians(tilt_deg)
    powers = [np.cos(tilts) ** (moment.order - power) * np.sin(tilts) ** power for power in range(moment.order + 1)]
    model = np.stack([*powers, *([np.ones_like(tilts)] if moment.order == 1 else [])], axis=1)  # the axis may be anywhere
    weighed = model / moment.noise[:, None]
    wanted = moment.values / moment.noise
    solution, *_ = np.linalg.lstsq(weighed, wanted, rcond=None)
    return float(((wanted - weighed @ solution) ** 2).sum()), max(1, len(tilts) - model.shape[1])
