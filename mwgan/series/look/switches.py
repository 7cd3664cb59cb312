"""What a user says of a series instead of having it looked for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from mwgan.errors import InputError


@dataclass(frozen=True)
class Switches:
    """What is to be done about what is seen.

    Parameters
    ----------
    background
        ``auto`` takes off what empty surroundings show, ``edge`` that of each image by itself, ``none`` nothing; or a number.
    axis_offset
        Pixels (of the file) that the tilt axis falls right of the detector's centre (N - 1) / 2; ``auto`` has it fitted.
    tilt_axis
        ``x``, ``y``, or ``auto``: along y unless the masses say otherwise.
    invert
        ``yes`` takes logarithms against the surroundings, as of bright-field images; ``auto`` where they are such; ``no``.
    outliers
        ``replace`` or ``keep`` hot pixels.
    aligned
        Whether the images should be: those of a raw series aren't, and nothing is said of it; where they lie tells nothing of the tilts
        either, nor of the tilt axis' place.
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
