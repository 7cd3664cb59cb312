"""TIFF stacks, OME-TIFF and folders of TIFF images, memory-mapped if contiguous, else read page by page."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from mwgan.errors import InputError, MissingExtraError
from mwgan.io.damage import one_sentence
from mwgan.io.lazy import Pages
from mwgan.io.stack import Images, Stack
from mwgan.io.units import angstrom

SUFFIXES = (".tif", ".tiff")
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def read_tiff(path: Path, dataset: str | None = None) -> Stack:
    """The images of a TIFF file: its only series with three axes, or the one given by number; a single image is a series of one."""
    import tifffile

    with one_sentence(path, "TIFF", "copy it again", tifffile.TiffFileError), complaints() as complained:
        file = tifffile.TiffFile(path)
        found = list(file.series)
    if complained or not found:  # it skips what it can't read, and only logs this
        raise InputError(f"{path} is damaged or cut short ({''.join(complained[:1]) or 'it has no images'}): copy it again")
    series = _chosen(found, path, dataset)
    axes, shape = series.axes, tuple(series.shape)
    missing = sum(page is None for page in series.pages)
    size = _ome_pixel(file.ome_metadata or "") if file.is_ome else _imagej_pixel(file)
    if missing:
        raise InputError(f"{path} lacks {missing} of its images: they lie in other files, which belong beside it")
    if "S" in axes:
        raise InputError(f"{path} holds colours: save its images as grey values")
    if not axes.endswith("YX") or len(shape) > 3:
        raise InputError(f"{path} has the axes {axes} ({' x '.join(map(str, shape))}): a series has images, rows and columns; save it so")
    return Stack(_images(path, file, series, (1, *shape) if len(shape) == 2 else shape), None, size)


def read_folder(path: Path, dataset: str | None = None) -> Stack:
    """The images of a folder's TIFF files, one per file, in natural order: image2 before image10."""
    import tifffile

    files = sorted((file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")), key=_natural)
    if not files:
        raise InputError(f"the folder {path} holds no TIFF images: give a folder with an image a tilt, or a file")
    kinds: dict[tuple[Any, ...], Path] = {}
    for file in files:
        remedy = "save it again, or remove it from the folder"
        with one_sentence(file, "TIFF", remedy, tifffile.TiffFileError), complaints() as complained, tifffile.TiffFile(file) as opened:
            if complained or not opened.series:
                raise InputError(f"{file} is damaged or cut short: {remedy}")
            if len(opened.series[0].shape) != 2 or len(opened.series) > 1:
                raise InputError(
                    f"{file} is not one grey image: a folder must have one image per file; give that file alone if it is the series"
                )
            kinds.setdefault((*opened.series[0].shape, opened.series[0].dtype), file)
    if len(kinds) > 1:
        (one, file), (other, another) = list(kinds.items())[:2]
        shapes = [f"{kind[0]} x {kind[1]} {kind[2]}" for kind in (one, other)]
        raise InputError(
            f"{file.name} and {another.name} in {path} are not alike ({shapes[0]} and {shapes[1]}): leave only the series there"
        )
    rows, columns, dtype = next(iter(kinds))
    size = read_tiff(files[0]).pixel_size_angstrom
    note = f"{len(files)} files in their order: {files[0].name} … {files[-1].name}"
    return Stack(Pages(lambda index: tifffile.imread(files[index]), (len(files), rows, columns), dtype), None, size, [note])


def is_tiff(head: bytes) -> bool:
    """Whether a file starts like TIFF."""
    return head.startswith(MAGIC)


@contextmanager
def complaints() -> Iterator[list[str]]:
    """Context that collects tifffile's log of errors instead of showing it."""
    log, handler, messages = logging.getLogger("tifffile"), logging.Handler(logging.ERROR), list[str]()
    handler.emit = lambda record: messages.append(record.getMessage().partition("> ")[2])  # type: ignore[method-assign]
    shown, log.propagate = log.propagate, False
    log.addHandler(handler)
    try:
        yield messages
    finally:
        log.propagate = shown
        log.removeHandler(handler)


def _chosen(found: list[Any], path: Path, dataset: str | None) -> Any:
    if dataset is not None:
        if not dataset.isdigit() or int(dataset) >= len(found):
            raise InputError(f"{path} has {len(found)} series, counted from 0, and none is {dataset!r}: give one of these numbers")
        return found[int(dataset)]
    stacks = [series for series in found if len(series.shape) == 3] if len(found) > 1 else found
    if len(stacks) != 1:
        listed = ", ".join(f"{number}: {' x '.join(map(str, series.shape))}" for number, series in enumerate(found))
        raise InputError(f"{path} holds several series ({listed}): name one by its number, as {path.name}::0 or by --dataset")
    return stacks[0]


def _images(path: Path, file: Any, series: Any, shape: tuple[int, ...]) -> Images:
    if series.dataoffset is not None and series.keyframe.is_memmappable:
        offset, dtype = series.dataoffset, np.dtype(series.dtype).newbyteorder(file.byteorder)
        if path.stat().st_size < offset + int(np.prod(shape, dtype=object)) * dtype.itemsize:
            raise InputError(f"{path} is cut short: its pages promise more pixels than it has; copy it again")
        return np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=shape)

    def page(index: int) -> Any:
        try:
            return series.pages[index].asarray()
        except ValueError as error:  # tifffile's error for a missing codec
            if "imagecodecs" not in str(error):
                raise
            compression = f"the compression of {path} ({series.keyframe.compression.name})"
            raise MissingExtraError(compression, "imagecodecs", "pip install 'mwgan[formats]'") from error

    return Pages(page, (shape[0], shape[1], shape[2]), series.dtype)


def _ome_pixel(text: str) -> tuple[float, float] | None:
    """Pixel size (rows, columns) of OME's first image, by default in µm."""
    for element in ElementTree.fromstring(text).iter():
        if element.tag.endswith("}Pixels"):
            sizes = [(element.get(f"PhysicalSize{axis}"), element.get(f"PhysicalSize{axis}Unit", "µm")) for axis in "YX"]
            return _both(*(angstrom(float(value), unit) if value else None for value, unit in sizes))
    return None


def _imagej_pixel(file: Any) -> tuple[float, float] | None:
    """Pixel size from ImageJ's resolution in pixels per unit; that of other programs is dots per inch for printing."""
    if not file.is_imagej:
        return None
    unit, tags = (file.imagej_metadata or {}).get("unit"), file.pages[0].tags
    sizes = []
    for name in ("YResolution", "XResolution"):
        numerator, denominator = tags[name].value if name in tags else (0, 0)
        sizes.append(angstrom(denominator / numerator, unit) if numerator else None)
    return _both(*sizes)


def _both(rows: float | None, columns: float | None) -> tuple[float, float] | None:
    return None if rows is None or columns is None else (rows, columns)


def _natural(file: Path) -> list[tuple[int, int | str]]:
    return [(0, int(part)) if part.isdigit() else (1, part.lower()) for part in re.split(r"(\d+)", file.name)]
