"""``mwgan recipe`` and ``run``: many series from raw images to report, described in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from mwgan.errors import InputError
from mwgan.runs.exit import fail


def recipe() -> None:
    """Print a recipe to start from: mwgan recipe > recipe.yaml."""
    from mwgan.recipes import template

    typer.echo(template(), nl=False)


def run(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="RECIPE", help="The recipe, YAML.")],
    only: Annotated[list[str] | None, typer.Option(help="Run only the series with this name; may be repeated.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Number of series at a time.")] = 1,
    launcher: Annotated[Literal["here", "slurm"], typer.Option(help="Run on this machine, or as SLURM jobs.")] = "here",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the commands without running them.")] = False,
) -> None:
    """Align, reconstruct and report many series; a second call resumes where the first stopped."""
    import shlex

    from mwgan.recipes import read_recipe, steps_of, write_summary
    from mwgan.recipes.launching import run_by_slurm, run_here

    plan = read_recipe(file)
    if strangers := sorted(set(only or ()) - set(plan.series)):
        raise InputError(f"{file} has no series {strangers[0]!r}: it has {', '.join(plan.series)}")
    names = [name for name in plan.series if not only or name in only]
    commands = [step.arguments for name in names for step in steps_of(plan, name)]
    for arguments in commands:
        _check(context, arguments)
    if dry_run:
        for arguments in commands:
            typer.echo(f"mwgan {shlex.join(arguments)}")
        return
    plan.output.mkdir(parents=True, exist_ok=True)
    outcomes = (run_here if launcher == "here" else run_by_slurm)(plan, names, jobs, typer.echo)
    typer.echo(", ".join(str(written) for written in write_summary(plan, outcomes)))
    failed = {name: outcome for name, outcome in outcomes.items() if outcome.failed}
    if failed:
        fail("; ".join(f"{name}: {outcome.failed} failed, {outcome.reason}" for name, outcome in failed.items()))


def _check(context: typer.Context, arguments: tuple[str, ...]) -> None:
    """Check a command line as its command would, before anything is run."""
    root: Any = context.find_root().command
    name, *rest = arguments
    command = root.commands[name]
    try:
        command.make_context(name, rest, parent=context.find_root())
    except typer.Exit:
        raise InputError(f"{name}: leave --help out of the options of a step") from None
    except Exception as error:
        if not hasattr(error, "format_message"):  # an error of click, or of typer's copy of click
            raise
        raise InputError(f"{name}: {error.format_message()} (mwgan {name} --help)") from error
