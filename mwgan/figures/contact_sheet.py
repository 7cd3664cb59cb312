"""A contact sheet with a few images of each source, one row per source, to check the data by eye."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from mwgan.figures.parts.style import new_figure
from mwgan.files.atomic import atomic_write


def contact_sheet(rows: Mapping[str, npt.NDArray[np.float32]]) -> Figure:
    """Images (K, N, N) in [0, 1] of each source by its name."""
    columns = max(len(images) for images in rows.values())
    figure = new_figure(0.9 * columns + 0.2, 1.12 * len(rows) + 0.2)
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for row, (name, images) in zip(axes, rows.items(), strict=True):
        for axis in row:
            axis.set_axis_off()
        for axis, image in zip(row, images, strict=False):
            axis.imshow(image, cmap="gray", vmin=0, vmax=1)
        row[0].set_title(name, fontsize=8, loc="left")
    return figure


def write_contact_sheet(rows: Mapping[str, npt.NDArray[np.float32]], file: Path) -> None:
    """Write the contact sheet as PNG; its folder is created if missing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(file) as partial:
        contact_sheet(rows).savefig(partial, format="png")
