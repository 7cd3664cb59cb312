"""An alignment as stored: everything needed to transform the raw images, or maps at the same tilts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy import ndimage

from mwgan.errors import InputError
from mwgan.files.json_files import read_object
from mwgan.series.align.pose import turn
from mwgan.series.align.upright import binned

KIND = "mwgan alignment"  # identifies the JSON
QUARTER = np.array([[0.0, -1.0], [1.0, 0.0]])  # from an upright image's (y, x) to its raw one's (row, column), tilt axis along x
Interpolation = Literal["cubic", "linear"]
ORDERS: dict[Interpolation, int] = {"cubic": 3, "linear": 1}
WHOLE = 1 - 1e-3  # of an interpolated mask


@dataclass(frozen=True)
class Alignment:
    """The alignment of the images of a series, in pixels of the file.

    Parameters
    ----------
    images
        Numbers of the images used, counted from 1, in the order of their tilts.
    of_images
        Number of images in the file.
    raw_shape
        (Rows, columns) of each.
    tilt_deg
        (A,), of the images used.
    tilt_axis
        Axis of the raw images along which the tilt axis approximately runs; aligned images always have it along y.
    axis_angle_deg, shifts_px
        As for :class:`mwgan.series.align.pose.Pose`, of images rotated so that the axis runs along y.
    flipped
        For each image, whether it is a view from behind, mirrored about its centre.
    scale
        Factor of each image.
    shape
        (Y, X) of the aligned images, before binning.
    first_px
        (y, x) of the first pixel, relative to that of a central crop of size ``shape``.
    binning
        Pixels of the file per pixel of the aligned images.
    interpolation
        Cubic splines, which keep fine detail, or linear, which smooths depending on the fractional shift.
    """

    images: list[int]
    of_images: int
    raw_shape: tuple[int, int]
    tilt_deg: list[float]
    tilt_axis: Literal["x", "y"]
    axis_angle_deg: float
    shifts_px: list[tuple[float, float]]
    flipped: list[bool]
    scale: list[float]
    shape: tuple[int, int]
    first_px: tuple[float, float] = (0.0, 0.0)
    binning: int = 1
    interpolation: Interpolation = "cubic"
    facts: dict[str, Any] = field(default_factory=dict)
    """Further facts, as plain values."""

    @property
    def aligned_shape(self) -> tuple[int, int]:
        """(Y, X) of the aligned images."""
        return self.shape[0] // self.binning, self.shape[1] // self.binning

    @property
    def untouched(self) -> bool:
        """Whether nothing is transformed, so that pixels are unchanged."""
        return not (np.any(self.shifts_px) or self.axis_angle_deg or np.any(self.first_px)) and (
            self.shape == (self.raw_shape if self.tilt_axis == "y" else self.raw_shape[::-1])
        )

    def matrix_and_offset(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """The map from (y, x) of the aligned, unbinned image at ``place`` to (row, column) of its raw one: ``matrix @ index + offset``."""
        matrix = turn(self.axis_angle_deg)
        shift = matrix @ np.asarray(self.shifts_px[place])
        if self.flipped[place]:
            over = np.diag([1.0, -1.0])
            matrix, shift = over @ matrix, over @ shift
        if self.tilt_axis == "x":
            matrix, shift = QUARTER @ matrix, QUARTER @ shift
        middle, first = (np.array(self.shape) - 1) / 2, np.asarray(self.first_px)
        return matrix, (np.array(self.raw_shape) - 1) / 2 + shift + matrix @ (first - middle)

    def placed(self, place: int, image: np.ndarray, measured: np.ndarray | None = None) -> np.ndarray:
        """A raw image (R, C) aligned by one interpolation, (Y, X) float32; 0 where nothing was measured.

        Arguments as for :meth:`placed_with_mask`.
        """
        return self.placed_with_mask(place, image, measured)[0]

    def placed_with_mask(self, place: int, image: np.ndarray, measured: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """A raw image (R, C) aligned, (Y, X) float32, and which of its pixels were measured, boolean; the others are 0.

        Parameters
        ----------
        place
            Index of the image among those used.
        image
            As in the file, except for corrected pixels.
        measured
            Which of its pixels were measured; None: all.
        """
        matrix, offset = self.matrix_and_offset(place)
        pixels = np.asarray(image, np.float32)
        rows, columns = np.arange(self.shape[0])[:, None], np.arange(self.shape[1])[None]
        known = np.ones(self.shape, bool)
        for axis in range(2):
            where = matrix[axis, 0] * rows + matrix[axis, 1] * columns + offset[axis]
            known &= (where > -1e-6) & (where < self.raw_shape[axis] - 1 + 1e-6)
        if measured is not None:
            known &= ndimage.affine_transform(measured.astype(np.float32), matrix, offset, self.shape, order=1) > WHOLE
        if self.untouched:
            moved = ndimage.affine_transform(pixels, np.round(matrix), np.round(offset), self.shape, order=0, mode="nearest")
        else:
            moved = ndimage.affine_transform(pixels, matrix, offset, self.shape, order=ORDERS[self.interpolation], mode="mirror")
        moved = np.where(known, moved * np.float32(self.scale[place]), 0.0).astype(np.float32)
        if self.binning == 1:
            return moved, known
        known = binned(known.astype(np.float32), self.binning) > WHOLE
        return np.where(known, binned(moved, self.binning), 0.0).astype(np.float32), known

    def by_whole_pixels(self) -> tuple[Alignment, list[float]]:
        """The alignment rounded to whole pixels across the axis, and the remaining axis offset of each image in pixels of the file.

        Images are then interpolated only along the axis, unless the axis is rotated.
        """
        side = self.raw_shape[1] if self.tilt_axis == "y" else self.raw_shape[0]
        first = self.first_px[1] + (side - self.shape[1]) / 2
        fractions = [first + across - round(first + across) for _, across in self.shifts_px]
        shifts = [(along, across - fraction) for (along, across), fraction in zip(self.shifts_px, fractions, strict=True)]
        return replace(self, shifts_px=shifts), fractions

    def xf_lines(self) -> list[str]:
        """The transforms in IMOD's format, a line for each image used: ``A11 A12 A21 A22 DX DY``, x before y, from raw to aligned."""
        lines = []
        for place in range(len(self.images)):
            matrix, offset = self.matrix_and_offset(place)
            back = np.linalg.inv(matrix)
            middle = back @ ((np.array(self.raw_shape) - 1) / 2 - offset)
            shift = middle - (np.array(self.shape) - 1) / 2
            (yy, yx), (xy, xx) = back
            lines.append(f"{xx:12.7f}{xy:12.7f}{yx:12.7f}{yy:12.7f}{shift[1]:12.3f}{shift[0]:12.3f}")
        return lines

    def as_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        values = asdict(self)
        facts = values.pop("facts")
        return {"kind": KIND, **values, **facts}


def read_alignment(path: Path) -> Alignment:
    """Read an alignment from a JSON file.

    Raises
    ------
    InputError
        If the file isn't an alignment, or parts of it are missing or don't fit together.
    """
    try:
        values = read_object(path)
    except (OSError, ValueError) as error:
        reason = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "not JSON"
        raise InputError(f"{path} can't be read ({reason}): give the .json that mwgan align wrote with an aligned series") from error
    if values.get("kind") != KIND:
        raise InputError(f"{path} is not an alignment: give the .json that mwgan align wrote with an aligned series")
    try:
        return _parse(values)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is a damaged alignment ({error}): write it again with mwgan align") from error


def _parse(values: Mapping[str, Any]) -> Alignment:
    names = [name for name in Alignment.__dataclass_fields__ if name != "facts"]
    lacking = [name for name in names if name not in values]
    if lacking:
        raise ValueError(f"it lacks {', '.join(lacking)}")
    count = len(values["images"])
    unequal = [name for name in ("tilt_deg", "shifts_px", "flipped", "scale") if len(values[name]) != count]
    if unequal or not count:
        raise ValueError(f"{', '.join(unequal) or 'images'} of another length than images" if count else "it has no images")
    if values["tilt_axis"] not in ("x", "y") or values["interpolation"] not in ORDERS:
        raise ValueError(f"its tilt axis is {values['tilt_axis']!r} and its interpolation {values['interpolation']!r}")
    numbers = np.asarray([values["axis_angle_deg"], *values["tilt_deg"], *values["scale"], *np.ravel(values["shifts_px"])], float)
    sizes = [int(side) for name in ("raw_shape", "shape") for side in values[name]]
    images = [int(number) for number in values["images"]]
    if not np.isfinite(numbers).all() or min(sizes) < 1 or len(sizes) != 4 or not 1 <= int(values["binning"]) <= min(values["shape"]):
        raise ValueError("it has invalid numbers")
    if not 1 <= min(images) <= max(images) <= int(values["of_images"]):
        raise ValueError("it has images that the series lacks")
    return Alignment(
        images,
        int(values["of_images"]),
        (sizes[0], sizes[1]),
        [float(tilt) for tilt in values["tilt_deg"]],
        values["tilt_axis"],
        float(values["axis_angle_deg"]),
        [(float(along), float(across)) for along, across in values["shifts_px"]],
        [bool(one) for one in values["flipped"]],
        [float(one) for one in values["scale"]],
        (sizes[2], sizes[3]),
        (float(values["first_px"][0]), float(values["first_px"][1])),
        int(values["binning"]),
        values["interpolation"],
        {},
    )
