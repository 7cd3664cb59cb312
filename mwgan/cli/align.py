"""``mwgan align`` and ``apply``: align a raw tilt series, and maps of the same tilts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mwgan.cli import options
from mwgan.cli.options import guard, say
from mwgan.errors import InputError


def align(
    context: typer.Context,
    series: options.RawSeries,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Aligned series, MRC; tilts, transforms (.xf), record and picture next to it."),
    ],
    tilts: options.Tilts = None,
    exclude: options.Exclude = "",
    dataset: options.Dataset = None,
    tilt_axis: options.Axis = "auto",
    axis_angle: Annotated[float, typer.Option(help="Approximate angle in degrees between the tilt axis and that image axis.")] = 0.0,
    keep_angle: Annotated[bool, typer.Option("--keep-angle", help="Don't refine the given angle.")] = False,
    refine_tilts: Annotated[
        bool, typer.Option("--refine-tilts", help="Refine the tilts as well, for goniometer errors of 0.3 degrees or more.")
    ] = False,
    equal_mass: Annotated[bool, typer.Option("--equal-mass", help="Scale each image to the brightness of the others.")] = False,
    crop: Annotated[bool, typer.Option("--crop", help="Crop rows that are missing in any image.")] = False,
    binning: options.Bin = 1,
    interpolation: Annotated[
        Literal["cubic", "linear"], typer.Option(help="Interpolation between pixels: cubic keeps fine detail, linear smooths.")
    ] = "cubic",
    neighbours: Annotated[
        Literal["own", "tiltxcorr"],
        typer.Option(help="First comparison of neighbouring images if the specimen leaves the field: our own, or torch-tiltxcorr."),
    ] = "own",
    background: options.Background = "auto",
    invert: options.Invert = "auto",
    outliers: options.OutlyingPixels = "replace",
    strict: options.Strict = False,
) -> None:
    """Align a raw tilt series: find shifts and tilt axis, interpolate each image once; the tilt axis then runs along y."""
    from mwgan.series.align import align_series, aligned_files, write_aligned
    from mwgan.series.record import check_record_file

    if not -90 <= axis_angle <= 90:
        raise InputError(f"the angle of the tilt axis must lie between -90 and 90 degrees, not {axis_angle:g}")
    beside = aligned_files(output)
    guard([output, *beside], series, tilts)
    check_record_file(output)
    switches = options.switches(tilt_axis, "auto", background, invert, outliers)
    aligned = align_series(
        series,
        tilts,
        switches,
        exclude=exclude,
        dataset=dataset,
        strict=strict,
        axis_angle_deg=axis_angle,
        finds_angle=not keep_angle,
        finds_tilts=refine_tilts,
        equal_mass=equal_mass,
        crop=crop,
        binning=binning,
        interpolation=interpolation,
        neighbours=neighbours,
        say=typer.echo,
    )
    say(aligned.notes, aligned.warnings)
    write_aligned(aligned, output, context.params)
    typer.echo(", ".join(str(file) for file in (output, *beside)))


def apply(
    maps: Annotated[list[Path], typer.Argument(help="Maps (EDS, EELS …) of the same tilts and size as the raw series, in any format.")],
    like: Annotated[Path, typer.Option("--like", help="Record (JSON) written by mwgan align next to the aligned series.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for NAME_ali.mrc of each map. [default: next to the maps]")
    ] = None,
    dataset: options.Dataset = None,
) -> None:
    """Apply an alignment to maps of the same tilts (EDS, EELS …), with the same crop and binning."""
    from mwgan.series.align import applied_files, apply_alignment, read_alignment

    alignment = read_alignment(like)
    written = [file for pair in applied_files(maps, output) for file in pair]
    guard(written, like, *maps)
    apply_alignment(alignment, maps, output, dataset)
    typer.echo(", ".join(str(file) for file in written))
