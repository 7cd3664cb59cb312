"""Hydra's own records of a run and of a sweep, in their folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mwgan.errors import InputError
from mwgan.runs.options import is_options

SWEEP = "multirun.yaml"  # of a sweep
OVERRIDES = Path(".hydra") / "overrides.yaml"  # of a run: its options
DEEPEST = 50  # nested lists and mappings
SETTINGS = Path(".hydra") / "hydra.yaml"  # and Hydra's own settings


def read_yaml(file: Path) -> Any:
    """A record of Hydra's as plain values, interpolations unresolved.

    Raises
    ------
    InputError
        If it can't be read, or refers to itself or nests too deeply, as Hydra's never do: reading it might not end.
    """
    import yaml
    from omegaconf import OmegaConf

    try:
        text = file.read_text(encoding="utf-8")
        depth = 0
        for event in yaml.parse(text, yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > DEEPEST:
                raise ValueError("it refers to itself or is nested too deeply")
        return OmegaConf.to_container(OmegaConf.create(text), resolve=False) if text.strip() else {}
    except Exception as error:  # yaml's and OmegaConf's own
        raise _unreadable(file) from error


def read_options(file: Path) -> list[str]:
    """The options in Hydra's record of a run.

    Raises
    ------
    InputError
        If it can't be read, or is no such list.
    """
    options = read_yaml(file) or []
    if not is_options(options):
        raise _unreadable(file)
    return options


def read_sweep(file: Path) -> dict[str, Any]:
    """Hydra's record of a sweep, with checked options.

    Raises
    ------
    InputError
        If it can't be read, or its options aren't a list of options.
    """
    recorded = read_yaml(file)
    params = within(recorded, "hydra", "sweeper", "params")
    options = [within(recorded, "hydra", "overrides", kind) for kind in ("task", "hydra")]
    if not isinstance(recorded, dict) or not isinstance(params, dict | None) or not all(one is None or is_options(one) for one in options):
        raise _unreadable(file)
    return recorded


def within(value: Any, *keys: str) -> Any:
    """The value at a path of nested keys; None if there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _unreadable(file: Path) -> InputError:
    sweep = "move it away and give the sweep's options again, with -m and hydra.sweep.dir="
    remedy = sweep if file.name == SWEEP else "give experiment= and the options of the run with resume="
    return InputError(f"{file} can't be read: {remedy}")
