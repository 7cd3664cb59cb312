"""Which recorded options may be used in a command line: resuming a stranger's folder must not run code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from mwgan.errors import InputError
from mwgan.runs.options import key_of

# Hydra's own settings that are harmless numbers and folders. Its others name classes, log handlers and shell commands,
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
SEARCHED = ("hydra.sweeper.params", "hydra.sweeper.search_space")  # the task options that a search varies
SETS_HYDRA = "hydra"
MOST_FILES = 10_000


def check_options(folder: Path, options: Sequence[str]) -> None:
    """Raise an :class:`InputError` if a record contains anything but options, or one of Hydra's that could run code."""
    for option in options:
        key = key_of(option)
        harmless = key in HYDRAS or key.startswith(SEARCHED) or not key.startswith(SETS_HYDRA)
        if option.startswith("-") or not harmless:
            raise InputError(
                f"the record of {folder} holds {option[:80]!r}, which could run code: if it is yours, give that option with resume="
            )


def checked_folder(folder: Path | None) -> Path | None:
    """The recorded configuration folder, if it sets nothing of Hydra's own.

    Raises
    ------
    InputError
        If it does.
    """
    if folder is None or not os.path.isdir(folder):  # unlike Path.is_dir, also takes impossible names
        return folder
    files = list(islice(folder.rglob("*"), MOST_FILES + 1))
    if len(files) > MOST_FILES:
        raise InputError(f"{folder}, which the run was given, is too large for a configuration folder: give that by --config-dir")
    for file in sorted(files):
        if not file.is_file() or file.suffix not in (".yaml", ".yml"):
            continue
        text = file.read_text(encoding="utf-8", errors="replace").replace("${hydra:", "")
        if SETS_HYDRA in text or SETS_HYDRA in file.relative_to(folder).parts[:-1]:
            raise InputError(
                f"{file}, in the configuration folder that the run was given, changes Hydra's own settings: "
                f"if you trust it, give the folder again by --config-dir"
            )
    return folder
