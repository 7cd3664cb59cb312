"""What the user specifies for a series instead of having it determined."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from mwgan.errors import InputError


@dataclass(frozen=True)
class Switches:
    """Which corrections are made.

    Parameters
    ----------
    background
        ``auto`` subtracts the level of empty surroundings, ``edge`` that of each image separately, ``none`` nothing; or a number.
    axis_offset
        Position of the tilt axis, in pixels of the file right of the detector's centre (N - 1) / 2; ``auto`` fits it.
    tilt_axis
        ``x``, ``y``, or ``auto``: along y unless the masses indicate otherwise.
    invert
        ``yes`` takes logarithms relative to the surroundings, for bright-field images; ``auto`` if they are such; ``no``.
    outliers
        ``replace`` or ``keep`` hot pixels.
    aligned
        Whether the images should be aligned: those of a raw series aren't, so this is not reported, and their positions aren't used to
        check the tilts or to find the tilt axis.
    """

    background: Literal["auto", "edge", "none"] | float = "auto"
    axis_offset: Literal["auto"] | float = "auto"
    tilt_axis: Literal["auto", "x", "y"] = "auto"
    invert: Literal["auto", "yes", "no"] = "auto"
    outliers: Literal["replace", "keep"] = "replace"
    aligned: bool = True


def as_background(text: str) -> Literal["auto", "edge", "none"] | float:
    """``--background`` as typed."""
    if text in ("auto", "edge", "none"):
        return text  # type: ignore[return-value]
    return _number(text, "--background is auto, none, edge or a number in the units of the images")


def as_offset(text: str) -> Literal["auto"] | float:
    """``--axis-offset`` as typed."""
    return "auto" if text == "auto" else _number(text, "--axis-offset is auto or a number of pixels")


def _number(text: str, rule: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"{rule}, not {text!r}") from None
    if not math.isfinite(value):
        raise InputError(f"{rule}, not {text!r}")
    return value
