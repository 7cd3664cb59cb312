"""Label placement in scatter plots: labels cover neither each other, nor points, nor error bars."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.text import Text

Array = npt.NDArray[np.float64]


class Point(NamedTuple):
    """A labelled point with the half lengths of its error bars."""

    x: float
    y: float
    x_error: float
    y_error: float
    name: str
    color: str


DISTANCES = (5, 11, 18, 26, 36, 48, 62, 78, 96)  # from a point to the edge of its name, in points of 1/72 inch
DIRECTIONS = 24
MARKER = 5.0  # half size of a point
BAR = 1.5  # half width of an error bar
LEADER = 9.0  # a label further away gets a line to its point
ROUNDS = 5  # of placing every label again, with the others fixed
DARKER = 0.65  # names in a bright colour would be hard to read on white


def label_points(axis: Axes, points: Sequence[Point], fontsize: float = 8) -> None:
    """Write each point's name near it; call it last, when the axes have their limits.

    Names are placed where they cost least: overlap first, then leaders that cross names, then distance.
    """
    figure = axis.figure.get_figure(root=True)
    figure.draw_without_rendering()  # type: ignore[union-attr]  # fixes the layout, which the places in pixels rest on
    per_pixel = 72 / figure.dpi  # type: ignore[union-attr]
    texts = []
    for point in points:
        color = tuple(DARKER * part for part in to_rgb(point.color))
        line = {"arrowstyle": "-", "color": color, "linewidth": 0.6, "alpha": 0.6, "shrinkA": 0, "shrinkB": 3}
        texts.append(
            axis.annotate(
                point.name, (point.x, point.y), (0, 0), textcoords="offset points", arrowprops=line,
                ha="center", va="center", fontsize=fontsize, color=color,
            )
        )  # fmt: skip
    extents = [Text.get_window_extent(text) for text in texts]  # the letters alone, without the line
    sizes = np.array([(extent.width, extent.height) for extent in extents]) * per_pixel + 2
    anchors = _on_paper(axis, [(point.x, point.y) for point in points]) * per_pixel
    bars = [
        [_on_paper(axis, [(x - dx, y - dy), (x + dx, y + dy)]) for dx, dy in ((x_error, 0.0), (0.0, y_error))]
        for x, y, x_error, y_error, _, _ in points
    ]
    corners = [(low * per_pixel - BAR, high * per_pixel + BAR) for pair in bars for low, high in pair]
    drawn = np.concatenate([np.concatenate([anchors - MARKER, anchors + MARKER], axis=1), [[*low, *high] for low, high in corners]])
    offsets = _place(anchors, sizes, drawn, np.array(axis.bbox.extents) * per_pixel)
    for text, offset, size in zip(texts, offsets, sizes, strict=True):
        text.set_position((float(offset[0]), float(offset[1])))
        text.set_in_layout(False)
        if np.hypot(*np.maximum(np.abs(offset) - size / 2, 0)) < LEADER and text.arrow_patch is not None:
            text.arrow_patch.set_visible(False)


def _place(anchors: Array, sizes: Array, drawn: Array, frame: Array) -> Array:
    """Offsets (L, 2) of the labels' centres from their points, without covering ``drawn`` (K, 4)."""
    offsets = np.zeros_like(anchors)
    boxes = np.full((len(anchors), 4), np.nan)  # not placed yet
    turns = np.arange(DIRECTIONS) * 2 * math.pi / DIRECTIONS
    directions = np.tile(np.stack([np.cos(turns), np.sin(turns)], axis=1), (len(DISTANCES), 1))
    distances = np.repeat(np.array(DISTANCES, dtype=float), DIRECTIONS)
    for _, index in itertools.product(range(ROUNDS), range(len(anchors))):
        # From the point to the edge of the name, then on to its middle: every distance in every direction.
        half = (sizes[index] / 2 / np.maximum(np.abs(directions), 1e-6)).min(axis=1)
        places = directions * (distances + half)[:, None]
        middles = anchors[index] + places
        candidates = np.concatenate([middles - sizes[index] / 2, middles + sizes[index] / 2], axis=1)
        others = np.delete(boxes, index, axis=0)
        lines = np.delete(np.concatenate([anchors, anchors + offsets], axis=1), index, axis=0)
        leaders = np.concatenate([np.broadcast_to(anchors[index], middles.shape), middles], axis=1)
        outside = np.maximum(frame[:2] - candidates[:, :2], 0).sum(axis=1) + np.maximum(candidates[:, 2:] - frame[2:], 0).sum(axis=1)
        crossed = _crossing(lines, candidates).sum(axis=0) + _crossing(leaders, others).sum(axis=1)
        covered = 10 * _overlaps(candidates, others) + 3 * _overlaps(candidates, drawn)
        best = int((covered + 50 * outside + 30 * crossed + distances).argmin())
        offsets[index], boxes[index] = places[best], candidates[best]
    return offsets


def _on_paper(axis: Axes, places: Sequence[tuple[float, float]]) -> Array:
    return np.asarray(axis.transData.transform(places))


def _overlaps(boxes: Array, others: Array) -> Array:
    """Area that each box (C, 4) shares with all others (K, 4), not counting those that are not placed yet."""
    low, high = np.maximum(boxes[:, None, :2], others[:, :2]), np.minimum(boxes[:, None, 2:], others[:, 2:])
    return np.asarray(np.nansum(np.prod(np.maximum(high - low, 0), axis=-1), axis=1))


def _crossing(lines: Array, boxes: Array) -> npt.NDArray[np.bool_]:
    """Whether each line (L, 4) runs through each box (C, 4)."""
    share = np.linspace(0, 1, 24)[:, None, None, None]
    along = lines[:, None, :2] * (1 - share) + lines[:, None, 2:] * share
    return np.asarray(((along > boxes[:, :2]) & (along < boxes[:, 2:])).all(axis=-1).any(axis=0))
