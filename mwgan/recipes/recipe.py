"""What a recipe says: which series, which steps, with which options."""

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
ONLY_IF_SAID = ("measure",)  # it may not suit a specimen, and a step that ends badly holds up its series
KEYS = ("series", "output", "tilts", *STEPS, "overrides", "slurm")
Options = Mapping[str, Any]


@dataclass(frozen=True)
class Recipe:
    """A recipe as it is carried out.

    Parameters
    ----------
    file
        Where it was read.
    output
        The folder that everything goes to.
    series
        The raw series by name: that of the file.
    tilts
        What ``--tilts`` says of each, by name; None where the series tells.
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
    """A recipe to begin with."""
    return Path(__file__).with_name("recipe.yaml").read_text(encoding="utf-8")


def read_recipe(file: Path) -> Recipe:
    """The recipe in a file of YAML.

    Raises
    ------
    InputError
        If it can't be read, says what no recipe says, or names no series.
    """
    said = _mapping(file)
    if unknown := sorted(set(said) - set(KEYS)):
        raise InputError(f"{file} says {unknown[0]!r}, which no recipe knows: it has {', '.join(KEYS)} (mwgan recipe prints one)")
    folder = file.parent
    series = _series(file, said.get("series"))
    overrides = _section(file, "overrides", said.get("overrides"))
    if strangers := sorted(set(overrides) - set(series)):
        raise InputError(f"{file} overrides {strangers[0]!r}, and no series has that name: they are {', '.join(series)}")
    output = said.get("output")
    if not isinstance(output, str) or not output:
        raise InputError(f"{file} says no output: give the folder that everything goes to, e.g. output: results")
    place = folder / output
    check_outputs([place], [Path(one) for one in series.values()], new_folder=True)
    if place.exists() and not place.is_dir():
        raise InputError(f"{place} is a file, and {file} wants it as its folder: give another output")
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
        raise InputError(f"{file} is no recipe ({' '.join(str(error).split())[:200]}): mwgan recipe > recipe.yaml makes one") from error
    if not isinstance(said, dict):
        raise InputError(f"{file} is no recipe: mwgan recipe > recipe.yaml makes one")
    return {str(key): value for key, value in said.items()}


def _series(file: Path, said: Any) -> dict[str, str]:
    patterns = [said] if isinstance(said, str) else said
    if not isinstance(patterns, list) or not patterns or not all(isinstance(one, str) and one for one in patterns):
        raise InputError(f"{file} says no series: give files or patterns, e.g. series: [raw/*.mrc]")
    found: dict[str, str] = {}
    for pattern in patterns:
        place = pattern.split("::")[0]
        matches = sorted(glob.glob(str(file.parent / place))) or ([str(file.parent / place)] if (file.parent / place).exists() else [])
        if not matches:
            raise InputError(f"{file} names {pattern}, and there is no such file: paths are relative to {file.parent}")
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
        raise InputError(f"{file} says tilts: {said!r}: give a file, raw/{{name}}.rawtlt, or a range, -60:60:2")
    text = said.replace("{name}", name)
    return str(file.parent / text) if (file.parent / text).exists() else text


def _options(file: Path, said: Mapping[str, Any], override: Options) -> dict[str, Options | None]:
    if strangers := sorted(set(override) - set(STEPS)):
        raise InputError(f"{file} overrides {strangers[0]!r}, which is no step: they are {', '.join(STEPS)}")
    options: dict[str, Options | None] = {}
    for step in STEPS:
        whole, own = said.get(step, False if step in ONLY_IF_SAID else {}), override.get(step, {})
        left_out = own is False or (whole is False and step not in override)
        options[step] = None if left_out else {**_section(file, step, whole or {}), **_section(file, step, own)}
    return options


def _section(file: Path, name: str, said: Any) -> dict[str, Any]:
    if said is None:
        return {}
    if not isinstance(said, dict):
        raise InputError(f"{file} says {name}: {said!r}: give options, as in {{method: sirt}}")
    return {str(key).replace("_", "-"): value for key, value in said.items()} if name not in ("overrides", "slurm") else dict(said)
