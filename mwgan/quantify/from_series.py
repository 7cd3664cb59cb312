"""Opens the series that a volume was made from, in the same way, by the volume's record and the user's options."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mwgan.errors import InputError
from mwgan.quantify.opened import read_record
from mwgan.quantify.subsets import GROUPS, Subsets
from mwgan.recon.named import DEFAULT_METHOD, find_device, make_method
from mwgan.recon.settings import parse_settings
from mwgan.series.align.shifted import Given, check_and_open
from mwgan.series.choice import make_choice
from mwgan.series.look import Switches, as_background, as_offset
from mwgan.series.slice_grid import SliceGrid

RECORDED = "recorded"


class OfSeries(NamedTuple):
    """What the measurement uses from a series."""

    subsets: Subsets
    notes: list[str]
    warnings: list[str]


def subsets_of(volume: Path, asked: Mapping[str, Any], groups: int = GROUPS) -> OfSeries:
    """The parts of the tilts that a volume was made from.

    Parameters
    ----------
    volume
        The volume; options in its record are used unless overridden.
    asked
        Options, with the names of ``mwgan reconstruct``; ``series`` is a path, or ``recorded``.
    groups
        Number of parts that the tilts are divided into.

    Raises
    ------
    InputError
        If the series isn't recorded, or it can't be read, or the method can't be built.
    """
    record = read_record(volume)
    recorded: dict[str, Any] = dict(record.get("options") or {})
    given = dict(asked)
    if given.get("series") == RECORDED:
        if "series" not in recorded:
            raise InputError(f"{volume} has no record of its series: give --series the series' file")
        given.pop("series")
    elif str(given.get("series")) != recorded.get("series"):
        recorded.pop("aligned_by", None)  # of another series
    if "settings" in given:
        given["settings"] = parse_settings(given["settings"])
    if "method" in given and given["method"] != recorded.get("method"):
        recorded.pop("settings", None)  # of another method
    options = {name: value for name, value in {**recorded, **given}.items() if value is not None}
    device = find_device(str(given.get("device", "auto")))
    switches = Switches(
        as_background(str(options.get("background", "auto"))),
        as_offset(str(options.get("axis_offset", "auto"))),
        options.get("tilt_axis", "auto"),
        options.get("invert", "auto"),
        options.get("outliers", "replace"),
    )
    _, series = check_and_open(
        Given(
            str(options["series"]),
            options.get("tilts"),
            switches,
            options.get("exclude", ""),
            options.get("dataset"),
            aligned_by=options.get("aligned_by"),
            binning=int(options.get("binning", 1)),
            max_tilt_deg=options.get("max_tilt"),
        )
    )
    sides = options.get("thickness"), options.get("width")
    made = make_method(
        str(options.get("method", DEFAULT_METHOD)), options.get("settings"), device, options.get("consistency"), options.get("allow") or ()
    )
    method = make_choice(made, series, SliceGrid.of(series.geometry, *sides), device)
    return OfSeries(Subsets(series, method, groups, *sides, device), series.notes, series.warnings)
