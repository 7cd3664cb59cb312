"""An alignment as it is kept: enough to bring the raw images, or maps of the same tilts, to where they belong."""

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

KIND = "mwgan alignment"  # by which the JSON is known
QUARTER = np.array([[0.0, -1.0], [1.0, 0.0]])  # from an upright image's (y, x) to its raw one's (row, column), tilt axis along x
Interpolation = Literal["cubic", "linear"]
ORDERS: dict[Interpolation, int] = {"cubic": 3, "linear": 1}
WHOLE = 1 - 1e-3  # of an interpolated mask


@dataclass(frozen=True)
class Alignment:
    """Where the images of a series belong, in pixels of the file.

    Parameters
    ----------
    images
        Numbers of the images used, counted from 1, in the order of their tilts.
    of_images
        How many the file has.
    raw_shape
        (Rows, columns) of each.
    tilt_deg
        (A,), of the images used.
    tilt_axis
        Along which axis of the raw images the tilt axis runs, about; aligned images always have it along y.
    axis_angle_deg, shifts_px
        As of :class:`mwgan.series.align.pose.Pose`, of images turned so that the axis runs along y.
    flipped
        Of each image, whether it is a view from behind, turned over about its middle.
    scale
        By what each image is multiplied.
    shape
        (Y, X) of the aligned images, before binning.
    first_px
        (y, x) of the first pixel, from that of an image cut as large as ``shape`` from the middle.
    binning
        Pixels of the file in a pixel of the aligned images.
    interpolation
        By cubic splines, which keep what is fine, or linear, which smooths, and the more the further between pixels an image comes to lie.
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
    """What else is known, plain values."""

    @property
    def aligned_shape(self) -> tuple[int, int]:
        """(Y, X) of the aligned images."""
        return self.shape[0] // self.binning, self.shape[1] // self.binning

    @property
    def untouched(self) -> bool:
        """Whether nothing is moved, so that pixels stay what they are."""
        return not (np.any(self.shifts_px) or self.axis_angle_deg or np.any(self.first_px)) and (
            self.shape == (self.raw_shape if self.tilt_axis == "y" else self.raw_shape[::-1])
        )

    def matrix_and_offset(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """From (y, x) of the aligned image at ``place``, not binned, to (row, column) of its raw one: ``matrix @ index + offset``."""
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
        """A raw image (R, C) brought to where it belongs, (Y, X) float32, by one interpolation; 0 where nothing was measured.

        Arguments as of :meth:`placed_with_mask`.
        """
        return self.placed_with_mask(place, image, measured)[0]

    def placed_with_mask(self, place: int, image: np.ndarray, measured: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """A raw image (R, C) where it belongs, (Y, X) float32, and which of these pixels were measured, boolean; the others are 0.

        Parameters
        ----------
        place
            Of the image among those used.
        image
            As it is in the file, but for its corrected pixels.
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
        """The same but for fractions of a pixel across the axis, and these, in pixels of the file: where the axis then falls in each image.

        Images are read between pixels along the axis alone then, unless the axis is turned.
        """
        side = self.raw_shape[1] if self.tilt_axis == "y" else self.raw_shape[0]
        first = self.first_px[1] + (side - self.shape[1]) / 2
        fractions = [first + across - round(first + across) for _, across in self.shifts_px]
        shifts = [(along, across - fraction) for (along, across), fraction in zip(self.shifts_px, fractions, strict=True)]
        return replace(self, shifts_px=shifts), fractions

    def xf_lines(self) -> list[str]:
        """The transforms as IMOD has them, a line for each image used: ``A11 A12 A21 A22 DX DY``, x before y, from raw to aligned."""
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
        """Plain values, as JSON has them."""
        told = asdict(self)
        facts = told.pop("facts")
        return {"kind": KIND, **told, **facts}


def read_alignment(path: Path) -> Alignment:
    """What :meth:`Alignment.as_dict` gave, from a JSON file.

    Raises
    ------
    InputError
        If it is none, or parts of it are missing or don't fit together.
    """
    try:
        told = read_object(path)
    except (OSError, ValueError) as error:
        reason = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "it is no JSON"
        raise InputError(f"{path} can't be read ({reason}): give the .json that mwgan align wrote beside an aligned series") from error
    if told.get("kind") != KIND:
        raise InputError(f"{path} is no alignment: give the .json that mwgan align wrote beside an aligned series")
    try:
        return _checked(told)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is an alignment that is damaged ({error}): write it anew with mwgan align") from error


def _checked(told: Mapping[str, Any]) -> Alignment:
    names = [name for name in Alignment.__dataclass_fields__ if name != "facts"]
    lacking = [name for name in names if name not in told]
    if lacking:
        raise ValueError(f"it lacks {', '.join(lacking)}")
    count = len(told["images"])
    unequal = [name for name in ("tilt_deg", "shifts_px", "flipped", "scale") if len(told[name]) != count]
    if unequal or not count:
        raise ValueError(f"{', '.join(unequal) or 'images'} of another length than images" if count else "it has no images")
    if told["tilt_axis"] not in ("x", "y") or told["interpolation"] not in ORDERS:
        raise ValueError(f"its tilt axis is {told['tilt_axis']!r} and its interpolation {told['interpolation']!r}")
    numbers = np.asarray([told["axis_angle_deg"], *told["tilt_deg"], *told["scale"], *np.ravel(told["shifts_px"])], float)
    sizes = [int(side) for name in ("raw_shape", "shape") for side in told[name]]
    images = [int(number) for number in told["images"]]
    if not np.isfinite(numbers).all() or min(sizes) < 1 or len(sizes) != 4 or not 1 <= int(told["binning"]) <= min(told["shape"]):
        raise ValueError("numbers that are none")
    if not 1 <= min(images) <= max(images) <= int(told["of_images"]):
        raise ValueError("images that the series doesn't have")
    return Alignment(
        images,
        int(told["of_images"]),
        (sizes[0], sizes[1]),
        [float(tilt) for tilt in told["tilt_deg"]],
        told["tilt_axis"],
        float(told["axis_angle_deg"]),
        [(float(along), float(across)) for along, across in told["shifts_px"]],
        [bool(one) for one in told["flipped"]],
        [float(one) for one in told["scale"]],
        (sizes[2], sizes[3]),
        (float(told["first_px"][0]), float(told["first_px"][1])),
        int(told["binning"]),
        told["interpolation"],
        {},
    )
