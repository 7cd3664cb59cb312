"""Options that several commands of ``mwgan`` have, and the check of where they write."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mwgan.errors import InputError

Series = Annotated[Path, typer.Argument(help="Aligned tilt series, MRC.")]
Tilts = Annotated[Path, typer.Option("--tilts", help="Text file with one tilt in degrees per line, in the order of the images.")]
Axis = Annotated[Literal["x", "y"], typer.Option("--tilt-axis", help="Along which image axis the tilt axis runs; y as after IMOD.")]
Offset = Annotated[float, typer.Option("--axis-offset", help="Tilt axis off the detector's centre (N - 1) / 2, in pixels of the file.")]
Bin = Annotated[int, typer.Option("--bin", min=1, help="Average this many pixels in both directions.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting of the method, as in YAML; may be repeated. mwgan methods NAME lists them."),
]
SetOfOne = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting of all methods that have it, or of one: tvm.weight=0.05; may be repeated."),
]
Iterations = Annotated[int | None, typer.Option(min=1, help="Short for --set iterations=N, of iterative methods.")]
Weight = Annotated[str | None, typer.Option("--weight", hidden=True)]
Filter = Annotated[str | None, typer.Option("--filter", hidden=True)]
Allow = Annotated[
    list[str] | None, typer.Option(metavar="PACKAGE", help="Let a weights file name classes of this package; may be repeated.")
]
ConfigDir = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder with method/NAME.yaml of your own, as of mwgan-evaluate.")]
Consistency = Annotated[
    float | None,
    typer.Option(help="Correct the tomogram where it contradicts the data. Less trusts the data more: 0.5 if noisy, 0.02 if clean."),
]
Device = Annotated[str, typer.Option(help="cpu, cuda or cuda:1.")]


def guard(output: Path, *inputs: Path, folder: bool = False) -> None:
    """Refuse at once what could not be written at the end, or would be written over what is read."""
    if any(path.exists() and output.exists() and output.samefile(path) for path in inputs):
        raise InputError(f"{output} is an input: give the output another name")
    if not output.parent.is_dir():
        raise InputError(f"the folder of {output} does not exist: make it first")
    if output.is_dir() and not folder:
        raise InputError(f"{output} is a folder: give a file name")


def refuse_old_options(**values: str | None) -> None:
    """Refuse the options of earlier versions that one method alone understood."""
    for name, value in values.items():
        if value is not None:
            raise InputError(f"--{name} is --set {name}={value} now")
