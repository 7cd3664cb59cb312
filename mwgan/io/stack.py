"""The result of a reader: the images of a series on disk, and their metadata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mwgan.errors import InputError


class Images(Protocol):
    """Images (A, rows, columns) that are read when they are indexed: a memory-mapped array, a dataset, pages of a file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(A, rows, columns)."""
        ...

    @property
    def dtype(self) -> Any:
        """Of the pixels: integers or floating-point numbers."""
        ...

    def __getitem__(self, key: Any) -> Any:
        """An array (or array-like) for integers and slices without a step."""
        ...


@dataclass(frozen=True)
class Stack:
    """Images and their metadata.

    Parameters
    ----------
    images
        (A, rows, columns) in the file's order; see :class:`Images`.
    tilt_deg
        The tilt of each image in degrees, if the file has them.
    pixel_size_angstrom
        Pixel size in ångström, or (down the rows, along the columns); None if the file doesn't have it.
    notes
        Findings and corrections, each a sentence without its full stop.
    first_axis_is_tilt
        False for plain arrays, whose order of axes isn't standardised: the length of a list of tilts then decides.
    """

    images: Images
    tilt_deg: Sequence[float] | None = None
    pixel_size_angstrom: float | tuple[float, float] | None = None
    notes: Sequence[str] = ()
    first_axis_is_tilt: bool = True

    @property
    def pixel_sizes_angstrom(self) -> tuple[float, float] | None:
        """(Down the rows, along the columns), both above 0, or None if unknown."""
        size = self.pixel_size_angstrom
        pair = size if isinstance(size, tuple) else (size, size)
        rows, columns = (0.0 if one is None else float(one) for one in pair)
        return (rows, columns) if 0 < rows < float("inf") and 0 < columns < float("inf") else None


def check_stack(stack: Stack, path: Path) -> None:
    """Raise an :class:`InputError` unless the images are three axes of real numbers."""
    shape, dtype = tuple(stack.images.shape), stack.images.dtype
    if len(shape) != 3:
        raise InputError(f"{path} holds an array of {' x '.join(map(str, shape))}: a tilt series has three axes, images, rows and columns")
    if min(shape) < 1:
        raise InputError(f"{path} holds no pixels ({' x '.join(map(str, shape))}): give a tilt series")
    if dtype.kind == "c":
        raise InputError(f"{path} holds complex numbers, as Fourier transforms are: give the images themselves")
    if dtype.kind not in "iuf":
        raise InputError(f"{path} holds {dtype} where grey values are expected: give images of integers or floating-point numbers")
