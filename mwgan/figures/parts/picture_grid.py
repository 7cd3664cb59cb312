"""A grid of pictures of one size, without ticks, on one grey scale from 0 to 1."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mwgan.figures.parts.style import new_figure

WIDEST = 11.4  # inches: 1,370 pixels
LARGEST = 2.2  # inches of one picture
TEXT = 0.34  # inches per row for captions
LETTERS_PER_INCH = 15  # of a title


def picture_grid(titles: Sequence[str], rows: int) -> tuple[Figure, npt.NDArray[np.object_]]:
    """A figure and its axes (rows, columns), a title over each column; the pictures as large as the widest figure allows."""
    side = min(LARGEST, WIDEST / len(titles))
    figure = new_figure(side * len(titles), (side + TEXT) * rows)
    figure.set_layout_engine("compressed", w_pad=0.02, h_pad=0.03, wspace=0.01, hspace=0.01)
    axes = figure.subplots(rows, len(titles), squeeze=False)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(textwrap.fill(title, round(side * LETTERS_PER_INCH), break_long_words=False), fontsize=8)
    return figure, axes


def show(axis: Axes, pixels: npt.NDArray[np.float32]) -> None:
    """An image or tomogram in grey, black at 0 and white at 1."""
    axis.imshow(pixels, cmap="gray", vmin=0, vmax=1)
