"""``mwgan look``, ``reconstruct`` and ``compare``: check a series, reconstruct it, compare methods on one slice."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from mwgan.cli import options
from mwgan.cli.options import guard, refuse_old_options, say
from mwgan.errors import InputError


def reconstruct(
    context: typer.Context,
    series: options.Series,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Volume (y, z, x): .mrc, .ome.tif or .hspy; an existing file is replaced only at the end."),
    ],
    method: Annotated[str, typer.Option(help="A method (mwgan methods lists them), a checkpoint or a run folder.")] = "auto",
    settings: options.Set = None,
    tuned: Annotated[
        Path | None,
        typer.Option(help="TABLE.tuning.csv of mwgan-evaluate: use its best settings for this wedge and noise; --set overrides them."),
    ] = None,
    aligned_by: options.AlignedBy = None,
    tilts: options.Tilts = None,
    exclude: options.Exclude = "",
    dataset: options.Dataset = None,
    tilt_axis: options.Axis = "auto",
    axis_offset: options.Offset = "auto",
    background: options.Background = "auto",
    invert: options.Invert = "auto",
    outliers: options.OutlyingPixels = "replace",
    strict: options.Strict = False,
    binning: options.Bin = 1,
    max_tilt: options.MaxTilt = None,
    iterations: options.Iterations = None,
    consistency: options.Consistency = None,
    thickness: Annotated[
        int | None, typer.Option(min=1, help="Pixels of the volume along the beam (z). [default: those of the detector]")
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(min=1, help="Pixels of the volume along x; more than those of the detector for a slab that extends beyond it."),
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(
            help="Memory to use, such as 2GB: decides how many slices are reconstructed at a time. [default: 3/4 of the free memory]"
        ),
    ] = None,
    block: Annotated[int | None, typer.Option(min=1, help="Slices at a time, regardless of memory.")] = None,
    tune: Annotated[
        bool,
        typer.Option("--tune", help="Fine-tune the method's networks on this series first, for minutes; kept if kept-out tilts improve."),
    ] = False,
    trust: Annotated[
        bool,
        typer.Option(
            "--trust",
            help="Write how far the volume can be trusted (uncertainty, table, panel); takes twice as long with auto, 8 times with others.",
        ),
    ] = False,
    report: Annotated[bool, typer.Option("--report", help="Write a report (HTML) with a viewer of the volume, next to it.")] = False,
    device: options.Device = "auto",
    allow: options.Allow = None,
    config_dir: options.ConfigDir = None,
    weight: options.Weight = None,
    filter: options.Filter = None,
) -> None:
    """Check a tilt series, make safe corrections, and reconstruct it, a block of slices at a time."""
    from mwgan.figures.parts.style import label
    from mwgan.io.readers import file_of
    from mwgan.io.tilts import files_read
    from mwgan.io.volumes import volume_format
    from mwgan.methods import add_folder
    from mwgan.recon.named import find_device, make_method
    from mwgan.recon.settings import parse_settings
    from mwgan.series.align.shifted import Given, check_and_open
    from mwgan.series.choice import choice_sentence, make_choice
    from mwgan.series.describe import voxels
    from mwgan.series.fine_tuning import fine_tune_networks, tuned_files
    from mwgan.series.identity import files_of_method, identity_of
    from mwgan.series.memory import band_bytes, parse_memory
    from mwgan.series.reconstruct import reconstruct_series
    from mwgan.series.record import Record, check_record_file, record_file
    from mwgan.series.report import Report, report_file
    from mwgan.series.slice_grid import SliceGrid
    from mwgan.series.trust_report import TrustReport, trust_files
    from mwgan.series.tuned import tuned_settings

    refuse_old_options(weight=weight, filter=filter)
    if config_dir is not None:
        add_folder(config_dir)
    volume_format(output)
    beside = [record_file(output), *(trust_files(output) if trust else ()), *([report_file(output)] if report else ())]
    guard([output, *beside], series, aligned_by, tilts, tuned, networks=[method])
    check_record_file(output)
    chosen = parse_settings([*(settings or ()), *([] if iterations is None else [f"iterations={iterations}"])])
    device, budget = find_device(device), None if memory is None else parse_memory(memory)
    switches = options.switches(tilt_axis, axis_offset, background, invert, outliers)
    given = Given(series, tilts, switches, exclude, dataset, strict, aligned_by, binning, max_tilt)
    looked_at, opened = check_and_open(given, band_bytes(budget))
    say(opened.notes, opened.warnings)
    if tuned is not None:
        best, sentence = tuned_settings(method, tuned, opened)
        chosen = best | chosen
        typer.echo(sentence)
    grid = SliceGrid.of(opened.geometry, thickness, width)
    reconstructor = make_method(method, chosen, device, consistency, allow or ())
    read = [file for given in (series, aligned_by, tilts, tuned) if given is not None for file in files_read(file_of(given))]
    recorded_options = {**context.params, "device": device, "settings": chosen}
    identity = identity_of(opened, [*read, *files_of_method(method, chosen)], recorded_options)
    if tune:
        weights = tuned_files(reconstructor, output)
        guard([output, *beside, *weights], series, aligned_by, tilts, tuned, networks=[method])
        reconstructor = fine_tune_networks(reconstructor, opened, grid, output, identity, device, typer.echo)
        beside += weights
    reconstructor = make_choice(reconstructor, opened, grid, device)
    if (choice := choice_sentence(reconstructor)) is not None:
        typer.echo(choice)
    trust_report = TrustReport(reconstructor, output, opened) if trust else None
    record = Record(output, opened, looked_at, reconstructor, device, method, recorded_options)
    companions = [record, *([Report(output, opened, record, label(method), device, trust_report)] if report else ())]
    found = reconstruct_series(opened, reconstructor, output, block, device, trust_report, thickness, width, budget, identity, companions)
    typer.echo(f"{output}: {opened.slices} x {grid.thickness} x {grid.width} (y, z, x), {voxels(opened.voxel_sizes_angstrom)}")
    times = f", {found.residual / found.noise:.1f} times that of the noise" if found.noise > 0 else ""
    residual = f"{100 * found.residual:.1f} % of the data{times}"
    typer.echo(f"residual on the measured tilts: {residual} (data minus the projected tomogram)")
    say([], [record.doubt] if record.doubt else [])
    if trust_report is not None:
        for sentence in trust_report.sentences():
            typer.echo(sentence)
        say([], [trust_report.doubt] if trust_report.doubt and not record.doubt else [])
    typer.echo(", ".join(str(file) for file in beside))


def look(
    series: options.Series,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Picture to write, PNG; the findings are written next to it as JSON.")
    ] = None,
    tilts: options.Tilts = None,
    exclude: options.Exclude = "",
    dataset: options.Dataset = None,
    tilt_axis: options.Axis = "auto",
    axis_offset: options.Offset = "auto",
    background: options.Background = "auto",
    invert: options.Invert = "auto",
    outliers: options.OutlyingPixels = "replace",
    strict: options.Strict = False,
) -> None:
    """Check a tilt series: problems, what reconstruct would correct, and what to do about the rest."""
    from mwgan.series.look import LookedAt, look_files, write_look

    if output is not None:
        if output.suffix != ".png":
            raise InputError(f"the picture {output} is written as PNG: give a name that ends in .png")
        guard(look_files(output), series, tilts)
    switches = options.switches(tilt_axis, axis_offset, background, invert, outliers)
    looked_at = LookedAt(series, tilts, switches, exclude, dataset, strict)
    seen = looked_at.seen
    typer.echo(
        f"{seen.images} images of {seen.rows} x {seen.columns} pixels, noise of {seen.noise:.3g} in a contrast of {seen.contrast:.3g}"
    )
    say(looked_at.notes, looked_at.warnings)
    if not seen.notes and not looked_at.warnings:
        typer.echo("nothing to correct, nothing odd")
    if output is not None:
        write_look(looked_at.found, output, series)
        typer.echo(" and ".join(str(file) for file in look_files(output)))


def compare(
    series: options.Series,
    slice_index: Annotated[int, typer.Option("--slice", min=0, help="Slice along the tilt axis, counted from 0 after binning.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Picture to write, PNG; the numbers are written next to it as csv.")],
    methods: Annotated[
        str, typer.Option(help="Methods as for reconstruct, separated by commas; NAME=CHECKPOINT names a checkpoint.")
    ] = "wbp,sirt,tvm_auto,lpd_guided,auto",
    settings: options.SetOfOne = None,
    max_tilts: Annotated[str, typer.Option(help="Tilt ranges ±degrees to reconstruct from, separated by commas.")] = "90",
    hold_out: Annotated[
        int | None, typer.Option(min=2, help="Keep out one tilt in so many, and report how well each method predicts it: 10 is usual.")
    ] = None,
    tilts: options.Tilts = None,
    exclude: options.Exclude = "",
    dataset: options.Dataset = None,
    tilt_axis: options.Axis = "auto",
    axis_offset: options.Offset = "auto",
    background: options.Background = "auto",
    invert: options.Invert = "auto",
    outliers: options.OutlyingPixels = "replace",
    strict: options.Strict = False,
    binning: options.Bin = 1,
    iterations: options.Iterations = None,
    consistency: options.Consistency = None,
    device: options.Device = "auto",
    allow: options.Allow = None,
    config_dir: options.ConfigDir = None,
    weight: options.Weight = None,
    filter: options.Filter = None,
) -> None:
    """Compare methods and tilt ranges on one slice, side by side, with its width over height and residual.

    A method that can't reconstruct the series is left out, with the reason.
    """
    from mwgan.methods import add_folder
    from mwgan.recon.named import find_device
    from mwgan.recon.settings import parse_settings
    from mwgan.series.compare import compare_slice, compared_files, makers_of
    from mwgan.series.look import LookedAt

    refuse_old_options(weight=weight, filter=filter)
    if config_dir is not None:
        add_folder(config_dir)
    if output.suffix != ".png":
        raise InputError(f"the picture {output} is written as PNG: give a name that ends in .png")
    named = methods.split(",")
    guard(compared_files(output), series, tilts, networks=[name.rpartition("=")[2] for name in named])
    chosen = parse_settings([*(settings or ()), *([] if iterations is None else [f"iterations={iterations}"])])
    device = find_device(device)
    makers = makers_of(named, chosen, device, consistency, allow or ())
    try:
        limits = [float(limit) for limit in max_tilts.split(",")]
    except ValueError as error:
        raise InputError(f"--max-tilts is a list of degrees such as 76,50, not {max_tilts!r}") from error
    looked_at = LookedAt(series, tilts, options.switches(tilt_axis, axis_offset, background, invert, outliers), exclude, dataset, strict)
    say(looked_at.notes, looked_at.warnings)
    ranges = {f"±{limit:g}°": looked_at.open(binning, limit) for limit in limits}

    def leave_out(sentence: str) -> None:
        typer.echo(f"warning: {sentence}", err=True)

    rows = compare_slice(ranges, makers, slice_index, output, device, leave_out, consistency is not None, hold_out)
    for row in rows:
        width = row["width_over_height"]
        shape = "empty" if math.isnan(width) else f"width/height {width:.3f}"
        kept_out = f"  kept-out tilts {100 * row['held_out']:.1f} % (noise {100 * row['noise']:.1f} %)" if hold_out else ""
        typer.echo(f"{row['tilts']:>6}  {row['method']:<14} {shape}  residual {100 * row['residual']:.1f} %{kept_out}")
    typer.echo(" and ".join(str(file) for file in compared_files(output)))
