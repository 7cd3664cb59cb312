"""``mwgan atoms``: from a tilt series to its atoms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mwgan.cli import options
from mwgan.cli.options import guard, say


def atoms(
    context: typer.Context,
    series: options.Series,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Atoms, .xyz; a record (.json) and a picture (.png) are written next to it.")
    ],
    species: Annotated[str, typer.Option(help="Elements in the specimen: Au or Fe,Pt. [default: as many species as the masses show]")] = "",
    volume: Annotated[Path | None, typer.Option(help="Volume (y, z, x) of this series to start from.")] = None,
    method: Annotated[
        str, typer.Option(help="Without --volume, the method of the first volume: one of mwgan methods, or atoms, a network.")
    ] = "sirt",
    settings: options.Set = None,
    sharpen: Annotated[bool, typer.Option(help="Deconvolve the volume by the width of an atom.")] = True,
    refine: Annotated[bool, typer.Option(help="Refine atoms against the projections; add and drop some.")] = True,
    shifts: Annotated[bool, typer.Option(help="Refine the shifts of images.")] = True,
    refine_tilts: Annotated[bool, typer.Option("--refine-tilts", help="Refine the tilts as well.")] = False,
    closest: Annotated[float, typer.Option(help="Smallest distance between two atoms, in Å.")] = 1.7,
    pixel_size: Annotated[
        float | None, typer.Option(help="Pixel size in Å, after binning, if that of the file is missing or wrong.")
    ] = None,
    tilts: options.Tilts = None,
    exclude: options.Exclude = "",
    dataset: options.Dataset = None,
    tilt_axis: options.Axis = "auto",
    axis_offset: options.Offset = "auto",
    background: options.Background = "auto",
    invert: options.Invert = "no",
    outliers: Annotated[
        Literal["replace", "keep"], typer.Option("--outliers", help="Hot pixels: replace or keep them; strong noise looks like hot pixels.")
    ] = "keep",
    strict: options.Strict = False,
    binning: options.Bin = 1,
    max_tilt: options.MaxTilt = None,
    device: options.Device = "auto",
) -> None:
    """Find every atom in an aligned tilt series: position, uncertainty and species."""
    from mwgan.atoms.series import AtomOptions, find_atoms
    from mwgan.atoms.volumes import read_volume
    from mwgan.atoms.writing import atoms_files, check_atoms_files, sentences, write_atoms
    from mwgan.io.xyz import atomic_number
    from mwgan.recon.named import find_device
    from mwgan.recon.settings import parse_settings
    from mwgan.series.look import LookedAt

    guard(atoms_files(output), series, tilts, volume, networks=[method])
    check_atoms_files(output)
    elements = [atomic_number(one.strip()) for one in species.split(",")] if species else []
    how = AtomOptions(method, parse_settings(settings or ()), sharpen, refine, elements, closest, shifts, refine_tilts, find_device(device))
    looked_at = LookedAt(series, tilts, options.switches(tilt_axis, axis_offset, background, invert, outliers), exclude, dataset, strict)
    opened = looked_at.open(binning, max_tilt)
    say(opened.notes, opened.warnings)
    found = find_atoms(opened, how, pixel_size, None if volume is None else read_volume(volume), typer.echo)
    write_atoms(found, output, context.params, opened.notes, opened.warnings)
    say(sentences(found), [])
    typer.echo(", ".join(str(file) for file in atoms_files(output)))
