"""What a volume's file says of it, whatever its format."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

FLOAT32 = 4  # bytes
UNKNOWN_ANGSTROM = 1.0  # as other programs have it, because some can't open a volume without any size


@dataclass(frozen=True)
class VolumeFacts:
    """What is known of a volume before its first slice.

    Parameters
    ----------
    title
        What it is called in formats that have names.
    shape
        (Y, Z, X): y along the tilt axis, z along the beam.
    voxel_sizes_angstrom
        (y, z, x); None where they aren't known.
    first_voxel_px
        Where the first voxel's centre lies (y, z, x), in voxels from that of the whole volume that this one is cut from.
    """

    title: str
    shape: tuple[int, int, int]
    voxel_sizes_angstrom: tuple[float, float, float] | None
    first_voxel_px: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def sizes_angstrom(self) -> tuple[float, float, float]:
        """Edges (y, z, x) of a voxel for formats that must have some."""
        return self.voxel_sizes_angstrom or (UNKNOWN_ANGSTROM,) * 3

    @property
    def origin_angstrom(self) -> tuple[float, float, float]:
        """(y, z, x) of the first voxel."""
        y, z, x = (place * size for place, size in zip(self.first_voxel_px, self.sizes_angstrom, strict=True))
        return y, z, x

    @property
    def slice_bytes(self) -> int:
        """Of a slice along the tilt axis."""
        return FLOAT32 * math.prod(self.shape[1:])


class VolumeStatistics(NamedTuple):
    """Of all voxels."""

    least: float
    greatest: float
    mean: float
    deviation: float
