"""``mwgan recipe`` and ``run``: many series from raw to report, by one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from mwgan.errors import InputError
from mwgan.runs.exit import fail


def recipe() -> None:
    """Print a recipe to begin with: mwgan recipe > recipe.yaml."""
    from mwgan.recipes import template

    typer.echo(template(), nl=False)


def run(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="RECIPE", help="The recipe, YAML.")],
    only: Annotated[list[str] | None, typer.Option(help="Run only the series of this name; may be repeated.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="How many series at a time.")] = 1,
    launcher: Annotated[Literal["here", "slurm"], typer.Option(help="Where they run: on this machine, or as jobs of SLURM.")] = "here",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the commands without running them.")] = False,
) -> None:
    """Align, reconstruct and report many series; called again, it resumes where it stopped."""
    import shlex

    from mwgan.recipes import read_recipe, steps_of, write_summary
    from mwgan.recipes.launching import run_by_slurm, run_here

    said = read_recipe(file)
    if strangers := sorted(set(only or ()) - set(said.series)):
        raise InputError(f"{file} has no series {strangers[0]!r}: it has {', '.join(said.series)}")
    names = [name for name in said.series if not only or name in only]
    commands = [step.arguments for name in names for step in steps_of(said, name)]
    for arguments in commands:
        _check(context, arguments)
    if dry_run:
        for arguments in commands:
            typer.echo(f"mwgan {shlex.join(arguments)}")
        return
    said.output.mkdir(parents=True, exist_ok=True)
    outcomes = (run_here if launcher == "here" else run_by_slurm)(said, names, jobs, typer.echo)
    typer.echo(", ".join(str(written) for written in write_summary(said, outcomes)))
    failed = {name: outcome for name, outcome in outcomes.items() if outcome.failed}
    if failed:
        fail("; ".join(f"{name}: {outcome.failed} failed, {outcome.reason}" for name, outcome in failed.items()))


def _check(context: typer.Context, arguments: tuple[str, ...]) -> None:
    """Refuse a command line that its command would refuse, before anything is run."""
    root: Any = context.find_root().command
    name, *rest = arguments
    command = root.commands[name]
    try:
        command.make_context(name, rest, parent=context.find_root())
    except typer.Exit:
        raise InputError(f"{name}: the options of a step leave help out") from None
    except Exception as error:
        if not hasattr(error, "format_message"):  # click's own, or that of the copy that typer brings
            raise
        raise InputError(f"{name}: {error.format_message()} (mwgan {name} --help)") from error
