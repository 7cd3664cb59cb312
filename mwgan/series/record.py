"""The metadata of a volume as JSON: command, commit, weights, geometry, findings and corrections, residuals."""

from __future__ import annotations

import json
import math
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mwgan.errors import InputError
from mwgan.files.atomic import sha256
from mwgan.files.unfinished import Unfinished
from mwgan.io.volumes import split_name
from mwgan.provenance import PACKAGES, commit, device_name, version
from mwgan.recon import Reconstructor
from mwgan.series.choice import choice_of
from mwgan.series.data_fit import doubt
from mwgan.series.fine_tuning import tuned_of
from mwgan.series.finished import Finished
from mwgan.series.identity import weights_of_method
from mwgan.series.look import Findings
from mwgan.series.measured import Series

COMMIT = "commit"  # this key identifies records of this program, also those of ``mwgan look``


class CheckedSeries(Protocol):
    """A series that was checked: :class:`mwgan.series.look.LookedAt`."""

    seen: Findings
    notes: list[str]
    warnings: list[str]


class Record:
    """Writes the metadata of a volume to a JSON file next to it: its origin and its data residual.

    Parameters
    ----------
    output
        The volume.
    series
        The series that it is made from.
    looked_at
        The checked series.
    reconstructor, device
        The method and its device.
    method
        The name or path by which it was requested.
    options
        All options.

    Attributes
    ----------
    facts
        Everything known so far, as plain values.
    doubt
        A warning with its remedy if the data residual is too large; set when the record is written.

    Raises
    ------
    InputError
        If another file exists at the record's path.
    """

    def __init__(
        self,
        output: Path,
        series: Series,
        looked_at: CheckedSeries,
        reconstructor: Reconstructor,
        device: str,
        method: str,
        options: Mapping[str, Any],
    ) -> None:
        self.path = record_file(output)
        self.doubt: str | None = None
        self._series, self._reconstructor, self._device = series, reconstructor, device
        self.facts: dict[str, Any] = {
            **made_by(options),
            "device": device_name(device),
            "method": method,
            "weights": [{"file": str(file), "sha256": sha256(file)} for file in weights_of_method(method, options.get("settings"))],
            "tuned": tuned_of(reconstructor),
            "choice": choice_of(reconstructor),
            "series": str(series.path),
            "geometry": {
                "tilt_deg": series.geometry.tilt_deg,
                "detector_px": series.geometry.detector_size,
                "axis_offset_px": series.geometry.axis_offset_px,
                "tilt_offset_px": series.geometry.tilt_offset_px,
                "binning": getattr(series, "binning", 1),
                "images": [int(number) + 1 for number in getattr(series, "image_numbers", range(series.geometry.tilts))],
            },
            "seen": looked_at.seen.as_dict(),
            "notes": list(looked_at.notes),
            "warnings": list(looked_at.warnings),
        }

    def prepare(self, files: Unfinished) -> None:
        """Register the JSON, which gets its name together with the volume."""
        self._partial = files.add(self.path)

    def write(self, finished: Finished) -> None:
        """Add the results, and write the file."""
        volume, found = finished.volume, finished.fit
        self.doubt = doubt(found, self._series, self._reconstructor, finished.grid, self._device)
        self.facts["volume"] = {
            "file": str(volume.path),
            "shape_yzx": volume.shape,
            "voxel_sizes_angstrom_yzx": volume.facts.voxel_sizes_angstrom,
            "first_voxel_px_yzx": volume.facts.first_voxel_px,
        }
        self.facts["residual"] = {
            "of_data": found.residual,
            "noise_would_leave": found.noise,
            "times_noise": found.residual / found.noise if found.noise > 0 else None,
            "by_tilt": finished.residual_by_tilt,
            "noise_by_tilt": finished.noise_by_tilt,
            "doubt": self.doubt,
        }
        self._partial.write_text(json.dumps(plain(self.facts), indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def made_by(options: Mapping[str, Any]) -> dict[str, Any]:
    """The first entries of every record: commit, command, all options, and versions of packages."""
    return {
        COMMIT: commit(),
        "command": shlex.join(["mwgan", *sys.argv[1:]]),
        "options": dict(options),
        "versions": {name: version(name) for name in PACKAGES},
    }


def record_file(output: Path) -> Path:
    """The path of a volume's record: ``needle.json`` for ``needle.mrc``."""
    return output.with_name(f"{split_name(output)[0]}.json")


def check_record_file(output: Path) -> None:
    """Refuse a volume whose record would overwrite another file.

    Raises
    ------
    InputError
        If there is a file at the record's path that this program has not written.
    """
    check_record(record_file(output), output)


def check_record(path: Path, output: Path, what: str = "the volume") -> None:
    """As :func:`check_record_file`, for the record at ``path`` of a file ``output``."""
    if not path.is_file():
        return
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        there = None
    if not (isinstance(there, dict) and COMMIT in there):
        raise InputError(f"the record of {output} would overwrite {path}, which is something else: give {what} another name")


def plain(value: Any) -> Any:
    """A value as JSON can store it; NaN and infinities become null."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(one) for one in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    return value if value is None or isinstance(value, str | int | bool) else str(value)
