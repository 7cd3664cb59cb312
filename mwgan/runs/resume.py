"""``resume=FOLDER`` with nothing else: the command line that made the folder, from what the folder itself records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mwgan.errors import InputError
from mwgan.files.checkpoints import has_checkpoint
from mwgan.runs.config_dir import config_dir_of, config_dir_of_run, config_flags, names_config_dir, parted
from mwgan.runs.folder import options_of
from mwgan.runs.hydra_records import OVERRIDES, SWEEP, read_options, read_sweep, within
from mwgan.runs.options import key_of, quoted, renamed, unquoted
from mwgan.runs.recorded_options import check_options, checked_folder

FLAGS = ("-m", "--multirun")
NOT_KEPT = ("resume", "allow", "recorded")  # the user's own word: nothing that a folder says of itself
RECORDED = "recorded=true"
HYDRAS = ("hydra.mode", "hydra.sweep.dir", "hydra.run.dir")  # set anew each time


def whole_command(arguments: Sequence[str]) -> list[str]:
    """The arguments of the command line, with those of the folder to resume where they name nothing but that.

    A sweep's folder is swept on, job by job; a run's folder is trained on in. Options beside ``resume=`` win over the
    recorded ones, and a ``--config-dir`` over the recorded folder. With ``experiment=`` or ``-m`` beside a run's folder the
    command line says all by itself, and nothing is added. Flags come first, and options have today's names.

    Raises
    ------
    InputError
        If there is nothing to resume, its record can't be read, its configuration folder is gone, or ``-m`` would sweep over
        a sweep.
    """
    flags, options = parted(arguments)
    options = renamed(options)
    given = {key_of(option): option for option in options if "=" in option}
    folder = Path(unquoted(given.get("resume", "resume=").split("=", 1)[1]))
    if str(folder) in (".", "null"):
        return [*flags, *options]
    sweeps = any(flag in flags for flag in FLAGS)
    if sweeps and (folder / SWEEP).is_file():
        raise InputError(f"{folder} holds a sweep: resume it by mwgan-train resume={quoted(folder)}, without -m and what was swept")
    if sweeps:
        return [*flags, *options]
    others = [option for option in options if option != given["resume"]]
    if (folder / SWEEP).is_file():
        sweep = read_sweep(folder / SWEEP)
        task, hydras = (within(sweep, "hydra", "overrides", kind) or [] for kind in ("task", "hydra"))
        kept = [option for option in (*renamed(task), *hydras) if key_of(option) not in (*given, *NOT_KEPT, *HYDRAS)]
        check_options(folder, kept)
        added = [] if names_config_dir(flags) else config_flags(checked_folder(config_dir_of(sweep)))
        return ["-m", *flags, *added, *kept, *others, RECORDED, f"hydra.sweep.dir={quoted(folder)}"]
    if "experiment" not in given and (folder / OVERRIDES).is_file():
        recorded = renamed(options_of(folder) or read_options(folder / OVERRIDES))  # Hydra's own tells of a refused attempt too
        kept = [option for option in recorded if key_of(option) not in (*given, *NOT_KEPT, "paths.run_dir")]
        check_options(folder, kept)
        where = [] if "paths.run_dir" in given else [f"paths.run_dir={quoted(folder)}"]
        # A run that ended before its first checkpoint begins again.
        resume = [f"resume={quoted(folder)}"] if has_begun(folder) else []
        added = [] if names_config_dir(flags) else config_flags(checked_folder(config_dir_of_run(folder)))
        return [*flags, *added, *kept, *others, RECORDED, *where, *resume]
    _check_holds_something(folder)
    return [*flags, *options]


def has_begun(folder: Path) -> bool:
    """Whether there is something to resume from: a checkpoint of the run, or a stage of it."""
    return has_checkpoint(folder) or any(folder.glob(f"*/{OVERRIDES}"))


def _check_holds_something(folder: Path) -> None:
    """Refuse to resume from nothing, before a folder is made for it."""
    from mwgan.files.weights import find_weights  # which loads torch

    if (folder / OVERRIDES).is_file() or has_begun(folder):
        return
    try:
        find_weights(folder)
    except InputError:
        raise InputError(f"{folder} holds no run or sweep to resume from: give the folder of one, or a checkpoint") from None
