"""``resume=FOLDER`` alone: the command line that made the folder, from the folder's own records."""

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
NOT_KEPT = ("resume", "allow", "recorded")  # the user's decision, never taken from a record
RECORDED = "recorded=true"
HYDRAS = ("hydra.mode", "hydra.sweep.dir", "hydra.run.dir")  # set again each time


def whole_command(arguments: Sequence[str]) -> list[str]:
    """The command-line arguments, with those recorded in the folder to resume added where only that is given.

    A sweep's folder is resumed job by job; a run's folder is resumed in place. Options given with ``resume=`` override the
    recorded ones, and a ``--config-dir`` the recorded folder. With ``experiment=`` or ``-m`` and a run's folder the
    command line is complete, and nothing is added. Flags come first, and options have their current names.

    Raises
    ------
    InputError
        If there is nothing to resume, its record can't be read, its configuration folder is missing, or ``-m`` is given with
        the folder of a sweep.
    """
    flags, options = parted(arguments)
    options = renamed(options)
    given = {key_of(option): option for option in options if "=" in option}
    folder = Path(unquoted(given.get("resume", "resume=").split("=", 1)[1]))
    if str(folder) in (".", "null"):
        return [*flags, *options]
    sweeps = any(flag in flags for flag in FLAGS)
    if sweeps and (folder / SWEEP).is_file():
        raise InputError(f"{folder} holds a sweep: resume it by mwgan-train resume={quoted(folder)}, without -m and swept options")
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
        recorded = renamed(options_of(folder) or read_options(folder / OVERRIDES))  # Hydra's own may be of a refused attempt
        kept = [option for option in recorded if key_of(option) not in (*given, *NOT_KEPT, "paths.run_dir")]
        check_options(folder, kept)
        where = [] if "paths.run_dir" in given else [f"paths.run_dir={quoted(folder)}"]
        # A run that ended before its first checkpoint starts again.
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
    from mwgan.files.weights import find_weights  # imports torch

    if (folder / OVERRIDES).is_file() or has_begun(folder):
        return
    try:
        find_weights(folder)
    except InputError:
        raise InputError(f"{folder} has no run or sweep to resume: give the folder of one, or a checkpoint") from None
