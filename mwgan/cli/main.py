"""``mwgan``: the tool for people with a microscope."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from mwgan import __version__
from mwgan.errors import InputError
from mwgan.files.pieces import PIECES
from mwgan.runs.exit import fail, print_anywhere

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Reconstruct electron tomograms with a missing wedge."
)


@app.callback(invoke_without_command=True)
def _top(version: Annotated[bool, typer.Option("--version", help="Show the version and end.")] = False) -> None:
    if version:
        typer.echo(f"mwgan {__version__}")
        raise typer.Exit


weights_app = typer.Typer(no_args_is_help=True, help="Trained networks: list those shipped, export one of your own, in pieces if need be.")
app.add_typer(weights_app, name="weights")

data_app = typer.Typer(no_args_is_help=True, help="Images to train on: check what each source of a data set gives.")
app.add_typer(data_app, name="data")

DEFAULT_METHOD = "lpd"  # takes any tilts, wedge and size of slice
SUSPICIOUS = 0.7  # WBP of 100 missing degrees leaves 0.4 unexplained; beyond this nothing was reconstructed

Series = Annotated[Path, typer.Argument(help="Aligned tilt series, MRC.")]
Tilts = Annotated[Path, typer.Option("--tilts", help="Text file with one tilt in degrees per line, in the order of the images.")]
Axis = Annotated[Literal["x", "y"], typer.Option("--tilt-axis", help="Along which image axis the tilt axis runs; y as after IMOD.")]
Offset = Annotated[float, typer.Option("--axis-offset", help="Tilt axis off the detector's centre (N - 1) / 2, in pixels of the file.")]
Bin = Annotated[int, typer.Option("--bin", min=1, help="Average this many pixels in both directions.")]
Filter = Annotated[str, typer.Option(help="WBP: ramp, shepp-logan, hann or hamming.")]
Iterations = Annotated[int | None, typer.Option(min=1, help="SART, SIRT: passes over all tilts. TVM: iterations at most.")]
Weight = Annotated[float, typer.Option(help="TVM: weight of the total variation, in units of the slice's contrast.")]
Consistency = Annotated[
    float | None,
    typer.Option(help="Correct the tomogram where it contradicts the data. Less trusts the data more: 0.5 if noisy, 0.02 if clean."),
]
Device = Annotated[str, typer.Option(help="cpu, cuda or cuda:1.")]


@app.command()
def reconstruct(
    series: Series,
    tilts: Tilts,
    output: Annotated[Path, typer.Option("--output", "-o", help="Volume to write, MRC (y, z, x); replaced only when all went well.")],
    method: Annotated[
        str, typer.Option(help="wbp, sart, sirt, tvm, a shipped network (mwgan weights list), a checkpoint or a run folder.")
    ] = DEFAULT_METHOD,
    tilt_axis: Axis = "y",
    axis_offset: Offset = 0.0,
    binning: Bin = 1,
    max_tilt: Annotated[float | None, typer.Option(help="Leave out tilts beyond this many degrees.")] = None,
    filter: Filter = "ramp",
    iterations: Iterations = None,
    weight: Weight = 0.025,
    consistency: Consistency = None,
    block: Annotated[int, typer.Option(min=1, help="Slices in memory at a time.")] = 16,
    trust: Annotated[
        bool,
        typer.Option("--trust", help="Write how far to believe the volume beside it (uncertainty, table, panel); takes 7 times as long."),
    ] = False,
    device: Device = "cpu",
) -> None:
    """Reconstruct a tilt series, a block of slices at a time; the voxel size is kept.

    Densities must be positive, as in dark-field contrast: invert bright-field images first.
    """
    from mwgan.io import TiltSeries
    from mwgan.recon.named import make_method
    from mwgan.series.reconstruct import reconstruct_series
    from mwgan.series.trust_report import TrustReport, trust_files

    for written in (output, *(trust_files(output) if trust else ())):
        _guard(written, series, tilts)
    opened = TiltSeries(series, tilts, tilt_axis, axis_offset, binning, max_tilt)
    reconstructor = make_method(method, filter, iterations, weight, device, consistency)
    report = TrustReport(reconstructor, output, opened) if trust else None
    residual = reconstruct_series(opened, reconstructor, output, block, device, report)
    size = opened.geometry.detector_size
    typer.echo(f"{output}: {opened.slices} x {size} x {size} (y, z, x), voxels of {opened.voxel_size_angstrom:g} Å")
    typer.echo(
        f"residual on the measured tilts: {100 * residual:.1f} % of the data (what the tomogram, projected again, leaves unexplained)"
    )
    if residual > SUSPICIOUS:
        remedy = "are the densities positive (invert bright-field images), the tilts and the tilt axis right?"
        typer.echo(f"warning: that is far too much for noise: {remedy}", err=True)
    if report is not None:
        for sentence in report.sentences():
            typer.echo(sentence)
        typer.echo(", ".join(str(file) for file in trust_files(output)))
        if report.contradicts:
            remedy = "if --method sirt warns too, look at the data: tilts, tilt axis, an alignment that interpolates (it hides noise)"
            typer.echo(f"warning: the tomogram contradicts the measurement ({report.times_noise:.1f} times the noise): {remedy}", err=True)


@app.command()
def compare(
    series: Series,
    tilts: Tilts,
    slice_index: Annotated[int, typer.Option("--slice", min=0, help="Slice along the tilt axis, counted from 0 after binning.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Picture to write, PNG; the numbers go beside it as csv.")],
    methods: Annotated[
        str, typer.Option(help="Methods as in reconstruct, separated by commas; NAME=CHECKPOINT gives one a name.")
    ] = "wbp,sart,tvm,irdm",
    max_tilts: Annotated[str, typer.Option(help="Tilt ranges ±degrees to reconstruct from, separated by commas.")] = "90",
    tilt_axis: Axis = "y",
    axis_offset: Offset = 0.0,
    binning: Bin = 1,
    filter: Filter = "ramp",
    iterations: Iterations = None,
    weight: Weight = 0.025,
    consistency: Consistency = None,
    device: Device = "cpu",
) -> None:
    """One slice by several methods and tilt ranges, side by side, with its width over its height and its residual."""
    from mwgan.figures.parts.style import CORRECTED
    from mwgan.io import TiltSeries
    from mwgan.recon.named import make_method
    from mwgan.series.reconstruct import compare_slice

    _guard(output, series, tilts)
    if output.suffix != ".png":
        raise InputError(f"the picture {output} is written as PNG: give a name that ends in .png")
    named = [entry.partition("=") for entry in methods.split(",")]
    told = "" if consistency is None else CORRECTED
    makers = {name + told: make_method(path or name, filter, iterations, weight, device, consistency) for name, _, path in named}
    try:
        limits = [float(limit) for limit in max_tilts.split(",")]
    except ValueError as error:
        raise InputError(f"--max-tilts is a list of degrees such as 76,50, not {max_tilts!r}") from error
    ranges = {f"±{limit:g}°": TiltSeries(series, tilts, tilt_axis, axis_offset, binning, limit) for limit in limits}
    rows = compare_slice(ranges, makers, slice_index, output, device)
    for row in rows:
        typer.echo(
            f"{row['tilts']:>6}  {row['method']:<14} width/height {row['width_over_height']:.3f}  residual {100 * row['residual']:.1f} %"
        )
    typer.echo(f"{output} and {output.with_suffix('.csv')}")


@app.command()
def simulate(
    output: Annotated[Path, typer.Argument(help="Tilt series to write, MRC; its tilts (.tlt) and truth (.truth.mrc) go beside it.")],
    specimen: Annotated[str, typer.Option(help="faces, shapes, leaves or challenge: another image a slice.")] = "leaves",
    size: Annotated[int, typer.Option(min=8, help="Detector pixels across the tilt axis.")] = 128,
    slices: Annotated[int, typer.Option(min=1, help="Slices along the tilt axis.")] = 16,
    step: Annotated[float, typer.Option(help="Tilt step in degrees.")] = 2.0,
    max_tilt: Annotated[float, typer.Option(help="Tilts reach from -MAX to +MAX degrees.")] = 60.0,
    noise: Annotated[float, typer.Option(help="White noise, in percent of a slice's largest line integral.")] = 2.0,
    voxel_size: Annotated[float, typer.Option(help="Voxel size in ångström to write into the headers.")] = 10.0,
    seed: Annotated[int, typer.Option(min=0, help="Decides specimen and noise.")] = 0,
) -> None:
    """Make a tilt series whose truth is known, to try methods and settings on."""
    from mwgan.series.simulate import simulate as write
    from mwgan.series.simulate import simulated_files

    files = simulated_files(output)
    for file in files:
        _guard(file)
    tilts = write(specimen, output, size, slices, step, max_tilt, noise, voxel_size, seed)
    typer.echo(f"{', '.join(str(file) for file in files)}: {tilts} tilts of {slices} x {size} pixels")


@app.command()
def info(series: Series, tilts: Tilts) -> None:
    """What a tilt series is: images, tilts, wedge, voxel size."""
    from mwgan.io import TiltSeries

    opened = TiltSeries(series, tilts)
    angles = opened.geometry.tilt_deg
    typer.echo(f"{series}: {len(angles)} images of {opened.slices} rows and {opened.geometry.detector_size} columns")
    typer.echo(f"tilts {angles[0]:g} to {angles[-1]:g} degrees; {opened.geometry.gap_deg:g} degrees missing")
    typer.echo(f"pixels of {opened.voxel_size_angstrom:g} Å")


@app.command("demo")
def demo(output: Annotated[Path, typer.Option("--output", "-o", help="New folder for all that is written.")] = Path("outputs/demo")) -> None:
    """Train a small network, compare it, draw, and reconstruct a measured needle: every step of the way, with its commands."""
    from mwgan.cli.demo import demo as run

    run(output)


@weights_app.command("list")
def weights_list() -> None:
    """The networks shipped with this version, by the name that --method takes."""
    from mwgan.paths import shipped_weights
    from mwgan.recon import load_reconstructor

    for name, file in shipped_weights().items():
        network = load_reconstructor(name)
        low, high = network.record["wedge_deg"]
        wedges = f"wedge {low:g}" if low == high else f"wedges {low:g} to {high:g}"
        size = "any size" if network.any_size else f"{network.detector_size} pixels"
        typer.echo(
            f"{name}: {network.record['train_data']}, {size}, {wedges} degrees, commit {network.record['commit']}, "
            f"{file.stat().st_size / 1e6:.1f} MB"
        )


@weights_app.command("export")
def weights_export(
    run: Annotated[Path, typer.Argument(help="Run folder or checkpoint of mwgan-train.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Weights file to write, safetensors; with --max-shard-mib a new folder.")],
    max_shard_mib: Annotated[
        int | None, typer.Option(min=1, help="Write files of at most this many MiB and their index, instead of one file.")
    ] = None,
    band_scale: Annotated[
        float | None, typer.Option(help="Calibrates --trust: the largest band_scale that mwgan-evaluate uncertainty=flips_and_folds found.")
    ] = None,
) -> None:
    """The generator of a training run as one small file: half precision, with the record of its training."""
    from mwgan.files.pieces import MIB
    from mwgan.files.weights import find_weights, read_weights, save_sharded_weights, save_weights

    _guard(output, run, folder=max_shard_mib is not None)
    if band_scale is not None and not band_scale > 0:
        raise InputError(f"the scale of an uncertainty must be above 0, not {band_scale:g}")
    record, state = read_weights(find_weights(run))
    record = _without_folders(record if band_scale is None else record | {"band_scale": band_scale})
    if max_shard_mib is None:
        save_weights(output, state, record)
        typer.echo(f"{output}: {output.stat().st_size / 1e6:.1f} MB")
    else:
        shards = save_sharded_weights(output, state, record, max_shard_mib * MIB)
        typer.echo(f"{output}: {shards} files of at most {max_shard_mib} MiB, and their index")


@weights_app.command("split")
def weights_split(
    source: Annotated[Path, typer.Argument(help="Checkpoint or run folder, whose last checkpoint is taken; or a weights file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="New folder for the pieces and their checksums.")],
    max_piece_mib: Annotated[int, typer.Option(min=1, help="Size of a piece in MiB.")] = 16,
) -> None:
    """A training's checkpoint cut into pieces, nothing lost; mwgan weights join makes the same file of them."""
    from mwgan.files.pieces import MIB, split
    from mwgan.files.weights import find_weights

    _guard(output, folder=True)
    file = find_weights(source)
    if file.suffix == ".json":
        raise InputError(f"{source} is in pieces already")
    pieces = split(file, output, max_piece_mib * MIB)
    typer.echo(f"{output}: {file.name} in {pieces} pieces of at most {max_piece_mib} MiB, with {PIECES}")


@weights_app.command("join")
def weights_join(
    folder: Annotated[Path, typer.Argument(help="Folder that mwgan weights split, or export --max-shard-mib, has written.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write; replaced only when all pieces are as they were.")],
) -> None:
    """One file of its pieces, each checked: the checkpoint that was split, or the weights file that export writes."""
    from mwgan.files.pieces import join
    from mwgan.files.shards import INDEX, read_shards
    from mwgan.files.weights import save_weights

    _guard(output)
    if (folder / PIECES).is_file():
        join(folder, output)
    elif (folder / INDEX).is_file():
        record, state = read_shards(folder / INDEX)
        save_weights(output, state, record)
    else:
        raise InputError(f"{folder} holds neither {PIECES} nor {INDEX}: give a folder written by mwgan weights split or export")
    typer.echo(f"{output}: {output.stat().st_size / 1e6:.1f} MB")


@data_app.command("check")
def data_check(
    config: Annotated[str, typer.Argument(help="Data set: d1 to d6, d2_prime, ding2019_inpainting … (conf/data).")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Options as of mwgan-train, e.g. paths.data=FOLDER.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Contact sheet to write, PNG.")] = None,
) -> None:
    """How many images each source of a data set gives, which files can't be read, and a contact sheet."""
    from mwgan.cli.data_check import check

    if output is not None:
        _guard(output)
        if output.suffix != ".png":
            raise InputError(f"the contact sheet {output} is written as PNG: give a name that ends in .png")
    rows, problems, sheet = check(config, overrides or [], output)
    for row in rows:
        drawn = f" in many poses of {row['distinct']}" if row["distinct"] and row["distinct"] < row["images"] else ""
        subjects = f", subjects: {row['subjects']} ({row['who']})" if row["subjects"] else ""
        licence = f"; licence: {row['licence']}" if row["licence"] else ""
        typer.echo(f"{row['part']:>10}  {row['source']}: {row['images']} images{drawn}{subjects}{licence}")
    for source, file, reason in sorted({(row["source"], *pair) for row in rows for pair in row["skipped"] or []}):
        typer.echo(f"   skipped  {source}: {file} ({reason})")
    for row in rows:
        if row["strange"]:
            typer.echo(f"warning: {row['source']}, {row['part']}: {row['strange']}", err=True)
    if sheet is not None:
        typer.echo(f"{sheet}")
    if problems:
        fail("; ".join(problems))


def _without_folders(value: Any) -> Any:
    """Plain values with every absolute path cut to its last name: a file that travels doesn't tell of the machine that made it."""
    if isinstance(value, dict):
        return {key: _without_folders(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_folders(inner) for inner in value]
    if not isinstance(value, str):
        return value
    windows = r"(?<![\w{])(?:[A-Za-z]:|\\)[\\/](?:[^\\/:*?\"<>|=',}]+[\\/])+"
    return re.sub(r"(?<![\w.:/])/(?:[^\s/'\",}]+/)+", "", re.sub(windows, "", value))


def _guard(output: Path, *inputs: Path, folder: bool = False) -> None:
    """Refuse at once what could not be written at the end, or would be written over what is read."""
    if any(path.exists() and output.exists() and output.samefile(path) for path in inputs):
        raise InputError(f"{output} is an input: give the output another name")
    if not output.parent.is_dir():
        raise InputError(f"the folder of {output} does not exist: make it first")
    if output.is_dir() and not folder:
        raise InputError(f"{output} is a folder: give a file name")


def main() -> None:
    # Before torch is loaded: its threads would go on looking for work when they have none, and hold up the projector's.
    # Measured: SART and TVM take an eighth longer then.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    print_anywhere()
    try:
        app()
    except InputError as error:
        fail(str(error))


if __name__ == "__main__":
    main()
