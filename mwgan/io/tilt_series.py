"""A tilt series on disk: MRC images and a text file of tilts, read a block of slices at a time."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Literal

import mrcfile
import numpy as np
import torch
from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import TiltGeometry, check_tilts

HEADER_BYTES = 1024
CHECKED_IMAGES = 16  # images looked through at a time for pixels that are not finite


class TiltSeries:
    """An aligned tilt series that stays on disk; slices along the tilt axis are read when they are asked for.

    Tilts may come in any order: images and tilts are sorted together.

    Parameters
    ----------
    path
        MRC file (tilts, rows, columns), any of its number formats.
    tilts_path
        Text file with one tilt in degrees per line, in the order of the images (``.tlt``, ``.rawtlt``).
    tilt_axis
        ``y`` where the tilt axis runs along the rows' index, as after IMOD's alignment: one slice is ``data[:, y, :]``.
        ``x`` where it runs along the columns' index.
    axis_offset_px
        Where the tilt axis falls on the detector, in (unbinned) pixels right of its centre (N - 1) / 2.
    binning
        Average this many pixels in both directions; pixels left over at the far edges are dropped.
    max_tilt_deg
        Leave out tilts beyond this, as if they had not been measured.

    Raises
    ------
    InputError
        If a file is missing, damaged, not of its kind, holds pixels that are not finite, or the counts differ.
    """

    def __init__(
        self,
        path: str | Path,
        tilts_path: str | Path,
        tilt_axis: Literal["x", "y"] = "y",
        axis_offset_px: float = 0.0,
        binning: int = 1,
        max_tilt_deg: float | None = None,
    ) -> None:
        if tilt_axis not in ("x", "y"):
            raise InputError(f"the tilt axis runs along x or y, not {tilt_axis!r}")
        self.path, self.binning = Path(path), binning
        tilts = read_tilts(tilts_path)
        file = _open(self.path)
        data = file.data
        if data.ndim != 3 or len(data) != len(tilts):
            images = len(data) if data.ndim == 3 else 1
            raise InputError(f"{path} holds {images} images but {tilts_path} {len(tilts)} tilts: give the list that belongs to the series")
        self._data = data if tilt_axis == "y" else data.swapaxes(1, 2)
        if not 1 <= binning <= min(self._data.shape[1:]) // 2:
            raise InputError(f"binning must lie between 1 and half the image, not {binning}")
        _check_finite(data, self.path)
        order = np.argsort(tilts, kind="stable")
        if max_tilt_deg is not None:
            order = order[np.abs(np.asarray(tilts)[order]) <= max_tilt_deg + 1e-6]
            if not len(order):
                raise InputError(f"{tilts_path} holds no tilt within ±{max_tilt_deg:g} degrees: widen the limit")
        self._order = order
        size, dropped = divmod(self._data.shape[2], binning)
        self.geometry = TiltGeometry(tuple(tilts[index] for index in order), size, axis_offset_px=(axis_offset_px + dropped / 2) / binning)
        self.slices = self._data.shape[1] // binning
        self.voxel_size_angstrom = float(file.voxel_size.x) * binning

    def sinograms(self, start: int, stop: int) -> Tensor:
        """Sinograms (stop - start, 1, A, N) float32 of the slices ``start`` up to ``stop`` along the tilt axis."""
        rows = slice(start * self.binning, stop * self.binning)
        width = self.geometry.detector_size * self.binning
        block = np.stack([np.asarray(self._data[index, rows, :width], dtype=np.float32) for index in self._order])
        tilts, size, factor = len(block), self.geometry.detector_size, self.binning
        block = block.reshape(tilts, stop - start, factor, size, factor).mean(axis=(2, 4))
        return torch.from_numpy(np.ascontiguousarray(block.swapaxes(0, 1))).unsqueeze(1)


def read_tilts(path: str | Path) -> list[float]:
    """Tilts in degrees, one per line, in the file's order; distinct and finite."""
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()  # of Windows too: a byte-order mark, other ends of lines
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"the tilt file {path} can't be read ({_reason(error)}): give a text file with one tilt in degrees per line"
        ) from error
    tilts = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            tilts.append(float(line))
        except ValueError as error:
            raise InputError(f"{path}, line {number}: {line.strip()!r} is not a tilt; give one number of degrees per line") from error
        if not math.isfinite(tilts[-1]):
            raise InputError(f"{path}, line {number}: {line.strip()} is not a finite number of degrees; give the tilt of that image")
    check_tilts(tuple(sorted(tilts)), name=str(path))
    return tilts


def _open(path: Path) -> mrcfile.mrcmemmap.MrcMemmap:
    """An MRC file mapped into memory; old headers without identification are read where their sizes agree."""
    try:
        size = path.stat().st_size
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = mrcfile.open(path, permissive=True, header_only=True).header
    except (OSError, ValueError) as error:
        raise InputError(f"{path} can't be read as MRC ({_reason(error)}): give an MRC tilt series") from error
    try:
        pixel = mrcfile.utils.dtype_from_mode(int(header.mode)).itemsize
    except ValueError as error:
        raise InputError(f"{path} is not an MRC file: give an MRC tilt series") from error
    sides = [int(header.nx), int(header.ny), int(header.nz)]
    expected = HEADER_BYTES + int(header.nsymbt) + pixel * int(np.prod(sides, dtype=object))
    if min(sides) < 1 or int(header.nsymbt) < 0:
        raise InputError(
            f"{path} is not an MRC file: its header gives {sides[0]} x {sides[1]} x {sides[2]} pixels; give an MRC tilt series"
        )
    if size < expected:
        kind = "is cut short" if bytes(header.map).startswith(b"MAP") else "is not an MRC file, or cut short"
        raise InputError(f"{path} {kind}: its header promises {expected} bytes and it has {size}; copy it anew")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mrcfile.mmap(path, mode="r", permissive=True)


def _check_finite(data: np.ndarray, path: Path) -> None:
    if data.dtype.kind != "f":
        return
    for start in range(0, len(data), CHECKED_IMAGES):
        bad = ~np.isfinite(data[start : start + CHECKED_IMAGES])
        if bad.any():
            image = start + int(np.argmax(bad.any(axis=(1, 2))))
            raise InputError(
                f"{path} holds {int(bad.sum())} pixels that are NaN or infinite, the first in image {image + 1}: "
                "repair or leave out that image"
            )


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).splitlines()[0].lower()
