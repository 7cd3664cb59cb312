"""``mwgan weights``: list, export, publish, download, split and join trained networks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from mwgan.errors import InputError
from mwgan.files.outputs import check_outputs
from mwgan.files.pieces import PIECES

app = typer.Typer(no_args_is_help=True, help="List the shipped networks, export or publish your own, split large files.")


@app.command("list")
def weights_list() -> None:
    """List the shipped networks, by the name that --method takes."""
    from mwgan.paths import shipped_weights
    from mwgan.recon.learned import load_parts

    for name, file in shipped_weights().items():
        network, task, record = load_parts(name)
        low, high = record.wedge_deg
        wedges = f"wedge {low:g}" if low == high else f"wedges {low:g} to {high:g}"
        size = "any size" if getattr(network, "any_size", False) else f"{record.geometry.detector_size} pixels"
        size = "whole volumes of atoms" if getattr(task, "whole_volumes", False) else size
        typer.echo(f"{name}: {record.train_data}, {size}, {wedges} degrees, commit {record.commit}, {file.stat().st_size / 1e6:.1f} MB")


@app.command("export")
def weights_export(
    run: Annotated[Path, typer.Argument(help="Run folder or checkpoint of mwgan-train.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Weights file to write, safetensors; with --max-shard-mib a new folder.")],
    max_shard_mib: Annotated[
        int | None, typer.Option(min=1, help="Write files of at most this many MiB and their index, instead of one file.")
    ] = None,
    band_scale: Annotated[
        float | None,
        typer.Option(help="Calibration for --trust: the largest band_scale found by mwgan-evaluate uncertainty=flips_and_folds."),
    ] = None,
) -> None:
    """Export the generator of a training run as one small file: half precision, with a record of its training."""
    from mwgan.files.pieces import MIB
    from mwgan.files.weights import files_behind, find_weights, read_weights, save_sharded_weights, save_weights

    check_outputs([output], files_behind(run), new_folder=max_shard_mib is not None)
    if band_scale is not None and not band_scale > 0:
        raise InputError(f"the scale of an uncertainty must be above 0, not {band_scale:g}")
    record, state = read_weights(find_weights(run))
    record = (record if band_scale is None else replace(record, band_scale=band_scale)).without_folders()
    if max_shard_mib is None:
        save_weights(output, state, record)
        typer.echo(f"{output}: {output.stat().st_size / 1e6:.1f} MB")
    else:
        shards = save_sharded_weights(output, state, record, max_shard_mib * MIB)
        typer.echo(f"{output}: {shards} files of at most {max_shard_mib} MiB, and their index")


@app.command("push")
def weights_push(
    run: Annotated[str, typer.Argument(help="Run folder or checkpoint of mwgan-train, or a weights file.")],
    target: Annotated[str, typer.Argument(help="hf://ORG/NAME; or a new folder, to look at what would be published.")],
    card: Annotated[Path | None, typer.Option(help="Your model card, Markdown. [default: one made of the training's record]")] = None,
    license_id: Annotated[str | None, typer.Option("--license", help="Licence for the card, as hubs name it: mit, cc-by-4.0 …")] = None,
    private: Annotated[bool, typer.Option("--private", help="A repository that is made is visible to you only.")] = False,
) -> None:
    """Publish the generator of a training run on the Hugging Face hub, with a model card."""
    from mwgan.files.published import publish

    typer.echo(publish(run, target, card, license_id, private))


@app.command("pull")
def weights_pull(
    name: Annotated[str, typer.Argument(help="hf://ORG/NAME, hf://ORG/NAME@REVISION or hf://ORG/NAME/FILE.safetensors.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Weights file to write, safetensors.")],
) -> None:
    """Download a network from the Hugging Face hub as one file; --method, init= and checkpoints= take hf:// names, too."""
    from mwgan.files.published import pull
    from mwgan.files.weights import files_behind

    check_outputs([output], files_behind(name))
    pull(name, output)
    typer.echo(f"{output}: {output.stat().st_size / 1e6:.1f} MB")


@app.command("split")
def weights_split(
    source: Annotated[Path, typer.Argument(help="Checkpoint, run folder (its last checkpoint), or weights file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="New folder for the pieces and their checksums.")],
    max_piece_mib: Annotated[int, typer.Option(min=1, help="Size of a piece in MiB.")] = 16,
) -> None:
    """Split a checkpoint into pieces without loss; mwgan weights join restores the file."""
    from mwgan.files.pieces import MIB, split
    from mwgan.files.weights import find_weights, read_weights

    check_outputs([output], new_folder=True)
    file = find_weights(source)
    if file.suffix == ".json":
        raise InputError(f"{source} is split already")
    read_weights(file)  # refuses damaged and other files
    pieces = split(file, output, max_piece_mib * MIB)
    typer.echo(f"{output}: {file.name} in {pieces} pieces of at most {max_piece_mib} MiB, with {PIECES}")


@app.command("join")
def weights_join(
    folder: Annotated[Path, typer.Argument(help="Folder written by mwgan weights split or export --max-shard-mib.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write; replaced only if all pieces are intact.")],
) -> None:
    """Join the pieces of a checkpoint or of an exported weights file, each checked."""
    from mwgan.files.pieces import join
    from mwgan.files.record import TrainingRecord
    from mwgan.files.shards import INDEX, read_shards
    from mwgan.files.weights import save_weights

    check_outputs([output], folder.iterdir() if folder.is_dir() else ())
    if (folder / PIECES).is_file():
        join(folder, output)
    elif (folder / INDEX).is_file():
        record, state = read_shards(folder / INDEX)
        save_weights(output, state, TrainingRecord.from_plain(record, folder))
    else:
        raise InputError(f"{folder} contains neither {PIECES} nor {INDEX}: give a folder written by mwgan weights split or export")
    typer.echo(f"{output}: {output.stat().st_size / 1e6:.1f} MB")
