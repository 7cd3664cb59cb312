"""A tilt series on disk, of any format: its images and tilts brought into order, read a block of slices at a time."""

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
from mwgan.io.tilts import Tilts, Told, brought_to_half_circle, contradiction, given_tilts, image_numbers, tilts_beside

LISTED = 4  # tilts in a sentence at most
FEWEST_TILTS = 3  # that are different
RADIANS_FROM = 5  # images


class UnknownTiltsError(InputError):
    """Nothing tells the tilts of a series; what else is known of it is its ``stack``."""

    def __init__(self, path: Path, stack: Stack) -> None:
        passed = [note for note in stack.notes if note.startswith("not used: ")]
        why = f" ({'; '.join(passed)})" if passed else ""
        super().__init__(f"nothing tells the tilts of {path}{why}: give them, by --tilts FILE or --tilts FIRST:LAST:STEP")
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
    """A tilt series of any format, its tilts from the file itself, from one beside it, or as given: see :class:`TiltSeries`."""
    return TiltSeries(path, tilts, tilt_axis, axis_offset_px, binning, max_tilt_deg, exclude, dataset, band_bytes)


class CorrectsPixels(Protocol):
    """What is done to a series' pixels as they are read."""

    def __call__(self, block: np.ndarray, start: int) -> np.ndarray:
        """Slices (S, A, N) as stored, from ``start`` on along the tilt axis, corrected."""
        ...

    def measured(self, start: int, stop: int) -> np.ndarray | None:
        """Which of their pixels were measured, (S, A, N); None where all were."""
        ...


class TiltSeries:
    """A tilt series that stays on disk; slices along the tilt axis are read when they are asked for.

    Tilts may come in any order and more than once: images and tilts are sorted together, and every image counts. Tilts beyond
    ±90 degrees are views from behind: they are brought to ±90, and their images flipped about the tilt axis.

    Parameters
    ----------
    path
        A file of any format that :func:`mwgan.io.open_stack` knows, a folder of TIFF images, or ``FILE::NAME`` for an array in a file.
    tilts_path
        The tilts, where the file itself, or a ``.tlt``, ``.mdoc`` or ``.rawtlt`` of its name beside it, doesn't tell them, or tells
        them wrongly: a text file or ``.mdoc``, in the order of the images; a range such as ``-60:60:2``; or numbers of degrees.
    tilt_axis
        ``y`` where the tilt axis runs along the rows' index, as after IMOD's alignment: one slice is ``data[:, y, :]``.
        ``x`` where it runs along the columns' index.
    axis_offset_px
        Where the tilt axis falls on the detector, in (unbinned) pixels right of its centre (N - 1) / 2.
    binning
        Average this many pixels in both directions; pixels left over at the far edges are dropped.
    max_tilt_deg
        Leave out tilts beyond this, as if they had not been measured.
    exclude
        Numbers of images to leave out, counted from 1 as by IMOD: ``[3, 17]``, or text such as ``3,17`` or ``1-3,17``.
    dataset
        The array inside the file, where there are several.
    band_bytes
        Memory for slices read ahead, where a pass through the file for each block would take too long.

    Attributes
    ----------
    geometry
        Tilts and detector, after binning.
    slices
        How many there are along the tilt axis, after binning.
    voxel_size_angstrom
        Edge of a voxel across the tilt axis in ångström, after binning; 0 if it isn't known.
    voxel_sizes_angstrom
        (y, z, x) of the volume, y along the tilt axis, after binning; None if they aren't known.
    pixel_sizes_angstrom
        (Down the rows, along the columns) of the images as stored; None if they aren't known.
    images, image_tilt_deg, image_flipped, image_numbers
        The images (A, rows, columns) in the file's order, as stored but for their number format; and in the geometry's order, the
        tilt of each of those used, whether it is seen from behind, and its index in the file, from 0.
    repairs
        What corrects the pixels as they are read, None if nothing does: see :mod:`mwgan.series.look`.
    notes, warnings
        Sentences: what was found out or corrected, and what is likely to be wrong.

    Raises
    ------
    InputError
        If a file is missing, damaged, not of its kind, holds pixels that are not finite, the counts differ, or nothing tells the tilts.
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
        told, stack = find_tilts(stack, self.path, tilts_path)
        if told is None:
            raise UnknownTiltsError(self.path, stack)
        check_range(told.tilt_deg, told.source)
        self.pixel_sizes_angstrom = stack.pixel_sizes_angstrom
        self.images, self.notes, self.warnings = stack.images, list(stack.notes), list(told.warnings)
        images, rows, columns = self.images.shape
        along, across = (rows, columns) if tilt_axis == "y" else (columns, rows)
        if not 1 <= binning <= min(along, max(1, across // 2)):
            raise InputError(f"binning must lie between 1 and half the image, not {binning}")
        tilts, behind = brought_to_half_circle(told.tilt_deg)
        self.image_numbers = _chosen(tilts, exclude, max_tilt_deg, told.source)
        check_pixels(self.images, self.image_numbers, self.path)
        self.image_tilt_deg, self.image_flipped = tilts[self.image_numbers], behind[self.image_numbers]
        size, dropped = divmod(across, binning)
        self._offset, self._bands = axis_offset_px, Bands(self.images, self.image_numbers.tolist(), tilt_axis == "x", band_bytes)
        self.warnings += [*_too_few(self.image_tilt_deg), *_narrow(self.image_tilt_deg)]
        self.geometry = TiltGeometry(tuple(self.image_tilt_deg.tolist()), size, axis_offset_px=(axis_offset_px + dropped / 2) / binning)
        self.slices = along // binning
        self.voxel_sizes_angstrom = _voxel(stack, tilt_axis, binning)
        self.voxel_size_angstrom = self.voxel_sizes_angstrom[2] if self.voxel_sizes_angstrom else 0.0
        self.notes += [f"tilts from {told.source}", *told.notes, *_remarks(tilts, behind, images - len(self.image_numbers))]

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
        """Which pixels of these slices were measured, boolean (stop - start, 1, A, N); None where all were."""
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
        """What it takes to read so many slices at a time."""
        pixels = slices * self.binning * len(self.image_numbers) * self.geometry.detector_size * self.binning
        return self._bands.room_bytes(slices * self.binning) + 3 * 4 * pixels  # turned, as float32, and binned or handed on


def find_tilts(stack: Stack, path: Path, given: Tilts | None) -> tuple[Told | None, Stack]:
    """The tilts of a stack, given or told by a file, and the stack with their axis in front and the pixel size filled in."""
    images = stack.images.shape[0]
    beside = tilts_beside(path, stack.tilt_deg, images)
    if given is None:
        told = beside.told
        stack = replace(stack, notes=(*stack.notes, *beside.passed)) if told is None else stack
    else:
        told = given_tilts(given, images)
        if beside.told is not None and (doubt := contradiction(told.tilt_deg, beside.told)):
            told = told._replace(warnings=(doubt,))
        stack = stack if len(told.tilt_deg) == images else _turned(stack, len(told.tilt_deg))
    if told is not None and len(told.tilt_deg) != stack.images.shape[0]:
        raise InputError(
            f"{path} holds {counted(images, 'image')} but {told.source} {counted(len(told.tilt_deg), 'tilt')}: "
            "give the list that belongs to the series"
        )
    unsure = stack.pixel_sizes_angstrom in (None, (1.0, 1.0))  # what programs write that don't know
    return told, replace(stack, pixel_size_angstrom=beside.pixel_size_angstrom) if unsure and beside.pixel_size_angstrom else stack


def _turned(stack: Stack, tilts: int) -> Stack:
    """A stack of a plain array with the axis in front that has as many places as there are tilts."""
    if stack.first_axis_is_tilt or tilts not in stack.images.shape:
        return stack
    axis = 2 if stack.images.shape[2] == tilts else 1
    note = f"axis {axis + 1} of the array is that of the tilts: {tilts} are given"
    return replace(stack, images=with_tilts_first(stack.images, axis), notes=(*stack.notes, note))


def flipped_about(rows: np.ndarray, offset_px: float) -> np.ndarray:
    """Rows (..., N) mirrored about a tilt axis ``offset_px`` right of their centre; what lies beyond their ends repeats the last pixel."""
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
        raise InputError(f"all {len(tilts)} images are left out: leave some")
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
    return [f"{counted(different, 'tilt')} can't tell what a slice looks like: a tomogram takes dozens, over as wide a range as can be"]


def look_like_radians(tilts: np.ndarray) -> bool:
    """Whether tilts are within what the half circle is in radians, and too many for so little."""
    return bool(len(tilts) >= RADIANS_FROM and 0 < np.ptp(tilts) <= np.pi and np.abs(tilts).max() <= np.pi)


def _narrow(tilts: np.ndarray) -> list[str]:
    """Tilts that are no tilt series, but would be one in radians."""
    if not look_like_radians(tilts):
        return []
    return [
        f"{len(tilts)} images within {np.ptp(tilts):.2g} degrees are no tilt series: are these radians? Multiply them by 180 / pi = 57.2958"
    ]


def _remarks(tilts: np.ndarray, behind: np.ndarray, left_out: int) -> list[str]:
    repeated = sorted({tilt for tilt, count in zip(*np.unique(tilts, return_counts=True), strict=True) if count > 1})
    told = ", ".join(f"{tilt:g}" for tilt in repeated[:LISTED]) + (" …" if len(repeated) > LISTED else "")
    return [
        *([f"{counted(int(behind.sum()), 'image')} beyond ±90 degrees, flipped about the tilt axis"] if behind.any() else []),
        *([f"more than one image at {told} degrees: each counts"] if repeated else []),
        *([f"{counted(left_out, 'image')} left out"] if left_out else []),
    ]


def counted(number: int, noun: str) -> str:
    """``1 image``, ``2 images``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
