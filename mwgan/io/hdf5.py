"""HDF5 with named arrays, as written by TomoPy, DXchange, NeXus and MATLAB 7.3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mwgan.io.arrays import choose, in_degrees
from mwgan.io.lazy import with_tilts_first
from mwgan.io.stack import Images, Stack

SUFFIXES = (".h5", ".hdf5", ".hdf", ".nxs", ".mat")
MAGIC, MATLAB_BYTES = b"\x89HDF\r\n\x1a\n", 512


def read_hdf5(path: Path, dataset: str | None = None) -> Stack:
    """An array with three axes, by name or the only one, with its angles."""
    file = open_hdf5(path)
    arrays = datasets(file)
    choice = choose(arrays, dataset, path)
    notes = [f"the images are the array {choice.name}"]
    tilts = None
    if choice.angles is not None:
        angles = arrays[choice.angles]
        tilts, note = in_degrees(angles[()], angles.attrs.get("units", ""))
        notes += [f"the tilts are the array {choice.angles}", *([note] if note else [])]
    images = with_tilts_first(mapped(arrays[choice.name], path), choice.axis)
    return Stack(images, tilts, None, notes, first_axis_is_tilt=choice.sure)


def is_hdf5(head: bytes) -> bool:
    """Whether a file starts like HDF5, or MATLAB's variant."""
    return head.startswith(MAGIC) or head[MATLAB_BYTES:].startswith(MAGIC)


def open_hdf5(path: Path) -> Any:
    """An open ``h5py.File``; it stays open as long as one of its arrays is referenced."""
    import h5py

    return h5py.File(path, "r")


def datasets(file: Any) -> dict[str, Any]:
    """Every array of an HDF5 file by its path."""
    import h5py

    found = {}

    def note(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset) and node.shape is not None:
            found[f"/{name}"] = node

    file.visititems(note)
    return found


def mapped(dataset: Any, path: Path) -> Images:
    """A dataset, memory-mapped if it is contiguous in this file, else unchanged: read when it is indexed."""
    offset = dataset.id.get_offset() if dataset.chunks is None and dataset.external is None and not dataset.is_virtual else None
    if offset is None or dataset.dtype.kind not in "iufc" or not dataset.size:
        images: Images = dataset
        return images
    return np.memmap(path, dtype=dataset.dtype, mode="r", offset=offset, shape=dataset.shape)
