"""OME-TIFF: a page for every slice along the tilt axis, physical sizes in the OME header."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from mwgan import __version__
from mwgan.files.space import fill_holes
from mwgan.io.volumes.facts import VolumeFacts, VolumeStatistics

CLASSIC = 2**32 - 2**25  # bytes: the limit of 32-bit offsets
PROGRAM = f"mwgan {__version__}"
PAGE_BYTES = 300  # of a page's directory, about


class OmeTiffFormat:
    """The pages' pixels are consecutive; OME's Z, Y, X are the volume's y, z, x."""

    def check(self) -> None:
        """Nothing is required."""

    def size(self, facts: VolumeFacts) -> int:
        """Approximate size of the file."""
        return facts.shape[0] * (facts.slice_bytes + PAGE_BYTES)

    def create(self, path: Path, facts: VolumeFacts) -> None:
        """Directories of all pages, and space for their pixels on disk."""
        named: dict[str, Any] = {"axes": "ZYX", "Name": facts.title}
        # tifffile would use a random one, and equal volumes would give different files.
        named["UUID"] = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{facts}"))
        if facts.voxel_sizes_angstrom is not None:
            for axis, size in zip("ZYX", facts.voxel_sizes_angstrom, strict=True):
                named |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "Å"}
        big = self.size(facts) > CLASSIC
        pixels = tifffile.memmap(
            path,
            shape=facts.shape,
            dtype="<f4",
            ome=True,
            bigtiff=big,
            metadata=named,
            software=PROGRAM,
            photometric="minisblack",
        )
        del pixels
        with path.open("r+b") as file:
            fill_holes(file)

    def places(self, path: Path, facts: VolumeFacts) -> np.ndarray:
        """Consecutive from the first page's pixels on."""
        with tifffile.TiffFile(path) as file:
            first = file.pages.first.dataoffsets[0]
        return first + np.arange(facts.shape[0], dtype=np.int64) * facts.slice_bytes

    def finish(self, path: Path, facts: VolumeFacts, statistics: VolumeStatistics) -> None:
        """The format has no statistics."""
