"""The projector on a CPU, without a matrix: weights are computed line by line, once for all slices of a batch.

The weights are those of :mod:`mwgan.operators.footprint`, in the same closed form. Slices are innermost in memory
(image (N, N, L), detector rows (A, N + 2 MARGIN, L)), so that a weight multiplies all L of them in vector registers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numba import njit

from mwgan.operators.lanes import gather, scatter

MARGIN = 2  # padding pixels of the detector, for footprints that fall off it
BLOCK = 8  # image rows that stay in the cache while tilts pass over them: 4 to 32 are similarly fast, 8 slightly the best
TILE = 16  # pixels of a line that are interleaved at a time: a cache line of float32
BEYOND = 1.25  # no footprint reaches further than sqrt(2) / 2 from its centre, and a detector pixel's edge is 0.5 from its own


def compiled(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """``function`` compiled to machine code, cached on disk for the next process if possible."""
    if function is None:
        return partial(compiled, **options)
    options = {"fastmath": {"contract", "nnan", "nsz"}, **options, "nogil": True, "error_model": "numpy"}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written to
        return njit(**options)(function)


@compiled
def project_tilts(image, cosines, sines, shifts, rows, first_tilt, last_tilt, left, right, nearest, lanes):  # type: ignore[no-untyped-def]
    """Write the projection of ``image`` (N, N, L) into ``rows`` (A, N + 2 MARGIN, L), from one tilt to before another.

    Steep tilts are processed along the columns, where neighbours project onto different detector pixels, so that their sums are
    independent.
    """
    size, width = image.shape[0], rows.shape[1]
    pixels, flat_rows = image.reshape(-1), rows.reshape(-1)
    centre = (size - 1) / 2
    one = left.dtype.type(1)
    rows[first_tilt:last_tilt] = 0
    for block in range(0, size, BLOCK):
        for tilt in range(first_tilt, last_tilt):
            cosine, sine = cosines[tilt], sines[tilt]
            steep = abs(sine) > abs(cosine)
            along, across = (-sine, cosine) if steep else (cosine, -sine)
            to_next, to_next_line = (size, 1) if steep else (1, size)
            for line in range(block, min(block + BLOCK, size)):
                start = centre - centre * along + (line - centre) * across + shifts[tilt]
                first, last = seen(start, along, size)
                line_weights(start + first * along, along, last - first, cosine, sine, left, right, nearest)
                pixel = line * to_next_line + first * to_next
                for step in range(last - first):
                    before, after = left[step], right[step]
                    position = tilt * width + nearest[step] + (MARGIN - 1)
                    scatter(flat_rows, position, pixels, pixel, before, one - before - after, after, lanes)
                    pixel += to_next


@compiled
def back_project_rows(rows, cosines, sines, shifts, image, first_row, last_row, left, right, nearest, lanes):  # type: ignore[no-untyped-def]
    """Write the back-projection of ``rows`` (A, N + 2 MARGIN, L) into ``image`` (N, N, L), from one image row to before another."""
    size, width = image.shape[0], rows.shape[1]
    pixels, flat_rows = image.reshape(-1), rows.reshape(-1)
    centre = (size - 1) / 2
    one = left.dtype.type(1)
    image[first_row:last_row] = 0
    for block in range(first_row, last_row, BLOCK):
        for tilt in range(len(cosines)):
            cosine, sine = cosines[tilt], sines[tilt]
            for line in range(block, min(block + BLOCK, last_row)):
                start = centre - centre * cosine - (line - centre) * sine + shifts[tilt]
                first, last = seen(start, cosine, size)
                line_weights(start + first * cosine, cosine, last - first, cosine, sine, left, right, nearest)
                for step in range(last - first):
                    before, after = left[step], right[step]
                    position = tilt * width + nearest[step] + (MARGIN - 1)
                    gather(pixels, line * size + first + step, flat_rows, position, before, one - before - after, after, lanes)


@compiled(inline="always")
def seen(start, step, size):  # type: ignore[no-untyped-def]
    """The first pixel of a line whose footprint touches the detector, and the one after the last."""
    inverse = 1.0 / step if abs(step) > 1e-12 else 1e12
    one, other = (-BEYOND - start) * inverse, (size - 1 + BEYOND - start) * inverse
    low, high = min(one, other), max(one, other)
    first = 0 if low < 0 else (size if low >= size - 1 else int(low) + 1)
    last = size if high >= size - 1 else (0 if high < 0 else int(high) + 1)
    return first, max(first, last)


@compiled
def line_weights(start, step, count, cosine, sine, left, right, nearest):  # type: ignore[no-untyped-def]
    """For ``count`` pixels with footprint centres ``start``, ``start + step``, …: the nearest detector pixel, and the shares of the
    footprint on the pixels left and right of it.
    """
    number = left.dtype.type
    wide, narrow = max(abs(cosine), abs(sine)), max(min(abs(cosine), abs(sine)), 1e-30)
    reach, level, half = number((wide + narrow) / 2), number((wide - narrow) / 2), number(0.5)
    per_wide, per_flank = number(1 / wide), number(1 / (2 * wide * narrow))
    for position in range(count):
        index = np.uint32(position)  # else numba would check for negative indices
        footprint = start + position * step
        middle = np.rint(footprint)
        offset = number(middle - footprint)
        inner, outer = half - offset, half + offset
        flank = max(reach - inner, number(0))
        left[index] = half - inner * per_wide if inner <= level else flank * flank * per_flank
        flank = max(reach - outer, number(0))
        right[index] = half - outer * per_wide if outer <= level else flank * flank * per_flank
        nearest[index] = np.int32(middle)


@compiled
def interleave(slices, lines, margin, first, last):  # type: ignore[no-untyped-def]
    """Write slices (B, H, W) into ``lines`` (H, margin + W + margin, L), zeros around, from one line to before another."""
    batch, _, width = slices.shape
    for line in range(first, last):
        lines[line, :margin] = 0
        lines[line, margin + width :] = 0
        lines[line, :, batch:] = 0
        for start in range(0, width, TILE):
            for lane in range(batch):
                for position in range(start, min(start + TILE, width)):
                    lines[line, margin + position, lane] = slices[lane, line, position]


@compiled
def separate(lines, slices, margin, first, last):  # type: ignore[no-untyped-def]
    """Take slices (B, H, W) out of ``lines`` (H, margin + W + margin, L), from one line to before another."""
    batch, _, width = slices.shape
    for line in range(first, last):
        for start in range(0, width, TILE):
            for lane in range(batch):
                for position in range(start, min(start + TILE, width)):
                    slices[lane, line, position] = lines[line, margin + position, lane]
