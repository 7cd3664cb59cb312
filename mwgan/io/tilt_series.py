"""A tilt series on disk, in any format: images sorted by tilt, read in blocks of slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import TiltGeometry
from mwgan.io.bands import BAND_BYTES, Bands
from mwgan.io.lazy import with_tilts_first
from mwgan.io.pixels import check_pixels
from mwgan.io.readers import file_of, open_stack
from mwgan.io.stack import Stack
from mwgan.io.tilt_lists import check_range
from mwgan.io.tilts import SourcedTilts, Tilts, companion_tilts, contradiction, image_numbers, parse_tilts, to_half_circle

LISTED = 4  # most tilts in a message
FEWEST_TILTS = 3  # different ones
RADIANS_FROM = 5  # images


class UnknownTiltsError(InputError):
    """The tilts of a series are unknown; everything else is in its ``stack``."""

    def __init__(self, path: Path, stack: Stack) -> None:
        passed = [note for note in stack.notes if note.startswith("not used: ")]
        why = f" ({'; '.join(passed)})" if passed else ""
        super().__init__(f"the tilts of {path} are unknown{why}: give them by --tilts FILE or --tilts FIRST:LAST:STEP")
        self.stack = stack


def open_series(
    path: str | Path,
    tilts: Tilts | None = None,
    tilt_axis: Literal["x", "y"] = "y",
    axis_offset_px: float = 0.0,
    binning: int = 1,
    max_tilt_deg: float | None = None,
    exclude: str | Sequence[int] = (),
    dataset: str | None = None,
    band_bytes: int = BAND_BYTES,
) -> TiltSeries:
    """Open a tilt series in any format, with tilts from the file itself, from a companion file, or as given: see :class:`TiltSeries`."""
    return TiltSeries(path, tilts, tilt_axis, axis_offset_px, binning, max_tilt_deg, exclude, dataset, band_bytes)


class CorrectsPixels(Protocol):
    """Corrections of a series' pixels as they are read."""

    def __call__(self, block: np.ndarray, start: int) -> np.ndarray:
        """Slices (S, A, N) as stored, from ``start`` on along the tilt axis, corrected."""
        ...

    def measured(self, start: int, stop: int) -> np.ndarray | None:
        """Which of their pixels were measured, (S, A, N); None if all were."""
        ...


class TiltSeries:
    """A tilt series on disk; slices along the tilt axis are read on demand.

    Tilts may come in any order and more than once: images and tilts are sorted together, and every image counts. Tilts beyond
    ±90 degrees are views from behind: they are mapped to ±90, and their images flipped about the tilt axis.

    Parameters
    ----------
    path
        A file in any format supported by :func:`mwgan.io.open_stack`, a folder of TIFF images, or ``FILE::NAME`` for an array in a file.
    tilts_path
        The tilts, if they are missing or wrong in the file itself and in its companion ``.tlt``, ``.mdoc`` or ``.rawtlt``:
        a text file or ``.mdoc``, in the order of the images; a range such as ``-60:60:2``; or numbers in degrees.
    tilt_axis
        ``y`` if the tilt axis runs along the rows' index, as after IMOD's alignment: one slice is ``data[:, y, :]``.
        ``x`` if it runs along the columns' index.
    axis_offset_px
        Position of the tilt axis on the detector, in (unbinned) pixels right of its centre (N - 1) / 2.
    binning
        Average this many pixels in both directions; remaining pixels at the far edges are dropped.
    max_tilt_deg
        Leave out tilts beyond this, as if they had not been measured.
    exclude
        Numbers of images to leave out, counted from 1 as in IMOD: ``[3, 17]``, or text such as ``3,17`` or ``1-3,17``.
    dataset
        The array inside the file, if there are several.
    band_bytes
        Memory for reading ahead, if a pass through the file for each block would take too long.

    Attributes
    ----------
    geometry
        Tilts and detector, after binning.
    slices
        Number of slices along the tilt axis, after binning.
    voxel_size_angstrom
        Voxel size across the tilt axis in ångström, after binning; 0 if unknown.
    voxel_sizes_angstrom
        (y, z, x) of the volume, y along the tilt axis, after binning; None if unknown.
    pixel_sizes_angstrom
        (Down the rows, along the columns) of the images as stored; None if unknown.
    images, image_tilt_deg, image_flipped, image_numbers
        The images (A, rows, columns) in the file's order, as stored except for their number format; and in the geometry's order, the
        tilt of each image used, whether it is seen from behind, and its index in the file, from 0.
    repairs
        Corrections of the pixels as they are read, or None: see :mod:`mwgan.series.look`.
    notes, warnings
        Sentences on findings and corrections, and on likely problems.

    Raises
    ------
    InputError
        If a file is missing, damaged, of a wrong format, has non-finite pixels, the counts differ, or the tilts are unknown.
    """

    def __init__(
        self,
        path: str | Path,
        tilts_path: Tilts | None = None,
        tilt_axis: Literal["x", "y"] = "y",
        axis_offset_px: float = 0.0,
        binning: int = 1,
        max_tilt_deg: float | None = None,
        exclude: str | Sequence[int] = (),
        dataset: str | None = None,
        band_bytes: int = BAND_BYTES,
    ) -> None:
        if tilt_axis not in ("x", "y"):
            raise InputError(f"the tilt axis runs along x or y, not {tilt_axis!r}")
        self.path, self.binning = file_of(path), binning
        self.repairs: CorrectsPixels | None = None
        stack = open_stack(path, dataset)
        sourced, stack = find_tilts(stack, self.path, tilts_path)
        if sourced is None:
            raise UnknownTiltsError(self.path, stack)
        check_range(sourced.tilt_deg, sourced.source)
        self.pixel_sizes_angstrom = stack.pixel_sizes_angstrom
        self.images, self.notes, self.warnings = stack.images, list(stack.notes), list(sourced.warnings)
        images, rows, columns = self.images.shape
        along, across = (rows, columns) if tilt_axis == "y" else (columns, rows)
        if not 1 <= binning <= min(along, max(1, across // 2)):
            raise InputError(f"binning must lie between 1 and half the image, not {binning}")
        tilts, behind = to_half_circle(sourced.tilt_deg)
        self.image_numbers = _chosen(tilts, exclude, max_tilt_deg, sourced.source)
        check_pixels(self.images, self.image_numbers, self.path)
        self.image_tilt_deg, self.image_flipped = tilts[self.image_numbers], behind[self.image_numbers]
        size, dropped = divmod(across, binning)
        self._offset, self._bands = axis_offset_px, Bands(self.images, self.image_numbers.tolist(), tilt_axis == "x", band_bytes)
        self.warnings += [*_too_few(self.image_tilt_deg), *_narrow(self.image_tilt_deg)]
        self.geometry = TiltGeometry(tuple(self.image_tilt_deg.tolist()), size, axis_offset_px=(axis_offset_px + dropped / 2) / binning)
        self.slices = along // binning
        self.voxel_sizes_angstrom = _voxel(stack, tilt_axis, binning)
        self.voxel_size_angstrom = self.voxel_sizes_angstrom[2] if self.voxel_sizes_angstrom else 0.0
        self.notes += [f"tilts from {sourced.source}", *sourced.notes, *_remarks(tilts, behind, images - len(self.image_numbers))]

    def sinograms(self, start: int, stop: int) -> Tensor:
        """Sinograms (stop - start, 1, A, N) float32 of the slices ``start`` up to ``stop`` along the tilt axis."""
        factor, size = self.binning, self.geometry.detector_size
        block = self._bands(start * factor, stop * factor).swapaxes(0, 1).astype(np.float32, order="C")
        if self.repairs is not None:
            block = self.repairs(block, start * factor)
        for place in np.flatnonzero(self.image_flipped):
            block[:, place] = flipped_about(block[:, place], self._offset)
        if factor > 1:
            block = block[..., : size * factor].reshape(stop - start, factor, -1, size, factor).mean(axis=(1, 4))
        return torch.from_numpy(block).unsqueeze(1)

    def mask(self, start: int, stop: int) -> Tensor | None:
        """Which pixels of these slices were measured, boolean (stop - start, 1, A, N); None if all were."""
        factor, size = self.binning, self.geometry.detector_size
        measured = None if self.repairs is None else self.repairs.measured(start * factor, stop * factor)
        if measured is None or measured.all():
            return None
        for place in np.flatnonzero(self.image_flipped):
            measured[:, place] = flipped_about(measured[:, place].astype(np.float32), self._offset) > 1 - 1e-3
        if factor > 1:
            measured = np.asarray(measured[..., : size * factor].reshape(stop - start, factor, -1, size, factor).all(axis=(1, 4)))
        return torch.from_numpy(measured).unsqueeze(1)

    def reading_bytes(self, slices: int) -> int:
        """Bytes needed to read so many slices at a time."""
        pixels = slices * self.binning * len(self.image_numbers) * self.geometry.detector_size * self.binning
        return self._bands.room_bytes(slices * self.binning) + 3 * 4 * pixels  # turned, as float32, and binned or handed on


def find_tilts(stack: Stack, path: Path, given: Tilts | None) -> tuple[SourcedTilts | None, Stack]:
    """The tilts of a stack, given or from a file, and the stack with their axis first and the pixel size filled in."""
    images = stack.images.shape[0]
    companions = companion_tilts(path, stack.tilt_deg, images)
    if given is None:
        sourced = companions.sourced
        stack = replace(stack, notes=(*stack.notes, *companions.passed)) if sourced is None else stack
    else:
        sourced = parse_tilts(given, images)
        if companions.sourced is not None and (doubt := contradiction(sourced.tilt_deg, companions.sourced)):
            sourced = sourced._replace(warnings=(doubt,))
        stack = stack if len(sourced.tilt_deg) == images else _turned(stack, len(sourced.tilt_deg))
    if sourced is not None and len(sourced.tilt_deg) != stack.images.shape[0]:
        raise InputError(
            f"{path} holds {counted(images, 'image')} but {sourced.source} {counted(len(sourced.tilt_deg), 'tilt')}: "
            "give the list that belongs to the series"
        )
    unsure = stack.pixel_sizes_angstrom in (None, (1.0, 1.0))  # written by programs that don't know it
    return sourced, replace(
        stack, pixel_size_angstrom=companions.pixel_size_angstrom
    ) if unsure and companions.pixel_size_angstrom else stack


def _turned(stack: Stack, tilts: int) -> Stack:
    """The stack of a plain array, with the axis that matches the number of tilts moved to the front."""
    if stack.first_axis_is_tilt or tilts not in stack.images.shape:
        return stack
    axis = 2 if stack.images.shape[2] == tilts else 1
    note = f"axis {axis + 1} of the array is that of the tilts: {tilts} are given"
    return replace(stack, images=with_tilts_first(stack.images, axis), notes=(*stack.notes, note))


def flipped_about(rows: np.ndarray, offset_px: float) -> np.ndarray:
    """Rows (..., N) mirrored about a tilt axis ``offset_px`` right of their centre; the last pixel is repeated beyond the ends."""
    mirrored, shift = rows[..., ::-1], 2.0 * offset_px
    if abs(shift - round(shift)) < 1e-6:
        place = np.arange(rows.shape[-1]) - round(shift)
        return np.ascontiguousarray(mirrored[..., np.clip(place, 0, rows.shape[-1] - 1)])
    from scipy.ndimage import shift as shifted

    return np.asarray(shifted(mirrored, (*[0.0] * (rows.ndim - 1), shift), order=3, mode="nearest"))


def _chosen(tilts: np.ndarray, exclude: str | Sequence[int], max_tilt_deg: float | None, source: str) -> np.ndarray:
    """The images used, by their index in the file, in the order of their tilts."""
    text = exclude if isinstance(exclude, str) else ",".join(map(str, exclude))
    order = np.argsort(tilts, kind="stable")
    order = order[~np.isin(order, image_numbers(text, len(tilts)))]
    if not len(order):
        raise InputError(f"all {len(tilts)} images are left out: keep some")
    if max_tilt_deg is not None:
        order = order[np.abs(tilts[order]) <= max_tilt_deg + 1e-6]
        if not len(order):
            raise InputError(f"{source} holds no tilt within ±{max_tilt_deg:g} degrees: widen the limit")
    return order


def _voxel(stack: Stack, tilt_axis: str, binning: int) -> tuple[float, float, float] | None:
    """(y, z, x) in ångström: along the tilt axis, and across it twice."""
    if stack.pixel_sizes_angstrom is None:
        return None
    rows, columns = stack.pixel_sizes_angstrom
    along, across = (rows, columns) if tilt_axis == "y" else (columns, rows)
    return along * binning, across * binning, across * binning


def _too_few(tilts: np.ndarray) -> list[str]:
    different = len(set(tilts.tolist()))
    if different >= FEWEST_TILTS:
        return []
    return [f"{counted(different, 'tilt')} are too few for a reconstruction: a tomogram needs dozens, over a range as wide as possible"]


def look_like_radians(tilts: np.ndarray) -> bool:
    """Whether tilts are within the range of the half circle in radians, and too many for such a small range."""
    return bool(len(tilts) >= RADIANS_FROM and 0 < np.ptp(tilts) <= np.pi and np.abs(tilts).max() <= np.pi)


def _narrow(tilts: np.ndarray) -> list[str]:
    """A warning on tilts that would only make sense in radians."""
    if not look_like_radians(tilts):
        return []
    return [
        f"{len(tilts)} images within {np.ptp(tilts):.2g} degrees are no tilt series: are these radians? Multiply them by 180 / pi = 57.2958"
    ]


def _remarks(tilts: np.ndarray, behind: np.ndarray, left_out: int) -> list[str]:
    repeated = sorted({tilt for tilt, count in zip(*np.unique(tilts, return_counts=True), strict=True) if count > 1})
    listed = ", ".join(f"{tilt:g}" for tilt in repeated[:LISTED]) + (" …" if len(repeated) > LISTED else "")
    return [
        *([f"{counted(int(behind.sum()), 'image')} beyond ±90 degrees, flipped about the tilt axis"] if behind.any() else []),
        *([f"more than one image at {listed} degrees: all are used"] if repeated else []),
        *([f"{counted(left_out, 'image')} left out"] if left_out else []),
    ]


def counted(number: int, noun: str) -> str:
    """``1 image``, ``2 images``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
