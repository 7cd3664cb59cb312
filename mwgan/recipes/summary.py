"""The summary page and table of all series of a recipe."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import mrcfile
import numpy as np

from mwgan.figures.parts.page import Cell, heading, page, picture, sentence, table
from mwgan.figures.parts.style import new_figure
from mwgan.files.atomic import AtomicFiles
from mwgan.files.json_files import read_object
from mwgan.recipes.recipe import Recipe
from mwgan.recipes.running import LOG, Outcome
from mwgan.recipes.steps import MEASURED, steps_of

PAGE, TABLE = "index.html", "summary.csv"
LARGEST_PX = 240  # of a picture on the page
COLUMNS = {
    "series": "series",
    "state": "state",
    "moved_px": "largest shift / px",
    "residual_raw": "residual, raw",
    "residual_aligned": "aligned",
    "residual": "residual of the volume",
    "times_noise": "times the noise",
    "particles": "particles",
    "diameter_nm": "median diameter / nm",
    "warnings": "warnings",
}


def write_summary(recipe: Recipe, outcomes: Mapping[str, Outcome]) -> tuple[Path, Path]:
    """Write ``index.html`` and ``summary.csv`` to the recipe's folder; series that have not been run now appear with existing results.

    Parameters
    ----------
    recipe
        The recipe.
    outcomes
        Results of the series that were run.

    Returns
    -------
    page, table
        Their paths.
    """
    rows, parts = [], [heading(f"{recipe.file.name}: {len(recipe.series)} series", 1)]
    for name in recipe.series:
        facts = _facts(recipe.output / name)
        rows.append(_row(name, facts, _diameters(recipe.output / name), outcomes.get(name)))
    parts.append(table(list(COLUMNS.values()), [_cells(row, recipe.output) for row in rows], numbers=range(2, 9)))
    for name, row in zip(recipe.series, rows, strict=True):
        parts += [heading(name), *_about(recipe, name, row)]
    written = recipe.output / PAGE, recipe.output / TABLE
    with AtomicFiles() as files:
        files.add(written[0]).write_text(page(recipe.file.name, parts), encoding="utf-8")
        with files.add(written[1]).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(COLUMNS), lineterminator="\n")
            writer.writeheader()
            writer.writerows({key: "" if row[key] is None else row[key] for key in COLUMNS} for row in rows)
    return written


def _facts(folder: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, file in (("aligned", "aligned.json"), ("volume", "volume.json"), (MEASURED, f"{MEASURED}/record.json")):
        try:
            found[name] = read_object(folder / file)
        except (OSError, ValueError):
            found[name] = {}
    return found


def _diameters(folder: Path) -> list[float]:
    """Equivalent diameters in nm of the measured particles; none if nothing was measured."""
    try:
        with (folder / MEASURED / "particles.csv").open(encoding="utf-8", newline="") as file:
            return [float(row["equivalent_diameter_nm"]) for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError):
        return []


def _row(name: str, facts: Mapping[str, Mapping[str, Any]], diameters: list[float], outcome: Outcome | None) -> dict[str, Any]:
    aligned, volume = facts["aligned"], facts["volume"]
    before, left = aligned.get("residual") or {}, volume.get("residual") or {}
    shifts = np.asarray(aligned.get("shifts_px") or np.zeros((0, 2)), float)
    moved = float(np.abs(shifts - shifts.mean(axis=0)).max()) if len(shifts) else None
    warnings = [*aligned.get("warnings", []), *volume.get("warnings", []), *([left["doubt"]] if left.get("doubt") else [])]
    warnings += facts[MEASURED].get("warnings", [])
    failed = None if outcome is None else outcome.failed
    state = f"{failed} failed: {outcome.reason}" if outcome and failed else ("done" if volume or aligned else "not run")
    return {
        "series": name,
        "state": state,
        "moved_px": moved,
        "residual_raw": before.get("raw"),
        "residual_aligned": before.get("aligned"),
        "residual": left.get("of_data"),
        "times_noise": left.get("times_noise"),
        "particles": len(diameters) or None,
        "diameter_nm": float(np.median(diameters)) if diameters else None,
        "warnings": "; ".join(warnings),
    }


def _cells(row: Mapping[str, Any], folder: Path) -> list[str]:
    def shown(key: str, percent: bool = False) -> str:
        value = row[key]
        if value is None or not math.isfinite(value):
            return ""
        return f"{100 * value:.1f} %" if percent else f"{value:.1f}"

    name = row["series"]
    page_of_volume = folder / name / "volume.report.html"
    linked = Cell(f'<a href="{quote(name)}/volume.report.html">{escape(name)}</a>') if page_of_volume.exists() else name
    residuals = [shown(key, percent=True) for key in ("residual_raw", "residual_aligned", "residual")]
    measured = ["" if row["particles"] is None else str(row["particles"]), shown("diameter_nm")]
    return [linked, row["state"], shown("moved_px"), *residuals, shown("times_noise"), *measured, row["warnings"]]


def _about(recipe: Recipe, name: str, row: Mapping[str, Any]) -> list[str]:
    folder, parts = recipe.output / name, []
    if row["state"] != "done":
        parts.append(sentence(f"{row['state']} (full output: {folder / LOG})", absent=True))
    for step in steps_of(recipe, name):
        if step.name == "reconstruct" and step.output.exists():
            parts.append(_middle_slices(step.output))
    return parts


def _middle_slices(volume: Path) -> str:
    """The three central slices of a volume (y, z, x)."""
    with mrcfile.mmap(volume, permissive=True) as opened:
        y, z, x = (size // 2 for size in opened.data.shape)
        views = {"y": np.array(opened.data[y]), "z": np.array(opened.data[:, z]), "x": np.array(opened.data[:, :, x])}
    figure = new_figure(9.0, 3.2)
    for axis, (along, view) in zip(figure.subplots(1, 3), views.items(), strict=True):
        step = max(1, -(-max(view.shape) // LARGEST_PX))
        pixels = np.asarray(view[::step, ::step], np.float32)
        axis.imshow(pixels, cmap="gray", vmin=0, vmax=float(np.quantile(pixels, 0.998)) or 1.0)
        axis.set(title=f"across {along}", xticks=[], yticks=[])
    return picture(figure, f"slices through the middle of {volume.name}")
