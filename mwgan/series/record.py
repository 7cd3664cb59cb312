"""What was done to make a volume, beside it as JSON: command, commit, weights, geometry, what was seen and corrected, residuals."""

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
from mwgan.files.unfinished import Unfinished
from mwgan.files.whole import sha256
from mwgan.io.volumes import split_name
from mwgan.provenance import PACKAGES, commit, device_name, version
from mwgan.recon import Reconstructor
from mwgan.series.explained import doubt
from mwgan.series.fine_tuned import tuned_of
from mwgan.series.finished import Finished
from mwgan.series.identity import weights_of_method
from mwgan.series.look import Seen
from mwgan.series.measured import Series
from mwgan.series.settled import choice_of

COMMIT = "commit"  # by which what was written by this program is known, a look at the series too


class SaysWhatItSaw(Protocol):
    """A series that was looked at: :class:`mwgan.series.look.LookedAt`."""

    seen: Seen
    notes: list[str]
    warnings: list[str]


class Record:
    """Says of a volume, in a JSON file beside it, where it comes from and how well it explains the data.

    Parameters
    ----------
    output
        The volume.
    series
        What it is made from.
    looked_at
        The look at it.
    reconstructor, device
        The method, and where it works.
    method
        What it was asked for as.
    options
        Everything that was asked for.

    Attributes
    ----------
    facts
        All that is known so far, plain values.
    doubt
        A sentence with its remedy where the volume leaves more of the data than it should; known once it is written.

    Raises
    ------
    InputError
        If a file is in the record's place that is none.
    """

    def __init__(
        self,
        output: Path,
        series: Series,
        looked_at: SaysWhatItSaw,
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
        """The JSON takes its name with the volume."""
        self._partial = files.add(self.path)

    def write(self, finished: Finished) -> None:
        """Add what came out, and write it."""
        volume, found = finished.volume, finished.explained
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
    """What every record of this program begins with: commit, command, all that was asked for, and versions of packages."""
    return {
        COMMIT: commit(),
        "command": shlex.join(["mwgan", *sys.argv[1:]]),
        "options": dict(options),
        "versions": {name: version(name) for name in PACKAGES},
    }


def record_file(output: Path) -> Path:
    """Where the record of a volume goes: ``needle.json`` of ``needle.mrc``."""
    return output.with_name(f"{split_name(output)[0]}.json")


def check_record_file(output: Path) -> None:
    """Refuse a volume whose record would take the place of something else, which nobody has named.

    Raises
    ------
    InputError
        If there is such a file, and this program has not written it.
    """
    check_record(record_file(output), output)


def check_record(path: Path, output: Path, what: str = "the volume") -> None:
    """As :func:`check_record_file`, of the record at ``path`` of what is written to ``output``."""
    if not path.is_file():
        return
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        there = None
    if not (isinstance(there, dict) and COMMIT in there):
        raise InputError(f"the record of {output} would take the place of {path}, which is something else: give {what} another name")


def plain(value: Any) -> Any:
    """The same as JSON has it; numbers that are none are null."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(one) for one in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    return value if value is None or isinstance(value, str | int | bool) else str(value)
