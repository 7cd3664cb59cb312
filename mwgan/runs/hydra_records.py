"""What Hydra itself writes down of a run and of a sweep, in their folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mwgan.errors import InputError

SWEEP = "multirun.yaml"  # of a sweep
OVERRIDES = Path(".hydra") / "overrides.yaml"  # of a run: its options
SETTINGS = Path(".hydra") / "hydra.yaml"  # and Hydra's own settings


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
