"""``resume=FOLDER`` with nothing else: the command line that made the folder, from what the folder itself records."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

from mwgan.errors import InputError
from mwgan.files.checkpoints import has_checkpoint
from mwgan.runs.folder import key_of, options_of

SWEEP = "multirun.yaml"  # Hydra's record of a sweep, in its folder
OVERRIDES = Path(".hydra") / "overrides.yaml"  # and of a run
FLAGS = ("-m", "--multirun")
HYDRAS = ("hydra.mode", "hydra.sweep.dir", "hydra.run.dir")  # set anew each time


def whole_command(arguments: Sequence[str]) -> list[str]:
    """The arguments of the command line, with those of the folder to resume where they name nothing but that.

    A sweep's folder is swept on, job by job; a run's folder is trained on in. Options beside ``resume=`` win over the
    recorded ones. With ``experiment=`` or ``-m`` beside a run's folder the command line says all by itself, and nothing is added.

    Raises
    ------
    InputError
        If there is nothing to resume, or its record can't be read, or ``-m`` would sweep over a sweep.
    """
    given = {key_of(argument): argument for argument in arguments if not argument.startswith("-") and "=" in argument}
    folder = Path(unquoted(given.get("resume", "resume=").split("=", 1)[1]))
    if str(folder) in (".", "null"):
        return list(arguments)
    sweeps = any(flag in arguments for flag in FLAGS)
    if sweeps and (folder / SWEEP).is_file():
        raise InputError(f"{folder} holds a sweep: go on with it by mwgan-train resume={quoted(folder)}, without -m and what was swept")
    if sweeps:
        return list(arguments)
    others = [argument for argument in arguments if argument != given["resume"]]
    if (folder / SWEEP).is_file():
        recorded = read_yaml(folder / SWEEP)
        overrides = recorded["hydra"]["overrides"] if "hydra" in recorded else {}
        task, hydras = overrides.get("task", []), overrides.get("hydra", [])
        kept = [option for option in (*task, *hydras) if key_of(option) not in (*given, "resume", *HYDRAS)]
        return ["-m", *kept, *others, f"hydra.sweep.dir={quoted(folder)}"]
    if "experiment" not in given and (folder / OVERRIDES).is_file():
        recorded = options_of(folder) or read_yaml(folder / OVERRIDES)  # Hydra's own tells of a refused attempt too
        kept = [option for option in recorded if key_of(option) not in (*given, "resume", "paths.run_dir")]
        where = [] if "paths.run_dir" in given else [f"paths.run_dir={quoted(folder)}"]
        # A run that ended before its first checkpoint begins again.
        resume = [f"resume={quoted(folder)}"] if has_begun(folder) else []
        return [*kept, *others, *where, *resume]
    _check_holds_something(folder)
    return list(arguments)


def has_begun(folder: Path) -> bool:
    """Whether there is something to go on from: a checkpoint of the run, or a stage of it."""
    return has_checkpoint(folder) or any(folder.glob(f"*/{OVERRIDES}"))


def _check_holds_something(folder: Path) -> None:
    """Refuse to go on from nothing, before a folder is made for it."""
    from mwgan.files.weights import find_weights  # which loads torch

    if (folder / OVERRIDES).is_file() or has_begun(folder):
        return
    try:
        find_weights(folder)
    except InputError:
        raise InputError(f"{folder} holds no run or sweep to go on from: give the folder of one, or a checkpoint") from None


def quoted(path: PurePath) -> str:
    """A path as Hydra reads it whole: inside quotes a backslash stands for itself, but before a quote for what follows it."""
    return "'" + re.sub(r"(\\*)('|\Z)", lambda found: 2 * found[1] + found[2].replace("'", "\\'"), str(path)) + "'"


def unquoted(value: str) -> str:
    """The text that a value of the command line is: itself, or what is between its quotes."""
    quote = value[:1]
    if len(value) < 2 or quote not in ("'", '"') or value[-1] != quote:
        return value
    return re.sub(rf"(\\*)({quote}|\Z)", lambda found: found[1][: len(found[1]) // 2] + found[2], value[1:-1])


def read_yaml(file: Path) -> Any:
    """A record of Hydra's as plain values, interpolations as they are.

    Raises
    ------
    InputError
        If it can't be read.
    """
    from omegaconf import OmegaConf

    try:
        return OmegaConf.to_container(OmegaConf.load(file), resolve=False)
    except Exception as error:  # yaml's and OmegaConf's own
        sweep = "move it away and give the sweep's options again, with -m and hydra.sweep.dir="
        remedy = sweep if file.name == SWEEP else "give experiment= and the options of the run beside resume="
        raise InputError(f"{file} can't be read: {remedy}") from error
