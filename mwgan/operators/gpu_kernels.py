"""The projector on a GPU, without a matrix: weights are computed on the fly, and every output is written once.

The weights are those of :mod:`mwgan.operators.footprint`, in the same closed form. Both directions gather: a detector pixel from the
image pixels above it, an image pixel from the detector pixels below it. So there are no atomics, and the sums
are deterministic. Slices are innermost in memory, so that a weight is shared by all slices of a program.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def project_tilts(lines, rows, alongs, acrosses, shifts, is_steep, size, batch, DETECTORS: tl.constexpr, LANES: tl.constexpr):
    """Write projections into ``rows`` (A, N, B) of ``lines`` (2, N, N, B): the rows of the slices, and their columns for steep tilts.

    The next pixel of a line projects ``along`` detector pixels further, that of the next line ``across``; float64, like the ``shifts``.
    """
    tilt = tl.program_id(0)
    detector = tl.program_id(1) * DETECTORS + tl.arange(0, DETECTORS)
    lane = tl.program_id(2) * LANES + tl.arange(0, LANES)
    along, across = tl.load(alongs + tilt), tl.load(acrosses + tilt)
    number = rows.dtype.element_ty
    wide, narrow, step = tl.abs(along).to(number), tl.abs(across).to(number), along.to(number)
    inverse, centre = 1.0 / along, (size - 1) * 0.5
    start = centre - centre * along - centre * across + tl.load(shifts + tilt)
    total = tl.zeros((DETECTORS, LANES), number)
    line_of = lines + tl.load(is_steep + tilt).to(tl.int64) * size * size * batch
    for line in range(size):
        place = (detector - start - line * across) * inverse
        # A footprint's edge is at most 1.21 detector pixels from a detector pixel's centre: 1.71 steps, where a step is sqrt(1/2) or more.
        first = tl.floor(place) - 1
        offset = ((first - place) * along).to(number)
        pixel = first.to(tl.int32)
        for _ in tl.static_range(4):
            inside = (pixel >= 0) & (pixel < size)
            address = pixel[:, None] * batch + lane[None, :]
            value = tl.load(line_of + address, mask=inside[:, None] & (lane < batch)[None, :], other=0.0)
            total += _share(offset, wide, narrow)[:, None] * value
            pixel += 1
            offset += step
        line_of += size * batch
    address = (tilt.to(tl.int64) * size + detector)[:, None] * batch + lane[None, :]
    tl.store(rows + address, total, mask=(detector < size)[:, None] & (lane < batch)[None, :])


@triton.jit
def back_project_rows(rows, image, cosines, sines, shifts, tilts, size, batch, PIXELS: tl.constexpr, LANES: tl.constexpr):
    """Write the back-projection of ``rows`` (A, N, B) into ``image`` (N, N, B)."""
    row = tl.program_id(0)
    column = tl.program_id(1) * PIXELS + tl.arange(0, PIXELS)
    lane = tl.program_id(2) * LANES + tl.arange(0, LANES)
    number = image.dtype.element_ty
    centre = (size - 1) * 0.5
    total = tl.zeros((PIXELS, LANES), number)
    row_of = rows
    for tilt in range(tilts):
        cosine, sine = tl.load(cosines + tilt), tl.load(sines + tilt)
        along, across = tl.abs(cosine).to(number), tl.abs(sine).to(number)
        wide, narrow = tl.maximum(along, across), tl.minimum(along, across)
        footprint = (column - centre) * cosine - (row - centre) * sine + centre + tl.load(shifts + tilt)
        nearest = tl.floor(footprint + 0.5)
        offset = (footprint - nearest).to(number) + 1
        detector = nearest.to(tl.int32) - 1
        for _ in tl.static_range(3):
            inside = (detector >= 0) & (detector < size)
            address = detector[:, None] * batch + lane[None, :]
            value = tl.load(row_of + address, mask=inside[:, None] & (lane < batch)[None, :], other=0.0)
            total += _share(offset, wide, narrow)[:, None] * value
            detector += 1
            offset -= 1
        row_of += size * batch
    address = (row.to(tl.int64) * size + column)[:, None] * batch + lane[None, :]
    tl.store(image + address, total, mask=(column < size)[:, None] & (lane < batch)[None, :])


@triton.jit
def _share(offset, wide, narrow):
    """Share on a detector pixel of a footprint whose centre is ``offset`` right of the pixel's."""
    return _area_from_centre(0.5 - offset, wide, narrow) - _area_from_centre(-0.5 - offset, wide, narrow)


@triton.jit
def _area_from_centre(position, wide, narrow):
    """A footprint's area between its centre and ``position``, negative on the left: see ``footprint.area_left_of``."""
    reach, level, distance = (wide + narrow) * 0.5, (wide - narrow) * 0.5, tl.abs(position)
    short = tl.maximum(reach - distance, 0.0)
    half = tl.where(distance <= level, distance / wide, 0.5 - short * short / (2 * wide * tl.maximum(narrow, 1e-30)))
    return tl.where(position < 0, -half, half)
