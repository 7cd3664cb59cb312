"""What of a folder's record may go into a command line: resuming a stranger's folder must not run code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from mwgan.errors import InputError
from mwgan.runs.options import key_of

# Hydra's own settings that only say how much, where and how often. Its others name classes, log handlers and shell commands,
# and Hydra acts on them before this program sees them.
HYDRAS = (
    *("hydra/launcher", "hydra/sweeper", "hydra.mode", "hydra.verbose", "hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir"),
    *("hydra.job.num", "hydra.job.name", "hydra.sweeper.n_trials", "hydra.sweeper.n_jobs", "hydra.sweeper.max_batch_size"),
    *("hydra.sweeper.direction", "hydra.sweeper.study_name", "hydra.sweeper.sampler.seed", "hydra.launcher.n_jobs"),
    *("hydra.launcher.verbose", "hydra.launcher.timeout_min", "hydra.launcher.cpus_per_task", "hydra.launcher.gpus_per_node"),
    *("hydra.launcher.gpus_per_task", "hydra.launcher.tasks_per_node", "hydra.launcher.nodes", "hydra.launcher.mem_gb"),
    *("hydra.launcher.mem_per_gpu", "hydra.launcher.mem_per_cpu", "hydra.launcher.cpus_per_gpu", "hydra.launcher.partition"),
    *("hydra.launcher.qos", "hydra.launcher.account", "hydra.launcher.constraint", "hydra.launcher.array_parallelism"),
    *("hydra.launcher.signal_delay_s", "hydra.launcher.max_num_timeout", "hydra.launcher.comment", "hydra.launcher.exclude"),
)
SEARCHED = ("hydra.sweeper.params", "hydra.sweeper.search_space")  # what a search varies: task options
SETS_HYDRA = "hydra"
MOST_FILES = 10_000


def check_options(folder: Path, options: Sequence[str]) -> None:
    """Raise an :class:`InputError` if a record holds anything but options, or one of Hydra's that could run something."""
    for option in options:
        key = key_of(option)
        harmless = key in HYDRAS or key.startswith(SEARCHED) or not key.startswith(SETS_HYDRA)
        if option.startswith("-") or not harmless:
            raise InputError(
                f"the record of {folder} holds {option[:80]!r}, which could run something: if it is yours, give that beside resume="
            )


def checked_folder(folder: Path | None) -> Path | None:
    """The configuration folder that a record names, if it sets nothing of Hydra's own.

    Raises
    ------
    InputError
        If it does.
    """
    if folder is None or not os.path.isdir(folder):  # unlike Path's own, of names that can't be any too
        return folder
    files = list(islice(folder.rglob("*"), MOST_FILES + 1))
    if len(files) > MOST_FILES:
        raise InputError(f"{folder}, which the run was given, holds too much to be a configuration folder: give that by --config-dir")
    for file in sorted(files):
        if not file.is_file() or file.suffix not in (".yaml", ".yml"):
            continue
        text = file.read_text(encoding="utf-8", errors="replace").replace("${hydra:", "")
        if SETS_HYDRA in text or SETS_HYDRA in file.relative_to(folder).parts[:-1]:
            raise InputError(
                f"{file}, of the configuration folder that the run was given, sets what Hydra itself does: "
                f"if you trust it, give the folder again by --config-dir"
            )
    return folder
