"""The volume formats, by suffix.

Each of them stores a volume as float32, little-endian, slice after slice, uncompressed: so blocks can be written in place
in any order, by any process.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from mwgan.errors import InputError
from mwgan.io.volumes.facts import VolumeFacts, VolumeStatistics
from mwgan.io.volumes.hspy import HspyFormat
from mwgan.io.volumes.mrc import MrcFormat
from mwgan.io.volumes.ome_tiff import OmeTiffFormat


class VolumeFormat(Protocol):
    """The layout of a file before its slices are written, and what is written at the end."""

    def check(self) -> None:
        """Raise an :class:`InputError` if a required package is not installed."""
        ...

    def size(self, facts: VolumeFacts) -> int:
        """Approximate size of the file in bytes."""
        ...

    def create(self, path: Path, facts: VolumeFacts) -> None:
        """Create the file, with space for every slice."""
        ...

    def places(self, path: Path, facts: VolumeFacts) -> np.ndarray:
        """Byte offsets (Y,) of the slices in a file of :meth:`create`."""
        ...

    def finish(self, path: Path, facts: VolumeFacts, statistics: VolumeStatistics) -> None:
        """Write the statistics after the last slice."""
        ...


_MRC, _OME_TIFF, _HSPY = MrcFormat(), OmeTiffFormat(), HspyFormat()
SUFFIXES: dict[str, VolumeFormat] = {
    ".mrc": _MRC,
    ".rec": _MRC,
    ".map": _MRC,
    ".ome.tif": _OME_TIFF,
    ".ome.tiff": _OME_TIFF,
    ".tif": _OME_TIFF,
    ".tiff": _OME_TIFF,
    ".hspy": _HSPY,
}


def split_name(path: Path) -> tuple[str, str]:
    """Split a volume's name into stem and suffix: ``needle`` and ``.ome.tif``.

    Raises
    ------
    InputError
        If the suffix isn't that of a volume format.
    """
    for suffix in SUFFIXES:
        if path.name.lower().endswith(suffix) and len(path.name) > len(suffix):
            return path.name[: -len(suffix)], path.name[-len(suffix) :]
    raise InputError(
        f"what kind of volume is {path}? Give a name that ends in .mrc (or .rec, .map: MRC), .ome.tif (or .tif, .tiff: OME-TIFF) "
        "or .hspy (HyperSpy)"
    )


def volume_format(path: Path) -> VolumeFormat:
    """The format for a volume of this name.

    Raises
    ------
    InputError
        If there is none, or a required package is not installed.
    """
    found = SUFFIXES[split_name(path)[1].lower()]
    found.check()
    return found
