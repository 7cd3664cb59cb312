"""``mwgan``: the command for microscopists."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from mwgan import __version__
from mwgan.cli import weights
from mwgan.cli.align import align, apply
from mwgan.cli.atoms import atoms
from mwgan.cli.measure import measure
from mwgan.cli.methods import methods
from mwgan.cli.options import Dataset, Exclude, Series, Tilts, guard, say
from mwgan.cli.reconstruct import compare, look, reconstruct
from mwgan.cli.run import recipe, run
from mwgan.errors import InputError
from mwgan.files.interruption import ended_by_signals
from mwgan.runs.exit import fail, mistakes_in_one_sentence, print_anywhere

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="Reconstruct electron tomograms with a missing wedge.")


@app.callback(invoke_without_command=True)
def _top(version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False) -> None:
    if version:
        typer.echo(f"mwgan {__version__}")
        raise typer.Exit


app.command()(reconstruct)
app.command()(look)
app.command()(align)
app.command()(apply)
app.command()(compare)
app.command()(measure)
app.command()(atoms)
app.command()(recipe)
app.command()(run)
app.command()(methods)
app.add_typer(weights.app, name="weights")

data_app = typer.Typer(no_args_is_help=True, help="Check the images to train on.")
app.add_typer(data_app, name="data")


@app.command()
def simulate(
    output: Annotated[
        Path, typer.Argument(help="Tilt series to write, MRC; tilts (.tlt) and ground truth (.truth.mrc) are written next to it.")
    ],
    specimen: Annotated[
        str, typer.Option(help="Images, one per slice: faces, shapes, leaves, challenge; bodies: rods …, specimens; nanocrystal.")
    ] = "leaves",
    size: Annotated[int, typer.Option(min=8, help="Detector pixels across the tilt axis.")] = 128,
    slices: Annotated[int, typer.Option(min=1, help="Slices along the tilt axis.")] = 16,
    step: Annotated[float, typer.Option(help="Tilt step in degrees.")] = 2.0,
    max_tilt: Annotated[float, typer.Option(help="Tilts range from -MAX to +MAX degrees.")] = 60.0,
    noise: Annotated[float, typer.Option(help="White noise, in percent of the largest line integral.")] = 2.0,
    voxel_size: Annotated[float | None, typer.Option(help="Voxel size in ångström. [default: 10; 0.35 for a nanocrystal]")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of specimen and noise.")] = 0,
    dose: Annotated[float | None, typer.Option(help="Electrons at the brightest pixel: counting noise instead of --noise.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the nanocrystal (docs/atoms.md); may be repeated.")
    ] = None,
) -> None:
    """Simulate a tilt series with known ground truth, to try methods and settings on."""
    from mwgan.recon.settings import parse_settings
    from mwgan.series.simulate import simulate as write
    from mwgan.series.simulate import simulated_files

    files = simulated_files(output, specimen)
    guard(files)
    tilts = write(specimen, output, size, slices, step, max_tilt, noise, voxel_size, seed, dose, parse_settings(settings or ()))
    typer.echo(f"{', '.join(str(file) for file in files)}: {tilts} tilts of {slices} x {size} pixels")


@app.command()
def info(series: Series, tilts: Tilts = None, exclude: Exclude = "", dataset: Dataset = None) -> None:
    """Describe a tilt series: images, tilts, wedge, pixel size, and oddities found when reading it."""
    from mwgan.series.describe import describe

    described = describe(series, tilts, exclude, dataset)
    say(described.sentences, described.warnings)


@app.command("demo")
def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="New folder for all files.")] = Path("outputs/demo"),
) -> None:
    """Adapt a shipped network to other specimens, compare, draw, reconstruct a scanned needle: each step with its commands."""
    from mwgan.cli.demo import demo as run

    run(output)


@data_app.command("check")
def data_check(
    config: Annotated[str, typer.Argument(help="Data set: d1 to d6, d2_prime, ding2019_inpainting … (conf/data).")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Options of mwgan-train, e.g. paths.data=FOLDER.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Contact sheet to write, PNG.")] = None,
) -> None:
    """Count the images of each source of a data set, list files that can't be read, draw a contact sheet."""
    from mwgan.cli.data_check import check

    if output is not None and output.suffix != ".png":
        raise InputError(f"the contact sheet {output} is written as PNG: give a name that ends in .png")
    problems = check(config, overrides or [], output)
    if problems:
        fail("; ".join(problems))


def main() -> None:
    # Before torch is loaded: its idle threads would spin and slow down the projector's. Measured: SART and TVM take an eighth
    # longer then.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    print_anywhere()
    with ended_by_signals(), mistakes_in_one_sentence():
        app(prog_name="mwgan")


if __name__ == "__main__":
    main()
