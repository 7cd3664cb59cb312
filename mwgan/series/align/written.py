"""Writes an aligned series and its companion files together or not at all."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mwgan.errors import InputError
from mwgan.files.atomic import AtomicFiles
from mwgan.io.series_writer import write_series
from mwgan.provenance import PACKAGES, commit, version
from mwgan.series.align.align import Aligned
from mwgan.series.align.alignment import Alignment
from mwgan.series.record import check_record_file, plain

SUFFIXES = (".mrc", ".ali", ".st")


def aligned_files(output: Path) -> tuple[Path, ...]:
    """Paths of the companion files of an aligned series: tilts, IMOD's transforms, record and picture.

    Raises
    ------
    InputError
        If the name doesn't have a suffix of an MRC series.
    """
    check_name(output)
    return tuple(output.with_suffix(suffix) for suffix in (".tlt", ".xf", ".json", ".png"))


def check_name(output: Path) -> None:
    """Raise an :class:`InputError` unless the name has a suffix of an MRC series."""
    if output.suffix.lower() not in SUFFIXES or not output.stem:
        raise InputError(f"the aligned series {output} is written as MRC: give a name that ends in {', '.join(SUFFIXES)}")


def write_aligned(aligned: Aligned, output: Path, asked: Mapping[str, Any]) -> None:
    """Transform the images one by one, and write them with all metadata.

    Parameters
    ----------
    aligned
        The series and its alignment.
    output
        The file; see :func:`aligned_files` for its companions.
    asked
        All options, for the record.

    Raises
    ------
    InputError
        If something can't be written, or another file exists at the record's path.
    """
    from mwgan.figures.alignment import alignment_figure

    alignment = aligned.alignment
    tilts_file, transforms, record, picture = aligned_files(output)
    check_record_file(output)
    shifts = np.asarray(alignment.shifts_px)
    figure = alignment_figure(
        alignment.tilt_deg, shifts - shifts.mean(axis=0), aligned.sinograms, (aligned.before.by_tilt, aligned.after.by_tilt)
    )
    facts = {
        "commit": commit(),
        "command": shlex.join(["mwgan", *sys.argv[1:]]),
        "options": dict(asked),
        "versions": {name: version(name) for name in PACKAGES},
        "series": str(aligned.upright.looked_at.first.path),
        "left_out": sorted(set(range(1, alignment.of_images + 1)) - set(alignment.images)),
        "residual": {
            "raw": aligned.before.of_data,
            "aligned": aligned.after.of_data,
            "raw_by_tilt": aligned.before.by_tilt,
            "aligned_by_tilt": aligned.after.by_tilt,
        },
        "seen": aligned.upright.looked_at.seen.as_dict(),
        "notes": aligned.notes,
        "warnings": aligned.warnings,
    }
    values = replace(alignment, facts=facts).as_dict()
    looked_at = aligned.upright.looked_at
    with AtomicFiles() as files:
        write_series(
            files.add(output),
            output,
            _images(aligned),
            (len(alignment.images), *alignment.aligned_shape),
            alignment.tilt_deg,
            aligned_pixel_sizes(alignment, looked_at.first.pixel_sizes_angstrom),
        )
        write_tilts(files.add(tilts_file), alignment)
        files.add(transforms).write_text("".join(f"{line}\n" for line in alignment.xf_lines()), encoding="utf-8", newline="\n")
        text = json.dumps(plain(values), indent=2, ensure_ascii=False, allow_nan=False)
        files.add(record).write_text(f"{text}\n", encoding="utf-8")
        figure.savefig(files.add(picture), format="png")


def write_tilts(file: Path, alignment: Alignment) -> None:
    """Write one tilt per line."""
    file.write_text("".join(f"{tilt:.4f}\n" for tilt in alignment.tilt_deg), encoding="utf-8", newline="\n")


def aligned_pixel_sizes(alignment: Alignment, raw: tuple[float, float] | None) -> tuple[float, float] | None:
    """(Down the rows, along the columns) in ångström, from those of the raw images; None if unknown."""
    if raw is None:
        return None
    rows, columns = raw if alignment.tilt_axis == "y" else raw[::-1]
    return rows * alignment.binning, columns * alignment.binning


def _images(aligned: Aligned) -> Iterator[np.ndarray]:
    looked_at = aligned.upright.looked_at
    for place, number in enumerate(aligned.upright.numbers):
        yield aligned.alignment.placed(place, looked_at.image(number), looked_at.measured(number))
