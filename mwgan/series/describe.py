"""``mwgan info``: describes a tilt series before anything is done with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mwgan.io import open_series
from mwgan.io.tilt_series import TiltSeries, UnknownTiltsError, counted
from mwgan.io.tilts import Tilts
from mwgan.trust import wedges


class Description(NamedTuple):
    """Sentences about a series."""

    sentences: list[str]
    warnings: list[str]
    """Likely problems, and what to do about them."""


def describe(path: str | Path, tilts: Tilts | None = None, exclude: str | Sequence[int] = (), dataset: str | None = None) -> Description:
    """Images, tilts, missing wedge and pixel size of a series, and findings on reading it; arguments as for ``open_series``."""
    try:
        series = open_series(path, tilts, exclude=exclude, dataset=dataset)
    except UnknownTiltsError as error:
        stack = error.stack
        sentences = ["tilts unknown: give them by --tilts FILE or --tilts FIRST:LAST:STEP"]
        return Description([_images(path, stack.images.shape), *sentences, _pixels(stack.pixel_sizes_angstrom), *stack.notes], [])
    sentences = [_images(path, series.images.shape), _tilts(series), _pixels(series.pixel_sizes_angstrom), *series.notes]
    return Description(sentences, series.warnings)


def _images(path: str | Path, shape: Sequence[int]) -> str:
    images, rows, columns = (counted(*pair) for pair in zip(shape, ("image", "row", "column"), strict=True))
    return f"{path}: {images} of {rows} and {columns}"


def _tilts(series: TiltSeries) -> str:
    geometry = series.geometry
    text = f"tilts {geometry.tilt_deg[0]:g} to {geometry.tilt_deg[-1]:g} degrees; {geometry.gap_deg:g} degrees missing"
    for first, last, _ in wedges(list(geometry.tilt_deg)):
        if not first <= 90.0 <= last and not first <= 270.0 <= last:  # a gap around 90 degrees is the missing wedge itself
            turn = 180.0 if first > 90.0 else 0.0
            text += f"; none between {first - turn:g} and {last - turn:g}"
    return text


def voxels(sizes: tuple[float, float, float] | None) -> str:
    """``voxels of 10 Å``, or with three sizes (y, z, x) in ångström."""
    if sizes is None:
        return "voxels of unknown size (the header says 1 Å)"
    edges = [f"{edge:g}" for edge in sizes]
    return f"voxels of {edges[0] if len(set(edges)) == 1 else ' x '.join(edges)} Å"


def _pixels(sizes: tuple[float, float] | None) -> str:
    if sizes is None:
        return "pixel size unknown"
    rows, columns = sizes
    return f"pixels of {columns:g} Å" if f"{rows:g}" == f"{columns:g}" else f"pixels of {columns:g} Å along x and {rows:g} Å along y"
