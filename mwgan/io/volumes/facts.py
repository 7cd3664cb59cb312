"""Metadata of a volume, common to all formats."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

FLOAT32 = 4  # bytes
UNKNOWN_ANGSTROM = 1.0  # as in other programs, because some can't open a volume without a size


@dataclass(frozen=True)
class VolumeFacts:
    """Metadata of a volume, known before its first slice.

    Parameters
    ----------
    title
        Name, for formats that have one.
    shape
        (Y, Z, X): y along the tilt axis, z along the beam.
    voxel_sizes_angstrom
        (y, z, x); None if unknown.
    first_voxel_px
        Position of the first voxel's centre (y, z, x), in voxels from that of the full volume that this one is cut from.
    """

    title: str
    shape: tuple[int, int, int]
    voxel_sizes_angstrom: tuple[float, float, float] | None
    first_voxel_px: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def sizes_angstrom(self) -> tuple[float, float, float]:
        """Voxel sizes (y, z, x), for formats that require them."""
        return self.voxel_sizes_angstrom or (UNKNOWN_ANGSTROM,) * 3

    @property
    def origin_angstrom(self) -> tuple[float, float, float]:
        """(y, z, x) of the first voxel."""
        y, z, x = (place * size for place, size in zip(self.first_voxel_px, self.sizes_angstrom, strict=True))
        return y, z, x

    @property
    def slice_bytes(self) -> int:
        """Size of a slice."""
        return FLOAT32 * math.prod(self.shape[1:])


class VolumeStatistics(NamedTuple):
    """Of all voxels."""

    least: float
    greatest: float
    mean: float
    deviation: float
