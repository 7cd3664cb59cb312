"""Borders that an alignment filled because shift or rotation left them without data: they were not measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import theilslopes

FEWEST = 8  # pixels
ELSEWHERE = 0.01  # share of the other pixels that may have the value by chance
LIKE_NEIGHBOURS = 0.4  # of the pixels; at low counts some are equal by chance
IN_A_ROW = 8  # lines
STRAIGHT = 1.5  # pixels
BEYOND_CHANCE = 60.0  # minus log-probability by chance
SMOOTH = 0.6  # of the lines
JUMP = 3.0  # ratio of the step at a border to that two pixels further on: 2 for the chord through an edge
MOST = 0.9  # of an image: more is a dead image, not a filled one


@dataclass(frozen=True)
class Filled:
    """For one image (R, C), the numbers of filled pixels at the start and at the end of each row, and of each column."""

    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    top: npt.NDArray[np.int32]
    bottom: npt.NDArray[np.int32]

    def __bool__(self) -> bool:
        return bool(len(self.left))

    def whole(self, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
        """Which pixels (R, C) were measured."""
        measured = np.ones(shape, bool)
        if self:
            rows, columns = np.arange(shape[0])[:, None], np.arange(shape[1])[None]
            measured &= (columns >= self.left[:, None]) & (columns < shape[1] - self.right[:, None])
            measured &= (rows >= self.top[None]) & (rows < shape[0] - self.bottom[None])
        return measured


NOT_FILLED = Filled(*(np.empty(0, np.int32) for _ in range(4)))


def find_filled(image: npt.NDArray[np.float32]) -> Filled:
    """The filled borders of an image (R, C): runs of exactly one value from its edges inwards that hardly occurs elsewhere.

    Empty surroundings that are all zero, clipped or simulated without noise, don't count: there the value also occurs within the
    specimen's outline.
    """
    if not _is_noisy(image):
        return NOT_FILLED  # computed or masked: empty areas count as measured
    corners = np.array([image[0, 0], image[0, -1], image[-1, 0], image[-1, -1]])
    sides = [image[0], image[-1], image[:, 0], image[:, -1]]
    values = [value for value in np.unique(corners)] + [side[0] for side in sides if (side == side[0]).all()]
    for value in dict.fromkeys(map(float, values)):
        same = image == value
        left, right = _run(same), _run(same[:, ::-1])
        top, bottom = _run(same.T), _run(same.T[:, ::-1])
        # A run in the other direction may only be the noise's own value at the edge.
        found = Filled(*(np.where(run >= 1, run, 0).astype(np.int32) for run in (left, right, top, bottom)))
        measured = found.whole(image.shape)
        count = image.size - int(measured.sum())
        if not FEWEST <= count <= MOST * image.size or _is_chance(same, found):
            continue
        if not _whole_lines(found, image.shape) or _surrounds(found, image.shape):
            continue
        # A corner's edge is a line in the one direction; in the other it ends where the corner of another side begins.
        straight = any(all(map(_is_straight, pair)) for pair in ((found.left, found.right), (found.top, found.bottom)))
        if straight and int((same & measured).sum()) <= ELSEWHERE * measured.sum() and not _ends_smoothly(image - value, found):
            return found if _is_shift(found) else _wider(found)
    return NOT_FILLED


def _run(same: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Number of equal pixels from the start of each row (R, C)."""
    other = ~same
    return np.asarray(np.where(other.any(axis=1), other.argmax(axis=1), same.shape[1]))


def _whole_lines(found: Filled, shape: tuple[int, ...]) -> bool:
    """Whether a whole row or column, or a corner along some of them, is filled: less is chance."""
    rows = bool((found.left >= shape[1]).any() or (found.top >= 1).all() or (found.bottom >= 1).all())
    columns = bool((found.left >= 1).all() or (found.right >= 1).all())
    return rows or columns or max(map(_in_a_row, (found.left, found.right, found.top, found.bottom))) >= IN_A_ROW


def _is_shift(found: Filled) -> bool:
    """Whether each side is filled to a constant depth, as by a shift by whole pixels."""
    return all(len(np.unique(run[run > 0])) <= 1 for run in (found.left, found.right))


def _wider(found: Filled) -> Filled:
    """Borders with the adjacent pixels, into which interpolation has mixed the fill value."""
    return Filled(*(np.where(run > 0, run + 1, 0).astype(np.int32) for run in (found.left, found.right, found.top, found.bottom)))


def _in_a_row(run: npt.NDArray[np.int32]) -> int:
    """The largest number of adjacent lines that are filled at all."""
    return max((stop - start for start, stop in _together(run)), default=0)


def _together(run: npt.NDArray[np.int32]) -> list[tuple[int, int]]:
    """Start and end of the ranges of lines that are filled at all."""
    ends = np.flatnonzero(np.diff(np.r_[False, run > 0, False]))
    return [(int(start), int(stop)) for start, stop in zip(ends[::2], ends[1::2], strict=True)]


def _is_chance(same: npt.NDArray[np.bool_], found: Filled) -> bool:
    """Whether so many adjacent pixels may have the value by chance, as in images with noise of a few counts."""
    height, width = same.shape
    frame = found.whole(same.shape)
    frame[height // 8 : height - height // 8, width // 8 : width - width // 8] = False  # only measured pixels near the edges
    share = max(
        _share(same[frame]), _share(same[:, 1:][frame[:, 1:] & same[:, :-1]]), 1 / same.size
    )  # of all pixels, and of those next to another one
    sides = (found.left, found.right, found.top, found.bottom)
    most = max((int(run[start:stop].sum()) for run in sides for start, stop in _together(run)), default=0)
    return bool(most * -np.log(share) < BEYOND_CHANCE)


def _share(same: npt.NDArray[np.bool_]) -> float:
    return float(same.mean()) if same.size else 0.0


def _surrounds(found: Filled, shape: tuple[int, ...]) -> bool:
    """Whether opposite sides are completely filled, with varying width: surroundings, as no shift fills both sides."""
    pairs = ((found.left, found.right), (found.top, found.bottom))
    return any((one >= 1).all() and (other >= 1).all() and (np.ptp(one) > 0 or np.ptp(other) > 0) for one, other in pairs)


def _ends_smoothly(image: npt.NDArray[np.float32], found: Filled) -> bool:
    """Whether the measured values rise smoothly from the value of the borders, as in noise-free simulations.

    In noisy surroundings few lines do by chance, and a border that cuts a specimen ends in a jump.
    """
    for turned, runs in ((image, (found.left, found.right)), (image.T, (found.top, found.bottom))):
        smooth = lines = 0
        for side, run in ((turned, runs[0]), (turned[:, ::-1], runs[1])):
            place = np.flatnonzero((run > 0) & (run <= side.shape[1] - 3))
            first, second, third = (side[place, run[place] + step] for step in range(3))
            sign = np.sign(first)
            rises = (sign != 0) & (sign * (second - first) > 0) & (sign * (third - second) > 0)
            smooth += int((rises & (np.abs(first) <= JUMP * np.abs(third - second))).sum())
            lines += len(place)
        if lines and smooth >= SMOOTH * lines:
            return True
    return False


def _is_noisy(image: npt.NDArray[np.float32]) -> bool:
    """Whether neighbouring pixels hardly ever have one value, except where that is the value of an edge or a corner."""
    same = (image[:, 1:] == image[:, :-1]).mean() if image.shape[1] > 1 else 0.0
    inner = image[image.shape[0] // 4 : -(-3 * image.shape[0] // 4), image.shape[1] // 4 : -(-3 * image.shape[1] // 4)]
    within = (inner[:, 1:] == inner[:, :-1]).mean() if inner.shape[1] > 1 else 0.0
    return bool(min(same, within) < LIKE_NEIGHBOURS)


def _is_straight(run: npt.NDArray[np.int32]) -> bool:
    """Whether runs of these lengths form a straight border, except at its ends, as left by a shift or rotation."""
    place = np.flatnonzero(run > 0)
    if len(place) < FEWEST:
        return True
    place = place[np.unique(np.linspace(0, len(place) - 1, 64).astype(int))]
    lengths = run[place].astype(float)
    slope, start, *_ = theilslopes(lengths, place)
    return bool(np.quantile(np.abs(lengths - start - slope * place), 0.85) <= STRAIGHT)
