"""``mwgan data check``: a check of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer


def check(config: str, overrides: Sequence[str], sheet: Path | None) -> list[str]:
    """Print the sources of a data option and draw a contact sheet; returns the problems, as sentences."""
    from mwgan.configuration import build, compose_training, plain
    from mwgan.data.canvas import Array
    from mwgan.data.check import check_apart, check_sources
    from mwgan.figures.contact_sheet import write_contact_sheet
    from mwgan.files.outputs import check_outputs

    cfg = compose_training([f"data={config}", *overrides])
    if sheet is not None:
        check_outputs([sheet])
        check_apart(sheet, plain(cfg.data))
    checked, problems = check_sources(plain(cfg.data), build)
    for one in checked:
        poses = f" in many poses of {one.distinct}" if one.distinct and one.distinct < one.images else ""
        subjects = f", subjects: {one.subjects} ({one.who})" if one.subjects else ""
        licence = f"; licence: {one.licence}" if one.licence else ""
        typer.echo(f"{one.part:>10}  {one.source}: {one.images} images{poses}{subjects}{licence}")
    for source, file, reason in sorted({(one.source, *pair) for one in checked for pair in one.skipped}):
        typer.echo(f"   skipped  {source}: {file} ({reason})")
    for one in checked:
        if one.strange:
            typer.echo(f"warning: {one.source}, {one.part}: {one.strange}", err=True)
    if checked:
        rows: dict[str, Array] = {}
        for one in checked:
            row = f"{one.part}: {one.source}"
            rows[f"{row} ({one.name})" if row in rows else row] = one.pictures
        sheet = sheet or Path(cfg.paths.root) / "data_check" / f"{config}.png"
        write_contact_sheet(rows, sheet)
        typer.echo(f"{sheet}")
    return problems
