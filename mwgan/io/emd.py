"""EMD, three HDF5 formats of the same name: Velox's, NCEM's, and tomviz's, which follows NCEM's.

RosettaSciIO reads them too, but keeps only the first tilt of a series, or the first step: here each image has its own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mwgan.errors import InputError
from mwgan.io.arrays import in_degrees
from mwgan.io.hdf5 import datasets, mapped, open_hdf5
from mwgan.io.lazy import with_tilts_first
from mwgan.io.stack import Stack
from mwgan.io.units import angstrom, degrees_per

SUFFIXES = (".emd",)
VELOX = "/Data/Image/"


def read_emd(path: Path, dataset: str | None = None) -> Stack:
    """The images of an EMD file: its only array with three axes, or the one named."""
    file = open_hdf5(path)
    found = dict(_velox(file, path)) or dict(_ncem(file, path))
    if dataset is not None:
        found = {name: stack for name, stack in found.items() if name.strip("/").startswith(dataset.strip("/"))}
    if len(found) != 1:
        there = ", ".join(f"{name} ({' x '.join(map(str, stack.images.shape))})" for name, stack in found.items())
        remedy = f"name one of {there}, as {path.name}::NAME or by --dataset" if there else "give one that holds a tilt series"
        raise InputError(f"{path} holds {len(found) or 'no'} arrays of images {f'named {dataset} ' if dataset else ''}that fit: {remedy}")
    return next(iter(found.values()))


def _velox(file: Any, path: Path) -> Iterator[tuple[str, Stack]]:
    """Velox: each detector's images (rows, columns, frames), and a column of JSON per frame."""
    for name, array in datasets(file).items():
        if not name.startswith(VELOX) or not name.endswith("/Data") or len(array.shape) != 3:
            continue
        metadata = [_json(file[f"{name.removesuffix('Data')}Metadata"], frame) for frame in range(array.shape[2])]
        tilts = [float(one.get("Stage", {}).get("AlphaTilt", math.nan)) for one in metadata]
        pixel = metadata[0].get("BinaryResult", {})
        sizes = [angstrom(float(pixel.get("PixelSize", {}).get(side, 0)), pixel.get("PixelUnitX", "m")) for side in ("height", "width")]
        known = all(map(math.isfinite, tilts)) and (any(tilts) or len(tilts) == 1)
        degrees = tuple(round(math.degrees(tilt), 6) for tilt in tilts) if known else None
        notes = [f"the images are {name}, of Velox"]
        yield name, Stack(with_tilts_first(array, 2), degrees, (sizes[0], sizes[1]) if sizes[0] and sizes[1] else None, notes)


def _json(metadata: Any, frame: int) -> dict[str, Any]:
    column = metadata[:, min(frame, metadata.shape[1] - 1)]
    try:
        values: dict[str, Any] = json.loads(column.tobytes().rstrip(b"\0").decode("utf-8", "replace"))
    except ValueError as error:
        raise InputError(f"{metadata.file.filename} has unreadable metadata of image {frame + 1}: save it again with Velox") from error
    return values


def _ncem(file: Any, path: Path) -> Iterator[tuple[str, Stack]]:
    """NCEM and tomviz: an array with ``dim1``, ``dim2`` … (or from ``dim0`` on), the positions along each axis."""
    arrays = datasets(file)
    for name, array in arrays.items():
        if len(array.shape) != 3:
            continue
        folder = name.rpartition("/")[0]
        first = 0 if f"{folder}/dim0" in arrays else 1
        dims = [arrays[dim] for axis in range(3) if (dim := f"{folder}/dim{first + axis}") in arrays]
        if len(dims) < 3:
            continue
        axis = next((axis for axis, dim in enumerate(dims) if _is_angle(dim) and len(dim) == array.shape[axis]), None)
        notes, tilts = [f"the images are the array {name}"], None
        if axis is not None:
            tilts, note = in_degrees(dims[axis][()], _attribute(dims[axis], "units"))
            notes += [f"the tilts are the array {dims[axis].name}", *([note] if note else [])]
        steps = [_step(dim) for place, dim in enumerate(dims) if place != (axis or 0)]
        size = (steps[0], steps[1]) if steps[0] and steps[1] else None
        images = with_tilts_first(mapped(array, path), axis or 0)
        yield name, Stack(images, tilts, size, notes, first_axis_is_tilt=axis is not None)


def _is_angle(dim: Any) -> bool:
    name = _attribute(dim, "name").lower()
    return degrees_per(_attribute(dim, "units")) is not None or "angle" in name or "tilt" in name


def _step(dim: Any) -> float | None:
    places = np.asarray(dim[:2], dtype=float)
    return angstrom(float(places[1] - places[0]), _attribute(dim, "units")) if len(places) == 2 else None


def _attribute(dim: Any, name: str) -> str:
    value = dim.attrs.get(name, "")
    value = value.flat[0] if isinstance(value, np.ndarray) and value.size else value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
