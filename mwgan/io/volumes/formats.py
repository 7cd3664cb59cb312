"""The formats that volumes are written in, by what a name ends in.

Each of them lays a volume out as float32, little-endian, slice after slice, uncompressed: so any block can be written in its place as
soon as it is there, in any order, by any process.
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
    """How a file is laid out before its slices are written, and what is written when all of them are."""

    def check(self) -> None:
        """Raise an :class:`InputError` if what it takes is not installed."""
        ...

    def size(self, facts: VolumeFacts) -> int:
        """About how many bytes such a file has."""
        ...

    def create(self, path: Path, facts: VolumeFacts) -> None:
        """A new file, the place of every slice in it."""
        ...

    def places(self, path: Path, facts: VolumeFacts) -> np.ndarray:
        """At which byte each slice (Y,) begins in a file of :meth:`create`."""
        ...

    def finish(self, path: Path, facts: VolumeFacts, statistics: VolumeStatistics) -> None:
        """Say what is known when all slices are written."""
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
    """What a volume is called and what its name ends in: ``needle`` and ``.ome.tif``.

    Raises
    ------
    InputError
        If volumes aren't written with such a name.
    """
    for suffix in SUFFIXES:
        if path.name.lower().endswith(suffix) and len(path.name) > len(suffix):
            return path.name[: -len(suffix)], path.name[-len(suffix) :]
    raise InputError(
        f"what kind of volume is {path}? Give a name that ends in .mrc (or .rec, .map: MRC), .ome.tif (or .tif, .tiff: OME-TIFF) "
        "or .hspy (HyperSpy)"
    )


def volume_format(path: Path) -> VolumeFormat:
    """The format that a volume of this name is written in.

    Raises
    ------
    InputError
        If there is none, or what it takes is not installed.
    """
    found = SUFFIXES[split_name(path)[1].lower()]
    found.check()
    return found
