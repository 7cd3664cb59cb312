"""The findings of a check, written as a picture and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mwgan.files.atomic import AtomicFiles
from mwgan.provenance import commit
from mwgan.series.look.contrast import surroundings
from mwgan.series.look.decide import Look
from mwgan.series.look.masses import masses
from mwgan.series.look.statistics import mean_of_known


def look_files(picture: Path) -> tuple[Path, Path]:
    """The paths of the picture and of its JSON."""
    return picture, picture.with_suffix(".json")


def write_look(found: Look, picture: Path, source: Path) -> None:
    """Write the picture and the JSON of the findings on the series ``source``, both or neither."""
    from mwgan.figures.series_look import series_look

    seen, gathered = found.seen, found.statistics
    bands = gathered.by_columns if seen.tilt_axis == "y" else gathered.by_rows
    rows = mean_of_known(bands, axis=1)
    level = np.median(np.asarray(seen.background))
    centres = _centres(rows - (level if not seen.bright_field else np.nanmax(rows)))
    curves = {"level": surroundings(gathered, seen.tilt_axis).levels, "mass": masses(gathered, float(level)), "centre": centres}
    middle = int(np.argmin(np.abs(gathered.tilt_deg)))
    facts = {name: getattr(seen, name) for name in ("tilt_axis", "axis_offset_px", "rows", "columns")}
    figure = series_look(gathered.small[middle], rows, gathered.tilt_deg.tolist(), curves, facts)
    with AtomicFiles() as files:
        image, record = map(files.add, look_files(picture))
        figure.savefig(image, format="png")
        values = {"series": str(source), "commit": commit(), **seen.as_dict()}
        record.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _centres(rows: np.ndarray) -> np.ndarray:
    """Centres of mass of rows (A, N), in pixels right of their centre."""
    place = np.arange(rows.shape[1]) - (rows.shape[1] - 1) / 2
    rows = np.nan_to_num(rows)
    return np.asarray((rows * place).sum(axis=1) / np.where(rows.sum(axis=1) == 0, 1, rows.sum(axis=1)))
