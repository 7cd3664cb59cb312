"""The contents of a recipe: series, steps and their options."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mwgan.errors import InputError
from mwgan.files.outputs import check_outputs

STEPS = ("align", "reconstruct", "measure")
ONLY_ON_REQUEST = ("measure",)  # it may not suit a specimen, and a failed step stops its series
KEYS = ("series", "output", "tilts", *STEPS, "overrides", "slurm")
Options = Mapping[str, Any]


@dataclass(frozen=True)
class Recipe:
    """A parsed recipe.

    Parameters
    ----------
    file
        The recipe's file.
    output
        The folder for all results.
    series
        The raw series by name, which is that of the file.
    tilts
        ``--tilts`` for each, by name; None if the series contains them.
    options
        For each series and step the options of its command; None: the step is left out.
    slurm
        Parameters of the jobs.
    """

    file: Path
    output: Path
    series: Mapping[str, str]
    tilts: Mapping[str, str | None]
    options: Mapping[str, Mapping[str, Options | None]]
    slurm: Options


def template() -> str:
    """A template of a recipe."""
    return Path(__file__).with_name("recipe.yaml").read_text(encoding="utf-8")


def read_recipe(file: Path) -> Recipe:
    """The recipe in a file of YAML.

    Raises
    ------
    InputError
        If it can't be read, has an unknown key, or names no series.
    """
    said = _mapping(file)
    if unknown := sorted(set(said) - set(KEYS)):
        raise InputError(f"{file} has an unknown key {unknown[0]!r}: a recipe has {', '.join(KEYS)} (mwgan recipe prints one)")
    folder = file.parent
    series = _series(file, said.get("series"))
    overrides = _section(file, "overrides", said.get("overrides"))
    if strangers := sorted(set(overrides) - set(series)):
        raise InputError(f"{file} overrides {strangers[0]!r}, but no series has that name: they are {', '.join(series)}")
    output = said.get("output")
    if not isinstance(output, str) or not output:
        raise InputError(f"{file} has no output: give a folder for the results, e.g. output: results")
    place = folder / output
    check_outputs([place], [Path(one) for one in series.values()], new_folder=True)
    if place.exists() and not place.is_dir():
        raise InputError(f"{place} is a file, but {file} needs a folder there: give another output")
    return Recipe(
        file,
        place,
        series,
        {name: _tilts(file, said.get("tilts"), name) for name in series},
        {name: _options(file, said, _section(file, f"overrides of {name}", overrides.get(name))) for name in series},
        _section(file, "slurm", said.get("slurm")),
    )


def _mapping(file: Path) -> dict[str, Any]:
    try:
        said = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"the recipe {file} can't be read ({(error.strerror or str(error)).lower()})") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise InputError(f"{file} is not a recipe ({' '.join(str(error).split())[:200]}): mwgan recipe > recipe.yaml makes one") from error
    if not isinstance(said, dict):
        raise InputError(f"{file} is not a recipe: mwgan recipe > recipe.yaml makes one")
    return {str(key): value for key, value in said.items()}


def _series(file: Path, said: Any) -> dict[str, str]:
    patterns = [said] if isinstance(said, str) else said
    if not isinstance(patterns, list) or not patterns or not all(isinstance(one, str) and one for one in patterns):
        raise InputError(f"{file} has no series: give files or patterns, e.g. series: [raw/*.mrc]")
    found: dict[str, str] = {}
    for pattern in patterns:
        place = pattern.split("::")[0]
        matches = sorted(glob.glob(str(file.parent / place))) or ([str(file.parent / place)] if (file.parent / place).exists() else [])
        if not matches:
            raise InputError(f"{file} names {pattern}, but there is no such file: paths are relative to {file.parent}")
        for match in matches:
            name, whole = Path(match).name.split(".")[0], match + pattern[len(place) :]
            if found.get(name, whole) != whole:
                raise InputError(f"{file} names two series {name!r} ({found[name]} and {whole}), which would share a folder: rename one")
            found[name] = whole
    return found


def _tilts(file: Path, said: Any, name: str) -> str | None:
    if said is None:
        return None
    if not isinstance(said, str):
        raise InputError(f"{file} has tilts: {said!r}: give a file, raw/{{name}}.rawtlt, or a range, -60:60:2")
    text = said.replace("{name}", name)
    return str(file.parent / text) if (file.parent / text).exists() else text


def _options(file: Path, said: Mapping[str, Any], override: Options) -> dict[str, Options | None]:
    if strangers := sorted(set(override) - set(STEPS)):
        raise InputError(f"{file} overrides {strangers[0]!r}, which is not a step: they are {', '.join(STEPS)}")
    options: dict[str, Options | None] = {}
    for step in STEPS:
        whole, own = said.get(step, False if step in ONLY_ON_REQUEST else {}), override.get(step, {})
        left_out = own is False or (whole is False and step not in override)
        options[step] = None if left_out else {**_section(file, step, whole or {}), **_section(file, step, own)}
    return options


def _section(file: Path, name: str, said: Any) -> dict[str, Any]:
    if said is None:
        return {}
    if not isinstance(said, dict):
        raise InputError(f"{file} has {name}: {said!r}: give options, as in {{method: sirt}}")
    return {str(key).replace("_", "-"): value for key, value in said.items()} if name not in ("overrides", "slurm") else dict(said)
