"""A volume to be measured: its voxels, their size, and the record of its reconstruction."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import numpy.typing as npt

from mwgan.errors import InputError
from mwgan.files.json_files import read_object
from mwgan.io.mrc import UNSET_ANGSTROM
from mwgan.io.readers import file_of, open_stack
from mwgan.io.tilts import companion_tilts
from mwgan.memory import check_fits

NM = 0.1  # per ångström
BYTES = 56  # peak memory per voxel
MRC = (".mrc", ".rec", ".map")


@dataclass(frozen=True)
class OpenedVolume:
    """Voxels in memory.

    Parameters
    ----------
    path
        The file, for messages.
    values
        (Y, Z, X) float32, finite: y along the tilt axis, z along the beam.
    voxel_nm
        Voxel sizes (y, z, x).
    record
        Its record from ``mwgan reconstruct``; empty if there is none.
    """

    path: Path
    values: npt.NDArray[np.float32]
    voxel_nm: tuple[float, float, float]
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def method(self) -> str | None:
        """The method of its reconstruction, if known."""
        found = self.record.get("method")
        return found if isinstance(found, str) else None

    @property
    def tilts_deg(self) -> tuple[float, float] | None:
        """The lowest and the highest tilt that it was made from, if known."""
        tilts = (self.record.get("geometry") or {}).get("tilt_deg")
        return (float(min(tilts)), float(max(tilts))) if tilts else None


def open_volume(path: str | Path, voxel_size_nm: float | None = None) -> OpenedVolume:
    """Read a volume (y, z, x), as written by ``mwgan reconstruct``, in any format supported for series.

    Parameters
    ----------
    path
        The file; its record (JSON) is read, too.
    voxel_size_nm
        Voxel size; None takes it from the file.

    Raises
    ------
    InputError
        If it can't be read, is a tilt series, doesn't fit into memory, has non-finite values, or its voxel size is unknown.
    """
    path = Path(path)
    if voxel_size_nm is not None and not (math.isfinite(voxel_size_nm) and voxel_size_nm > 0):
        raise InputError(f"the voxel size must be above 0 nm, not {voxel_size_nm:g}")
    stack = open_stack(path)
    record = read_record(path)
    if not record and (tilts := companion_tilts(file_of(path), stack.tilt_deg, int(stack.images.shape[0])).sourced) is not None:
        raise InputError(
            f"{path} is a tilt series, with a tilt for each image in {tilts.source}: reconstruct it, and measure the volume (one that has "
            "the name of a list of tilts needs another)"
        )
    sizes = _sizes(path, stack.pixel_sizes_angstrom, record) if voxel_size_nm is None else (voxel_size_nm / NM,) * 3
    shape = tuple(int(side) for side in stack.images.shape)
    check_fits(BYTES * math.prod(shape), f"{' x '.join(map(str, shape))} voxels to be measured", "bin the series and reconstruct it again")
    values = np.array(stack.images[:], np.float32)
    check_finite(values, path)
    y, z, x = (size * NM for size in sizes)
    return OpenedVolume(path, values, (y, z, x), record)


def open_like(path: str | Path, other: OpenedVolume, what: str) -> npt.NDArray[np.float32]:
    """Read a volume of the same shape as another.

    Raises
    ------
    InputError
        If it can't be read, has another shape, or non-finite values.
    """
    images = open_stack(path).images
    if tuple(images.shape) != other.values.shape:
        there, here = (" x ".join(map(str, shape)) for shape in (images.shape, other.values.shape))
        raise InputError(f"{what} {path} has {there} voxels and {other.path} {here}: give that of this volume")
    values = np.array(images[:], np.float32)
    check_finite(values, path)
    return values


def check_finite(values: npt.NDArray[np.float32], path: str | Path) -> None:
    """Raise an :class:`InputError` unless all values of a volume are finite numbers."""
    if not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        raise InputError(f"{count:,} voxels of {path} are NaN or infinite: reconstruct it again from good images")


def read_record(path: Path) -> dict[str, Any]:
    """The record of a volume (``needle.json`` for ``needle.mrc``); empty if there is no such file of ours."""
    from mwgan.series.record import COMMIT, record_file

    with suppress(InputError, OSError, ValueError):
        record = read_object(record_file(path))
        if COMMIT in record and Path((record.get("volume") or {}).get("file", "")).name == path.name:
            return record
    return {}


def _sizes(path: Path, pixel: tuple[float, float] | None, record: dict[str, Any]) -> tuple[float, float, float]:
    """(y, z, x) in ångström, from the record or the file."""
    recorded = (record.get("volume") or {}).get("voxel_sizes_angstrom_yzx")
    if recorded:
        y, z, x = (float(size) for size in recorded)
        return y, z, x
    if pixel is None or pixel == (UNSET_ANGSTROM, UNSET_ANGSTROM):
        raise InputError(f"the voxel size of {path} is unknown: give --voxel-size in nm")
    along = pixel[0]
    if path.suffix.lower() in MRC:
        with suppress(ValueError, OSError), mrcfile.open(path, header_only=True, permissive=True) as file:
            along = float(file.voxel_size.z) or along
    return along, pixel[0], pixel[1]
