"""Writes the results to a new folder, all or nothing: two tables, labels, a picture, a record."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mwgan.files.atomic import AtomicFiles, atomic_folder, check_new_folder
from mwgan.files.json_files import read_object
from mwgan.io import VolumeWriter
from mwgan.quantify.measure import Measured
from mwgan.quantify.measured_particle import MeasuredParticle
from mwgan.quantify.opened import NM
from mwgan.series.record import COMMIT, made_by, plain

UNITS = {
    "volume": "_nm3",
    "surface": "_nm2",
    "equivalent_diameter": "_nm",
    "thickness": "_nm",
    "thickness_z": "_nm",
    "sphericity": "",
    "elongation": "",
    "flatness": "",
    "width_over_height": "",
    "contact": "_nm2",
    "nearest": "_nm",
}
NAMES = ("particles.csv", "volume.csv", "labels.mrc", "picture.png", "record.json")


def measured_files(folder: Path) -> list[Path]:
    """The files that are written to a folder."""
    return [folder / name for name in NAMES]


def write_measured(measured: Measured, folder: Path, asked: Mapping[str, Any]) -> None:
    """Write the results to a new folder.

    Parameters
    ----------
    measured
        The results.
    folder
        A new name, an empty folder, or one of an earlier measurement, whose files are replaced.
    asked
        All options, for the record.

    Raises
    ------
    InputError
        If the folder has other content, or can't be written.
    """
    import pandas as pd

    from mwgan.figures.measured_volume import measured_volume

    opened = measured.volume
    check_measured_folder(folder)
    with ExitStack() as entered:
        place = folder if _is_ours(folder) else entered.enter_context(atomic_folder(folder))
        files = entered.enter_context(AtomicFiles())
        particles, volume, labels, picture, record = (
            path if path.name == "labels.mrc" else files.add(path) for path in measured_files(place)
        )
        pd.DataFrame(particle_rows(measured)).to_csv(particles, index=False, float_format="%.5g", lineterminator="\n")
        pd.DataFrame(volume_rows(measured)).to_csv(volume, index=False, float_format="%.5g", lineterminator="\n")
        y, z, x = (size / NM for size in opened.voxel_nm)
        with VolumeWriter(labels, opened.values.shape, (y, z, x), files) as writer:
            for number, one in enumerate(measured.labels):
                writer.write(number, torch.from_numpy(one.astype(np.float32))[None, None])
        figure = measured_volume(
            opened.values,
            measured.labels,
            opened.voxel_nm,
            [(one.place.label, *one.intervals["equivalent_diameter"], one.safe) for one in measured.particles],
            [(one.place.label, *one.intervals["thickness"], one.safe) for one in measured.particles],
        )
        figure.savefig(picture, format="png", dpi=160)
        facts = {
            **made_by(asked),
            "volume": str(opened.path),
            "voxel_nm_yzx": opened.voxel_nm,
            "thresholds": measured.materials.thresholds,
            "tilts_deg": measured.tilts_deg,
            "notes": measured.notes,
            "warnings": measured.warnings,
        }
        record.write_text(json.dumps(plain(facts), indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def check_measured_folder(folder: Path) -> None:
    """Raise an :class:`InputError` if a folder has other content than an earlier measurement."""
    if not _is_ours(folder):
        check_new_folder(folder)


def _is_ours(folder: Path) -> bool:
    """Whether a folder has the files of a measurement, and no others."""
    try:
        return {file.name for file in folder.iterdir()} == set(NAMES) and COMMIT in read_object(folder / "record.json")
    except (OSError, ValueError):
        return False


def particle_rows(measured: Measured) -> list[dict[str, Any]]:
    """A row per particle, by column names; lengths in nm, positions from the centre of the first voxel."""
    return [_row(one) for one in measured.particles]


def volume_rows(measured: Measured) -> list[dict[str, Any]]:
    """A row per quantity of the whole volume."""
    return [
        {
            "number": one.name,
            "material": one.material or "",
            "value": one.interval.value,
            "low": one.interval.low,
            "high": one.interval.high,
            "unit": one.unit,
            "safe": one.safe,
        }
        for one in measured.numbers
    ]


def _row(one: MeasuredParticle) -> dict[str, Any]:
    row: dict[str, Any] = {
        "particle": one.place.label,
        "material": one.place.material,
        **{f"{axis}_nm": float(place) for axis, place in zip("yzx", one.shape.middle, strict=True)},
        "voxels": one.place.voxels,
    }
    for name, unit in UNITS.items():
        value, low, high = one.intervals.get(name, (math.nan,) * 3)
        row |= {f"{name}{unit}": value, f"{name}_low": low, f"{name}_high": high}
    row |= {"touches": ";".join(map(str, one.touches)), "nearest_particle": one.nearest_label or ""}
    return row | {"unseen_share": one.unseen, "cut": one.place.cut, "safe": one.safe}
