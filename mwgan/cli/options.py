"""Options shared by commands of ``mwgan``, and the check of their output files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mwgan.errors import InputError

if TYPE_CHECKING:
    from mwgan.series.look import Switches

Series = Annotated[
    Path, typer.Argument(help="Aligned tilt series: MRC, TIFF, HDF5, EMD, DM3 … (docs/series.md), a folder of TIFF images, FILE::ARRAY.")
]
RawSeries = Annotated[
    Path, typer.Argument(help="Raw tilt series, of any of the formats of docs/series.md, a folder of TIFF images, or FILE::ARRAY.")
]
Tilts = Annotated[
    str | None,
    typer.Option("--tilts", help="Tilts in the order of the images, if the series doesn't contain them: text file, .mdoc, or -60:60:2."),
]
Exclude = Annotated[str, typer.Option(help="Images to leave out, counted from 1: 3,17 or 1-3,17.")]
Dataset = Annotated[str | None, typer.Option(help="Array to read from a file with several.")]
Axis = Annotated[
    Literal["auto", "x", "y"],
    typer.Option("--tilt-axis", help="Image axis along which the tilt axis runs; auto: y, unless the images show that it is x."),
]
Offset = Annotated[
    str,
    typer.Option(
        "--axis-offset", help="Offset of the tilt axis from the detector's centre (N - 1) / 2, in pixels of the file; auto fits it."
    ),
]
Background = Annotated[
    str,
    typer.Option(
        help="Background to subtract: auto (level of the empty surroundings), edge (level at the edge of each image), none, or a number."
    ),
]
Invert = Annotated[
    Literal["auto", "yes", "no"],
    typer.Option(help="Invert bright field: minus the logarithm relative to the surroundings; auto: if images look like bright field."),
]
OutlyingPixels = Annotated[Literal["replace", "keep"], typer.Option("--outliers", help="Hot pixels: replace or keep them.")]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at any warning about the series, before anything is written.")]
Bin = Annotated[int, typer.Option("--bin", min=1, help="Average this many pixels in both directions.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting of the method, as in YAML; may be repeated. mwgan methods NAME lists them."),
]
SetOfOne = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="A setting for all methods that have it, or for one: tvm.weight=0.05; may be repeated."
    ),
]
Iterations = Annotated[int | None, typer.Option(min=1, help="Short for --set iterations=N, for iterative methods.")]
Weight = Annotated[str | None, typer.Option("--weight", hidden=True)]
Filter = Annotated[str | None, typer.Option("--filter", hidden=True)]
Allow = Annotated[
    list[str] | None, typer.Option(metavar="PACKAGE", help="Allow weights files to use classes of this package; may be repeated.")
]
ConfigDir = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder with your own method/NAME.yaml, as for mwgan-evaluate.")]
AlignedBy = Annotated[
    Path | None,
    typer.Option(
        metavar="ALIGNED.json",
        help="Record of mwgan align, for a raw series: images are shifted by whole pixels, the projector applies the rest of each shift.",
    ),
]
MaxTilt = Annotated[float | None, typer.Option(help="Leave out tilts beyond this many degrees.")]
Consistency = Annotated[
    float | None,
    typer.Option(
        help="Correct the tomogram where it contradicts the data. A smaller weight trusts the data more: 0.5 if noisy, 0.02 if clean."
    ),
]
Device = Annotated[str, typer.Option(help="auto (a GPU, if there is one), cpu, cuda or cuda:1.")]


def guard(outputs: Iterable[Path], *inputs: Path | str | None, networks: Iterable[str] = (), new_folder: bool = False) -> None:
    """Check before any work that outputs can be written and would not overwrite inputs or weights."""
    from mwgan.files.outputs import check_outputs
    from mwgan.files.weights import files_behind
    from mwgan.io.readers import file_of
    from mwgan.io.tilts import files_read

    read = [file for given in inputs if given is not None for file in files_read(file_of(given))]
    check_outputs(outputs, [*read, *(file for network in networks for file in files_behind(network))], new_folder)


def say(sentences: Iterable[str], warnings: Iterable[str]) -> None:
    """Print sentences, and warnings on stderr."""
    for sentence in sentences:
        typer.echo(sentence)
    for sentence in warnings:
        typer.echo(f"warning: {sentence}", err=True)


def refuse_old_options(**values: str | None) -> None:
    """Refuse options of earlier versions that belong to one method only."""
    for name, value in values.items():
        if value is not None:
            raise InputError(f"--{name} is --set {name}={value} now")


def switches(tilt_axis: str, axis_offset: str, background: str, invert: str, outliers: str) -> Switches:
    """Options that replace the automatic checks of a series."""
    from mwgan.series.look import Switches, as_background, as_offset

    return Switches(as_background(background), as_offset(axis_offset), tilt_axis, invert, outliers)  # type: ignore[arg-type]
