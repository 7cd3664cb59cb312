"""Boxes worth enlarging: where an image has most structure, and how they are marked."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

Box = tuple[int, int, int]
"""Top, left and side, in pixels."""
COLORS = ("#E69F00", "#56B4E9")


def busiest_boxes(pixels: npt.NDArray[np.float32], share: float, count: int = 1) -> list[Box]:
    """The ``count`` boxes with most structure that don't overlap, each ``share`` of the image wide.

    Where no box is left that keeps clear of the others, fewer are given.
    """
    side = max(4, round(share * len(pixels)))
    edges = np.abs(np.gradient(pixels)[0]) + np.abs(np.gradient(pixels)[1])
    total = np.pad(edges.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    structure = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    boxes: list[Box] = []
    while len(boxes) < count and bool(np.isfinite(structure).any()):
        top, left = (int(index) for index in np.unravel_index(int(structure.argmax()), structure.shape))
        boxes.append((top, left, side))
        structure[max(top - side + 1, 0) : top + side, max(left - side + 1, 0) : left + side] = -np.inf
    return boxes


def cut(pixels: npt.NDArray[np.float32], box: Box) -> npt.NDArray[np.float32]:
    """The part of an image inside a box."""
    top, left, side = box
    return pixels[top : top + side, left : left + side]


def mark(axis: Axes, box: Box, color: str = COLORS[0]) -> None:
    """Outline a box on a picture."""
    top, left, side = box
    axis.add_patch(Rectangle((left - 0.5, top - 0.5), side, side, fill=False, edgecolor=color, linewidth=1.2))


def border(axis: Axes, color: str) -> None:
    """Frame an enlarged detail in its box's colour."""
    axis.spines[:].set(visible=True, edgecolor=color, linewidth=1.5)
