"""HSPY, HyperSpy's HDF5, through RosettaSciIO, which is under the GPL: an extra, imported only for such files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mwgan import __version__
from mwgan.errors import MissingExtraError
from mwgan.files.space import fill_holes
from mwgan.io.volumes.facts import VolumeFacts, VolumeStatistics

ROOM = 1 << 16  # bytes of metadata
CHUNK_BYTES = 64  # index entry per slice
DATA = "data"


class HspyFormat:
    """A chunk for every slice; the navigation axis is y, along the tilt axis, the signal's are z and x."""

    def check(self) -> None:
        """Refuse to begin without the package."""
        _writer()

    def size(self, facts: VolumeFacts) -> int:
        """About that of the file."""
        return ROOM + facts.shape[0] * (facts.slice_bytes + CHUNK_BYTES)

    def create(self, path: Path, facts: VolumeFacts) -> None:
        """What HyperSpy knows of a signal by its own writer, and an array whose every chunk has its place."""
        units = None if facts.voxel_sizes_angstrom is None else "Å"
        axes = [
            {
                "_type": "UniformDataAxis",
                "name": name,
                "size": facts.shape[place],
                "scale": facts.sizes_angstrom[place],
                "offset": facts.origin_angstrom[place],
                "units": units,
                "navigate": name == "y",
                "index_in_array": place,
            }
            for place, name in enumerate("yzx")
        ]
        signal: dict[str, Any] = {
            "axes": axes,
            "metadata": {"General": {"title": facts.title}, "Signal": {"signal_type": ""}},
            "original_metadata": {},
            "learning_results": {},
            "attributes": {"_lazy": False},
            "models": {},
            "package_info": {"package": "mwgan", "package_version": __version__},
            "tmp_parameters": {},
        }
        _writer()(str(path), signal, write_dataset=False)
        layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        layout.set_chunk((1, *facts.shape[1:]))
        layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        layout.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        layout.set_obj_track_times(False)  # no date, so that equal volumes give equal files
        with h5py.File(path, "r+") as file:
            h5py.h5d.create(_signal(file).id, DATA.encode(), h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple(facts.shape), layout)
        with path.open("r+b") as opened:
            fill_holes(opened)

    def places(self, path: Path, facts: VolumeFacts) -> np.ndarray:
        """Of the chunks."""
        with h5py.File(path) as file:
            chunks = _signal(file)[DATA].id
            return np.array([chunks.get_chunk_info_by_coord((number, 0, 0)).byte_offset for number in range(facts.shape[0])])

    def finish(self, path: Path, facts: VolumeFacts, statistics: VolumeStatistics) -> None:
        """The format has no statistics."""


def _signal(file: h5py.File) -> Any:
    """The only one of the file."""
    return next(iter(file["Experiments"].values()))


def _writer() -> Any:
    try:
        from rsciio.hspy import file_writer
    except ImportError as error:
        raise MissingExtraError("writing .hspy files", "rosettasciio", "pip install 'mwgan[formats]', or write .mrc or .ome.tif") from error
    return file_writer
