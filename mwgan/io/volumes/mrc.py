"""MRC: spacing of three axes, origin, label and statistics."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np

from mwgan import __version__
from mwgan.files.space import reserve
from mwgan.io.volumes.facts import VolumeFacts, VolumeStatistics

HEADER = 1024  # bytes


class MrcFormat:
    """A header of 1024 bytes and the slices; the file's axes x, y, z are the volume's x, z, y."""

    def check(self) -> None:
        """Nothing is required."""

    def size(self, facts: VolumeFacts) -> int:
        """Size of the file."""
        return HEADER + facts.shape[0] * facts.slice_bytes

    def create(self, path: Path, facts: VolumeFacts) -> None:
        """Zeros, allocated on disk."""
        with path.open("wb") as file:
            reserve(file, self.size(facts))

    def places(self, path: Path, facts: VolumeFacts) -> np.ndarray:
        """Consecutive slices."""
        return HEADER + np.arange(facts.shape[0], dtype=np.int64) * facts.slice_bytes

    def finish(self, path: Path, facts: VolumeFacts, statistics: VolumeStatistics) -> None:
        """Write the header."""
        header = _header(facts)
        header.dmin, header.dmax, header.dmean, header.rms = statistics
        with path.open("r+b") as file:
            file.write(header.tobytes())


def _header(facts: VolumeFacts) -> Any:
    """The header of a volume without its statistics and without a date."""
    with tempfile.TemporaryDirectory() as folder, mrcfile.new(Path(folder) / "empty.mrc", np.zeros((1, 1, 1), np.float32)) as file:
        header = file.header
        header.nz, header.ny, header.nx = header.mz, header.my, header.mx = facts.shape
        y, z, x = facts.sizes_angstrom
        file.voxel_size = (x, z, y)
        header.origin.z, header.origin.y, header.origin.x = facts.origin_angstrom
        header.label[0] = f"mwgan {__version__}"
        return header.copy()
