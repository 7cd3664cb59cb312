"""CPU kernels for the spots of atoms on a detector: each only affects the few pixels within its reach.

A spot is a Gaussian integrated over the area of each pixel. Both kernels compute it and its derivatives along the detector, along the
tilt axis and by its width; one adds them to images, the other is its exact adjoint.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from mwgan.operators.cpu_kernels import compiled

PARTS = 4  # the spot, its derivatives along the detector, along the tilt axis, and by its width
# The normal distribution and its density between these steps by cubics that meet both and their slopes: within 1e-9, a third of the time.
PER_WIDTH, FURTHEST = 64, 9.0
STEPS = np.arange(-FURTHEST, FURTHEST + 2.5 / PER_WIDTH, 1 / PER_WIDTH)
WHOLE, HEIGHT = ndtr(STEPS), np.exp(-0.5 * STEPS**2) / math.sqrt(2 * math.pi)
SLOPE = -STEPS * HEIGHT
ANY_ORDER = {"contract", "nnan", "nsz", "reassoc"}  # of sums, so that they can be vectorised


@compiled(fastmath=ANY_ORDER)
def bounds(centre, width, reach, size):  # type: ignore[no-untyped-def]
    """First pixel within reach, and the one after the last."""
    low = math.ceil(centre - reach * width - 0.5)
    high = math.floor(centre + reach * width + 0.5) + 1
    return max(0, int(low)), min(size, int(high))


@compiled(fastmath=ANY_ORDER)
def normal(edge):  # type: ignore[no-untyped-def]
    """The normal distribution function at ``edge`` standard deviations, and its density there."""
    place = (min(max(edge, -FURTHEST), FURTHEST) + FURTHEST) * PER_WIDTH
    step = int(place)
    t = place - step
    rest, back = 1 - t, t * t * (3 - 2 * t)
    rise, fall = t * rest * rest / PER_WIDTH, -t * t * rest / PER_WIDTH
    whole = WHOLE[step] + back * (WHOLE[step + 1] - WHOLE[step]) + rise * HEIGHT[step] + fall * HEIGHT[step + 1]
    height = HEIGHT[step] + back * (HEIGHT[step + 1] - HEIGHT[step]) + rise * SLOPE[step] + fall * SLOPE[step + 1]
    return whole, height


@compiled(fastmath=ANY_ORDER)
def profile(centre, width, first, last, value, slope, growth):  # type: ignore[no-untyped-def]
    """A Gaussian of area 1 integrated over pixels, and its derivatives by its centre and by its width."""
    edge = (first - 0.5 - centre) / width
    whole, height = normal(edge)
    for place in range(last - first):
        next_edge = (first + place + 0.5 - centre) / width
        next_whole, next_height = normal(next_edge)
        value[place] = next_whole - whole
        slope[place] = (height - next_height) / width
        growth[place] = (edge * height - next_edge * next_height) / width
        edge, whole, height = next_edge, next_whole, next_height


@compiled(fastmath=ANY_ORDER)
def add_spots(columns, rows, widths, amounts, images, reach, first_tilt, last_tilt, across, along):  # type: ignore[no-untyped-def]
    """Add ``amounts`` (K, A, PARTS) of the spots at ``columns``, ``rows`` (K, A) to ``images`` (A, Y, N), tilt by tilt.

    ``across`` (3, N) and ``along`` (3, Y) are room for profiles.
    """
    _, height, width = images.shape
    for tilt in range(first_tilt, last_tilt):
        for atom in range(len(widths)):
            left, right = bounds(columns[atom, tilt], widths[atom], reach, width)
            top, bottom = bounds(rows[atom, tilt], widths[atom], reach, height)
            if left >= right or top >= bottom:
                continue
            profile(columns[atom, tilt], widths[atom], left, right, across[0], across[1], across[2])
            profile(rows[atom, tilt], widths[atom], top, bottom, along[0], along[1], along[2])
            whole, by_column, by_row, by_width = amounts[atom, tilt]
            count = right - left
            for place in range(count):
                across[1, place] = whole * across[0, place] + by_column * across[1, place] + by_width * across[2, place]
            for row in range(bottom - top):
                one = along[0, row]
                other = by_row * along[1, row] + by_width * along[2, row]
                for place in range(count):
                    images[tilt, top + row, left + place] += one * across[1, place] + other * across[0, place]


@compiled(fastmath=ANY_ORDER)
def gather_spots(columns, rows, widths, images, amounts, reach, first_tilt, last_tilt, across, along):  # type: ignore[no-untyped-def]
    """Write the inner products of ``images`` with each spot's parts into ``amounts``: the adjoint of :func:`add_spots`."""
    _, height, width = images.shape
    for tilt in range(first_tilt, last_tilt):
        for atom in range(len(widths)):
            left, right = bounds(columns[atom, tilt], widths[atom], reach, width)
            top, bottom = bounds(rows[atom, tilt], widths[atom], reach, height)
            amounts[atom, tilt] = 0
            if left >= right or top >= bottom:
                continue
            profile(columns[atom, tilt], widths[atom], left, right, across[0], across[1], across[2])
            profile(rows[atom, tilt], widths[atom], top, bottom, along[0], along[1], along[2])
            count = right - left
            for row in range(bottom - top):
                value = across[0, 0] * 0
                slope, growth = value, value
                for place in range(count):
                    pixel = images[tilt, top + row, left + place]
                    value += pixel * across[0, place]
                    slope += pixel * across[1, place]
                    growth += pixel * across[2, place]
                amounts[atom, tilt, 0] += along[0, row] * value
                amounts[atom, tilt, 1] += along[0, row] * slope
                amounts[atom, tilt, 2] += along[1, row] * value
                amounts[atom, tilt, 3] += along[0, row] * growth + along[2, row] * value
