"""The images of a raw series prepared for alignment: corrected, sorted by tilt, with the tilt axis approximately along y."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from mwgan.errors import InputError
from mwgan.io import TiltSeries, open_series
from mwgan.io.lazy import release
from mwgan.io.tilts import Tilts
from mwgan.series.align.pose import Array
from mwgan.series.align.profiles import shifts_along, spread_along
from mwgan.series.align.warp import Mask, Stack
from mwgan.series.look import LookedAt, Switches

FEWEST = 5  # images
LARGEST_PX = 320  # of a side: larger images are binned for the estimate, not for the result
GLANCE_PX = 96  # of a side, for determining the direction of the tilt axis
CLEARER, CONSERVED = 2.0, 0.15  # profiles along the right axis change less by this factor, and at most by this much
BETTER = 1.2  # the factor if only this direction keeps the specimen in the field
PRESENT = 0.1  # of the brightness: above this the sides aren't vacuum


@dataclass(frozen=True)
class Upright:
    """Corrected images (A, Y, X), binned by ``binning``, with y approximately along the tilt axis.

    ``numbers`` (A,) are those of the images in the file, from 0; ``flipped`` (A,) which of them are views from behind, mirrored about
    the detector's centre; ``measured`` is None if all pixels were.
    """

    looked_at: LookedAt
    numbers: list[int]
    tilt_deg: Array
    flipped: Mask
    images: Stack
    measured: Mask | None
    binning: int
    noise: float
    """Standard deviation of a pixel's noise."""

    @property
    def tilt_axis(self) -> Literal["x", "y"]:
        """Axis of the raw images along which the tilt axis runs."""
        return "x" if self.looked_at.seen.tilt_axis == "x" else "y"

    @property
    def closed(self) -> bool:
        """Whether the specimen stays in the field across the tilt axis."""
        return not self.looked_at.seen.open_sides

    def of(self, places: np.ndarray) -> Upright:
        """Some of the images."""
        measured = None if self.measured is None else self.measured[places]
        numbers = [self.numbers[place] for place in places]
        return replace(
            self,
            numbers=numbers,
            tilt_deg=self.tilt_deg[places],
            flipped=self.flipped[places],
            images=self.images[places],
            measured=measured,
        )


def read_upright(
    path: str | Path,
    tilts: Tilts | None = None,
    switches: Switches | None = None,
    exclude: str | Sequence[int] = (),
    dataset: str | None = None,
    strict: bool = False,
) -> Upright:
    """Check and read a raw series. Arguments as for :class:`mwgan.series.look.LookedAt`; it needn't be aligned.

    Raises
    ------
    InputError
        As there; and if there are too few images for an alignment.
    """
    switches = replace(switches or Switches(), axis_offset="auto", aligned=False)
    if switches.tilt_axis == "auto":
        switches = replace(switches, tilt_axis=axis_of_raw(open_series(path, tilts, exclude=exclude, dataset=dataset)))
    looked_at = LookedAt(path, tilts, switches, exclude, dataset, strict)
    dead = {number - 1 for number in looked_at.seen.dead}
    kept = np.array([number not in dead for number in looked_at.first.image_numbers.tolist()], bool)
    numbers = [int(number) for number in looked_at.first.image_numbers[kept]]
    if len(numbers) < FEWEST:
        raise InputError(f"{looked_at.first.path} has {len(numbers)} usable images: an alignment needs {FEWEST} or more")
    flipped = looked_at.first.image_flipped[kept]
    seen = looked_at.seen
    binning = max(1, -(-max(seen.rows, seen.columns) // LARGEST_PX))
    along_x = seen.tilt_axis == "x"
    images = [binned(upright(looked_at.image(number), along_x, flip), binning) for number, flip in zip(numbers, flipped, strict=True)]
    masks = [looked_at.measured(number) for number in numbers]
    measured = None
    if any(mask is not None for mask in masks):
        everywhere = np.ones((seen.rows, seen.columns), bool)
        whole = [everywhere if mask is None else mask for mask in masks]
        turned = [binned(upright(mask.astype(np.float32), along_x, flip), binning) for mask, flip in zip(whole, flipped, strict=True)]
        measured = np.stack(turned) > 1 - 1e-6
    tilt_deg = np.asarray(looked_at.first.image_tilt_deg[kept], float)
    return Upright(looked_at, numbers, tilt_deg, flipped, np.stack(images), measured, binning, seen.noise / binning)


def upright(image: np.ndarray, along_x: bool, flipped: bool = False) -> np.ndarray:
    """An image (R, C) rotated by 90 degrees if the tilt axis runs along x, so that it runs along y, and mirrored if seen from behind."""
    turned = np.rot90(image, -1) if along_x else image
    return turned[:, ::-1] if flipped else turned


def binned(image: np.ndarray, factor: int) -> np.ndarray:
    """An image averaged over squares of ``factor`` pixels, float32; remaining pixels at the far edges are dropped."""
    if factor == 1:
        return np.ascontiguousarray(image, np.float32)
    rows, columns = (side // factor for side in image.shape)
    squares = image[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    return np.asarray(squares.mean(axis=(1, 3)), np.float32)


def axis_of_raw(series: TiltSeries) -> Literal["x", "y"]:
    """Axis of its images along which the tilt axis of a raw series runs: that along which shifted profiles keep their shape.

    y if neither direction is clearly better, unless the specimen leaves the field only across an axis along y.
    """
    rows, columns = series.images.shape[1:]
    factor = max(1, -(-max(rows, columns) // GLANCE_PX))
    glances = []
    for number in series.image_numbers:
        glances.append(binned(np.array(series.images[int(number)], np.float32), factor))
        release(series.images)
    images = np.stack(glances)
    if len(images) < FEWEST or min(images.shape[1:]) < 16:
        return "y"
    edges = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1)
    images = np.minimum(images, np.quantile(images, 0.999))  # a hot pixel would dominate
    images = images - np.quantile(edges, 0.25, axis=1)[:, None, None].astype(np.float32)
    changes, leaves = {}, {}
    for axis, turned in (("y", images), ("x", images.swapaxes(1, 2))):
        known = np.ones(turned.shape, bool)
        shifts = shifts_along(turned, known, series.image_tilt_deg, turned.shape[1] // 3)
        changes[axis] = spread_along(turned, known, shifts)
        strip = max(1, turned.shape[2] // 16)
        sides = np.stack([turned[:, :, :strip].mean(axis=2), turned[:, :, -strip:].mean(axis=2)])
        leaves[axis] = bool(np.quantile(sides.max(axis=2), 0.5, axis=1).max() > PRESENT * np.quantile(turned, 0.99))
    needed = BETTER if leaves["y"] and not leaves["x"] else CLEARER
    return "x" if changes["x"] < CONSERVED and needed * changes["x"] < changes["y"] else "y"
