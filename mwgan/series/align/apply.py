"""Applies an alignment to other maps at the same tilts (EDS, EELS, another detector)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mwgan.errors import InputError
from mwgan.files.atomic import AtomicFiles
from mwgan.io import open_stack
from mwgan.io.lazy import release
from mwgan.io.pixels import check_pixels
from mwgan.io.readers import file_of
from mwgan.io.series_writer import write_series
from mwgan.io.stack import Stack
from mwgan.series.align.alignment import Alignment
from mwgan.series.align.written import aligned_pixel_sizes, write_tilts

ENDING = "_ali.mrc"


def applied_files(maps: Sequence[Path], folder: Path | None = None) -> list[tuple[Path, Path]]:
    """Paths of each map's aligned series and tilts: ``Fe_ali.mrc`` and ``Fe_ali.tlt`` for ``Fe.mrc``, next to it or in a folder."""
    found = []
    for path in maps:
        file = file_of(path)
        series = (file.parent if folder is None else folder) / f"{file.name.split('.')[0] or file.name}{ENDING}"
        found.append((series, series.with_suffix(".tlt")))
    return found


def apply_alignment(alignment: Alignment, maps: Sequence[Path], folder: Path | None = None, dataset: str | None = None) -> None:
    """Write every map with the shifts, crop and binning of an alignment, all or none; pixel values are not corrected or scaled.

    Parameters
    ----------
    alignment
        See :func:`mwgan.series.align.read_alignment`.
    maps
        Files of any format with images of the same number, size and order as the raw series.
    folder
        Where they are written; None: next to each map.
    dataset
        The array inside the files, if there are several.

    Raises
    ------
    InputError
        If a map has another number or size of images, can't be read, or can't be written.
    """
    alignment = replace(alignment, scale=[1.0] * len(alignment.images))
    stacks = [_checked(open_stack(path, dataset), path, alignment) for path in maps]
    with AtomicFiles() as files:
        for stack, (series, tilts) in zip(stacks, applied_files(maps, folder), strict=True):
            write_series(
                files.add(series),
                series,
                _placed(stack, alignment),
                (len(alignment.images), *alignment.aligned_shape),
                alignment.tilt_deg,
                aligned_pixel_sizes(alignment, stack.pixel_sizes_angstrom),
            )
            write_tilts(files.add(tilts), alignment)


def check_fits(alignment: Alignment, shape: tuple[int, ...], path: Path) -> None:
    """Raise an :class:`InputError` unless an alignment has the same number and size of images as a stack (A, R, C)."""
    images, rows, columns = shape
    if (images, (rows, columns)) != (alignment.of_images, alignment.raw_shape):
        raise InputError(
            f"{path} has {images} images of {rows} x {columns} pixels and the series that was aligned {alignment.of_images} of "
            f"{alignment.raw_shape[0]} x {alignment.raw_shape[1]}: give images of the same tilts and size"
        )


def _checked(stack: Stack, path: Path, alignment: Alignment) -> Stack:
    check_fits(alignment, stack.images.shape, path)
    check_pixels(stack.images, [number - 1 for number in alignment.images], path)
    return stack


def _placed(stack: Stack, alignment: Alignment) -> Iterator[np.ndarray]:
    for place, number in enumerate(alignment.images):
        image = np.array(stack.images[number - 1], np.float32)
        release(stack.images)
        yield alignment.placed(place, image)
