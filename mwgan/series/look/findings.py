"""Findings on a series, as plain values and as sentences."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Findings:
    """Findings of a check of a tilt series, the corrections, and what the user has to know.

    Pixels are those of the file, images are counted from 1 as in IMOD.
    """

    images: int
    rows: int
    columns: int
    tilt_deg: list[float] = field(default_factory=list)
    """Of the images used, in their order."""
    noise: float = 0.0
    """Standard deviation of a pixel's noise, median over the images, in the file's units."""
    contrast: float = 0.0
    """Of the specimen against its surroundings, in the file's units."""
    tilt_axis: str = "y"
    tilt_axis_seems: str | None = None
    """The axis along which it runs by the masses; None if undecided."""
    axis_offset_px: float = 0.0
    axis_offset_error_px: float | None = None
    """Standard error of the fitted offset."""
    axis_offset_from: str = "given"
    """Source of the offset: ``given``, ``centres of mass``, ``reconstruction`` or ``nothing``."""
    scatter_px: float | None = None
    """Of the centres of mass around one circle; None if the specimen leaves the field."""
    drift_px: float = 0.0
    """Along the tilt axis, from image to image."""
    background: float | list[float] = 0.0
    """Subtracted level: of all images, or of each."""
    bright_field: bool = False
    vacuum: list[float] = field(default_factory=list)
    """The level of the surroundings of each image, if they are inverted; else empty."""
    logarithm: bool = False
    """Whether they are inverted by -log(I / vacuum), as absorption is, or by vacuum - I."""
    dead: list[int] = field(default_factory=list)
    dark: list[int] = field(default_factory=list)
    strangers: list[int] = field(default_factory=list)
    out_of_order: bool = False
    fits_better: str | None = None
    """The other tilts, or other order of them, that fit the images' moments far better than the given ones."""
    radians: bool = False
    normalised: str | None = None
    mass_changes: float = 0.0
    """RMS relative change from image to image."""
    outliers: int = 0
    outlier_images: int = 0
    filled_share: float = 0.0
    """Of all pixels."""
    open_sides: list[str] = field(default_factory=list)
    other_way_empty: bool = False
    """Whether nothing would leave the field if the tilt axis ran along the other axis of the images."""
    notes: list[str] = field(default_factory=list)
    """Sentences on what was found and corrected."""
    warnings: list[str] = field(default_factory=list)
    """Sentences on likely problems, each with its remedy."""

    def as_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return asdict(self)


def counted_images(places: list[int], does: str, do: str) -> str:
    """``image 3 does``, ``images 3, 17 and 31 do``."""
    shown = [str(place) for place in places[:6]] + (["…"] if len(places) > 6 else [])
    if len(shown) == 1:
        return f"image {shown[0]} {does}"
    return f"images {', '.join(shown[:-1])} and {shown[-1]} {do}" if len(places) <= 6 else f"images {', '.join(shown)} {do}"
