"""NPY (memory-mapped), NPZ with named arrays, and MATLAB's files before 7.3."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mwgan.io.arrays import choose, in_degrees
from mwgan.io.stack import Stack

NPY_MAGIC, NPZ_MAGIC, MAT_MAGIC = b"\x93NUMPY", b"PK\x03\x04", b"MATLAB 5.0"
MATLAB_KINDS = {"single": "f4", "logical": "u1", "char": "U1", "cell": "O", "struct": "O", "object": "O", "sparse": "O"}


class Unread(NamedTuple):
    """An array that has not been read yet."""

    shape: tuple[int, ...]
    dtype: np.dtype


def read_npy(path: Path, dataset: str | None = None) -> Stack:
    """The array of an NPY file (images, rows, columns)."""
    return Stack(np.load(path, mmap_mode="r", allow_pickle=False), first_axis_is_tilt=False)


def read_npz(path: Path, dataset: str | None = None) -> Stack:
    """An array of an NPZ file, by name or the only one with three axes, with its angles."""
    with zipfile.ZipFile(path) as archive:
        members = [name for name in archive.namelist() if name.endswith(".npy")]
        unread = {name.removesuffix(".npy"): _unread(archive, name) for name in members}
    choice = choose(unread, dataset, path)
    with np.load(path, allow_pickle=False) as arrays:
        images = arrays[choice.name]
        angles = None if choice.angles is None else arrays[choice.angles]
    return _named(images, angles, choice.name, choice.angles, choice.axis)


def read_mat(path: Path, dataset: str | None = None) -> Stack:
    """An array of a MATLAB file, by name or the only one with three axes; from version 7.3 on they are HDF5."""
    from scipy.io import loadmat, whosmat

    unread = {
        name: Unread(tuple(shape), np.dtype(MATLAB_KINDS.get(kind, "f8" if kind == "double" else kind)))
        for name, shape, kind in whosmat(path)
    }
    choice = choose(unread, dataset, path)
    content = loadmat(path, variable_names=[name for name in (choice.name, choice.angles) if name])
    angles = None if choice.angles is None else content[choice.angles]
    return _named(content[choice.name], angles, choice.name, choice.angles, choice.axis)


def _named(images: Any, angles: Any, name: str, angles_name: str | None, axis: int) -> Stack:
    notes, tilts = [f"the images are the array {name}, read into memory"], None
    if angles is not None:
        tilts, _ = in_degrees(angles, "degrees")
        notes.append(f"the tilts are the array {angles_name}")
    return Stack(np.moveaxis(images, axis, 0) if images.ndim == 3 else images, tilts, None, notes, first_axis_is_tilt=tilts is not None)


def _unread(archive: zipfile.ZipFile, name: str) -> Unread:
    with archive.open(name) as member:
        major, _ = np.lib.format.read_magic(member)
        read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(member)
    return Unread(shape, dtype)
