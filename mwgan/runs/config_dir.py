"""The user's own configuration folder (``--config-dir``): which one a run uses, and how it is passed on when the run is resumed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig

from mwgan.errors import InputError
from mwgan.runs.folder import BEGUN, CONFIG_DIR, from_here, read_note
from mwgan.runs.hydra_records import SETTINGS, read_yaml, within

FLAG, SHORT = "--config-dir", "-cd"
GIVEN_BY = "command-line"  # Hydra's name for the configuration source that the flag adds
# Hydra's flags that take a value.
VALUED = (FLAG, SHORT, "--config-path", "-cp", "--config-name", "-cn", "--cfg", "-c", "--package", "-p", "--experimental-rerun")


def config_dir() -> Path | None:
    """The absolute path of the folder that this process was given."""
    return _added((source.provider, source.path) for source in HydraConfig.get().runtime.config_sources)


def config_dir_of_run(folder: Path) -> Path | None:
    """The folder that the run in ``folder`` was given, from its own record or, for a run of an earlier version, from Hydra's."""
    note = read_note(folder / BEGUN)
    if CONFIG_DIR in note:
        if not isinstance(note[CONFIG_DIR], str | None):
            raise InputError(f"{folder / BEGUN} has no folder as {CONFIG_DIR}: give the run's by {FLAG}")
        return None if note[CONFIG_DIR] is None else Path(note[CONFIG_DIR])
    return config_dir_of(read_yaml(folder / SETTINGS)) if (folder / SETTINGS).is_file() else None


def config_dir_of(recorded: Any) -> Path | None:
    """The folder in Hydra's record of a run's settings or of a sweep."""
    sources = within(recorded, "hydra", "runtime", "config_sources")
    sources_given = [(within(source, "provider"), within(source, "path")) for source in (sources if isinstance(sources, list) else ())]
    return _added((provider, path) for provider, path in sources_given if isinstance(provider, str) and isinstance(path, str))


def config_flags(folder: Path | None) -> list[str]:
    """The flag that passes ``folder`` on.

    Raises
    ------
    InputError
        If it is no longer there.
    """
    if folder is None:
        return []
    if not os.path.isdir(folder):
        raise InputError(f"the run's configuration folder {folder} is missing: give its new place by {FLAG}")
    return [FLAG, str(from_here(folder))]


def parted(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split Hydra's flags with their values from the options: its parser takes no options on both sides of a flag."""
    flags: list[str] = []
    options: list[str] = []
    remaining = list(arguments)
    while remaining:
        argument = remaining.pop(0)
        if not argument.startswith("-"):
            options.append(argument)
            continue
        flags.append(argument)
        if argument in VALUED and remaining:
            flags.append(remaining.pop(0))
    return flags, options


def names_config_dir(flags: Sequence[str]) -> bool:
    """Whether the flags contain a configuration folder."""
    return any(flag.split("=", 1)[0] in (FLAG, SHORT) for flag in flags)


def _added(sources: Iterable[tuple[str, str]]) -> Path | None:
    return next((Path(path) for provider, path in sources if provider == GIVEN_BY), None)
