"""The commands of a recipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mwgan.errors import InputError
from mwgan.recipes.recipe import Recipe

MEASURED = "measured"  # folder of a series for the measured values
OURS = ("output", "tilts", "like")  # options that the recipe sets itself


@dataclass(frozen=True)
class Step:
    """One command.

    Parameters
    ----------
    name
        Name of the step and of its command.
    arguments
        Arguments after ``mwgan`` on the command line.
    inputs
        Files that it reads.
    output
        The file that it writes last.
    """

    name: str
    arguments: tuple[str, ...]
    inputs: tuple[Path, ...]
    output: Path


def steps_of(recipe: Recipe, name: str) -> list[Step]:
    """The commands for a series of the recipe, in order.

    Raises
    ------
    InputError
        If an option is one that the recipe sets itself, or has no valid value.
    """
    options, folder = recipe.options[name], recipe.output / name
    series, tilts = recipe.series[name], recipe.tilts[name]
    steps: list[Step] = []
    if (chosen := options["align"]) is not None:
        aligned = folder / "aligned.mrc"
        steps.append(_step("align", series, tilts, aligned, chosen))
        series, tilts = str(aligned), None
    if (chosen := options["reconstruct"]) is not None:
        steps.append(_step("reconstruct", series, tilts, folder / "volume.mrc", chosen))
    if (chosen := options["measure"]) is not None:
        if options["reconstruct"] is None:
            raise InputError(f"{recipe.file}: measure needs a volume of {name}: leave reconstruct in, or measure out")
        steps.append(_measure(folder, chosen))
    if not steps:
        raise InputError(f"{recipe.file} leaves out every step of {name}")
    return steps


def _measure(folder: Path, chosen: Mapping[str, Any]) -> Step:
    """Measures the series' own volume; ``uncertainty: true`` uses that from --trust. It is finished when the record exists."""
    volume, options = folder / "volume.mrc", dict(chosen)
    if options.get("uncertainty") is True:
        options["uncertainty"] = str(folder / "volume.uncertainty.mrc")
    step = _step("measure", str(volume), None, folder / MEASURED, options)
    return replace(step, output=step.output / "record.json")


def _step(name: str, series: str, tilts: str | None, output: Path, options: Mapping[str, Any]) -> Step:
    if taken := sorted(set(options) & set(OURS)):
        raise InputError(f"{name}: {taken[0]} is set by the recipe itself: leave it out")
    tilts_said = [] if tilts is None else [f"--tilts={tilts}"]
    arguments = (name, series, *tilts_said, f"--output={output}", *(part for key in options for part in _said(name, key, options[key])))
    inputs = [Path(series.split("::")[0]), *([] if tilts is None or not Path(tilts).exists() else [Path(tilts)])]
    return Step(name, arguments, tuple(inputs), output)


def _said(step: str, key: str, value: Any) -> Iterator[str]:
    if value is True:
        yield f"--{key}"
    elif isinstance(value, list):
        for one in value:
            yield from _said(step, key, one)
    elif isinstance(value, dict):  # set: {tvm.weight: 0.05}
        for inner, one in value.items():
            yield f"--{key}={inner}={one}"
    elif isinstance(value, str | int | float) and value is not False:
        yield f"--{key}={value}"
    elif value is not None and value is not False:
        raise InputError(f"{step}: {key} is {value!r}, which is not valid for an option: give text, a number, true, or a list")
