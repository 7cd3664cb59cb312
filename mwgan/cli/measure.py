"""``mwgan measure``: measurements of the specimen in a volume, each with its interval."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mwgan.cli import options
from mwgan.cli.options import guard, say
from mwgan.errors import InputError

LOOK = ("tilt_axis", "axis_offset", "background", "invert", "outliers")
SERIES = ("aligned_by", "tilts", "exclude", "dataset", *LOOK, "binning", "max_tilt", "groups")


def measure(
    context: typer.Context,
    volume: Annotated[Path, typer.Argument(help="Volume (y, z, x), as written by mwgan reconstruct, in any format for series.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="New folder for tables, labels and a picture. [default: nothing is written]")
    ] = None,
    threshold: Annotated[str, typer.Option(help="Grey level between void and specimen, or otsu.")] = "otsu",
    materials: Annotated[
        str | None, typer.Option(help="Grey levels of void and of each material, such as 0,0.4,1; thresholds lie halfway between.")
    ] = None,
    smallest: Annotated[int, typer.Option(min=1, help="Smallest particle, in voxels.")] = 27,
    close: Annotated[int, typer.Option(min=0, help="Close gaps of up to this many voxels, and count them as pores.")] = 0,
    voxel_size: Annotated[float | None, typer.Option(help="Voxel size in nm, if the file doesn't contain it.")] = None,
    wedge: Annotated[float | None, typer.Option(help="Missing wedge in degrees, if there is no record or series.")] = None,
    uncertainty: Annotated[
        Path | None, typer.Option(help="Uncertainty volume of mwgan reconstruct --trust, included in the intervals.")
    ] = None,
    series: Annotated[
        str | None,
        typer.Option(help="Tilt series of the volume, or 'recorded': adds resolution, and intervals from subsets of tilts. Takes longer."),
    ] = None,
    groups: Annotated[int, typer.Option(min=2, help="Subsets of the tilts, each left out once.")] = 4,
    method: Annotated[str | None, typer.Option(help="Method that made the volume, if there is no record.")] = None,
    settings: options.Set = None,
    aligned_by: options.AlignedBy = None,
    tilts: options.Tilts = None,
    exclude: options.Exclude = "",
    dataset: options.Dataset = None,
    tilt_axis: options.Axis = "auto",
    axis_offset: options.Offset = "auto",
    background: options.Background = "auto",
    invert: options.Invert = "auto",
    outliers: options.OutlyingPixels = "replace",
    binning: options.Bin = 1,
    max_tilt: options.MaxTilt = None,
    device: options.Device = "auto",
) -> None:
    """Measure particles, pores and layers in a volume, each number with a 90 % interval."""
    from mwgan.quantify import check_measured_folder, measure_volume, measured_files, subsets_of, write_measured
    from mwgan.quantify.from_series import RECORDED

    given = {name for name in context.params if _is_given(context, name)}
    if {"threshold", "materials"} <= given:
        raise InputError("--threshold and --materials both define the specimen's boundary: give one of them")
    if series is None and (unused := sorted(given & {*SERIES, "settings"})):
        named = ", ".join(f"--{name.replace('_', '-')}" for name in unused)
        raise InputError(f"{named} needs a series: give --series, or leave it out")
    levels = None if materials is None else _levels(materials)
    if output is not None:
        check_measured_folder(output)
        guard([output], volume, uncertainty, None if series == RECORDED else series, aligned_by, tilts, new_folder=True)
    subsets = None
    if series is not None:
        for_series: dict[str, Any] = {name: value for name, value in context.params.items() if name in given}
        subsets, notes, warnings = subsets_of(volume, for_series, groups)
        say(notes, warnings)
    found = measure_volume(volume, voxel_size, threshold, levels, smallest, uncertainty, subsets, wedge, method, close, typer.echo)
    say(found.notes, found.warnings)
    for one in found.numbers:
        value, low, high = one.interval
        of = f" of material {one.material}" if found.materials.count > 1 and one.material else ""
        unit = "" if one.unit == "1" else f" {one.unit}"
        unsafe = "" if one.safe else ", unsafe"
        typer.echo(f"{one.name.replace('_', ' ')}{of}: {value:.4g}{unit} ({low:.4g} to {high:.4g}{unsafe})")
    if output is not None:
        write_measured(found, output, context.params)
        typer.echo(", ".join(str(file) for file in measured_files(output)))


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _levels(materials: str) -> list[float]:
    try:
        return [float(level) for level in materials.split(",")]
    except ValueError as error:
        raise InputError(f"--materials is a list of grey levels such as 0,0.4,1, not {materials!r}") from error
