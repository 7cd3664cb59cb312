"""The runs in the folder of a sweep, and what distinguishes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from mwgan.errors import InputError
from mwgan.runs.folder import BEGUN, RECORD, is_finished, jobs_in, options_of, read_note
from mwgan.runs.hydra_records import SWEEP, read_sweep
from mwgan.runs.options import job_of, key_of, quoted, renamed, unquoted

NAMED_OTHERWISE = ("seed", "model")  # the runs of a method share a name, which starts with the model's


@dataclass(frozen=True)
class SweptRun:
    """One job of a sweep."""

    method: str
    """Name of the model and the swept options, without the seed: ``irdm_pixel_d1``, ``irdm_min_deg=40``."""
    folder: Path
    """Its run folder."""
    train_seed: int
    """The ``seed`` it was trained with."""
    finished: bool
    """Whether it is finished."""


def runs_of(folder: str | Path) -> list[SweptRun]:
    """The jobs that were started in the folder of a sweep, in their order, from their own records.

    Hydra's record of a job isn't used: Hydra writes it before we can refuse a job that doesn't belong to that folder.

    Raises
    ------
    InputError
        If the folder holds no sweep, or none of its jobs was started.
    """
    folder = Path(folder)
    if not (folder / SWEEP).is_file():
        raise InputError(f"{folder} is not the folder of a sweep: give one that mwgan-train -m made, with a {SWEEP} in it")
    jobs = jobs_in(folder)
    if not jobs:
        raise InputError(f"no job of the sweep in {folder} was started: resume it by mwgan-train resume={quoted(folder)}")
    sweep = OmegaConf.create(read_sweep(folder / SWEEP))
    keys = swept_keys(sweep)
    runs = []
    for job in jobs:
        given = dict(_split(option) for option in job_of(options_of(job)))
        # What a job doesn't record is the same for the whole sweep.
        model = given.get("model") or read_note(job / BEGUN).get("model") or OmegaConf.select(sweep, "hydra.runtime.choices.model")
        recorded = read_note(job / RECORD).get("seed", given.get("seed", OmegaConf.select(sweep, "seed", default=0)))
        try:
            seed = int(recorded)
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"the record of {job} has a seed that is no whole number: train that job again, or move it away") from error
        label = [_label(key, given[key], keys) for key in keys if key in given and key not in NAMED_OTHERWISE]
        runs.append(SweptRun("_".join([str(model), *label]), job, seed, is_finished(job)))
    return runs


def swept_keys(sweep: Any) -> list[str]:
    """The keys with several values in a sweep's configuration, those of a search first."""
    params = OmegaConf.select(sweep, "hydra.sweeper.params") or {}
    options = [*(f"{key}={value}" for key, value in params.items()), *OmegaConf.select(sweep, "hydra.overrides.task", default=[])]
    overrides = OverridesParser.create().parse_overrides(renamed(options))
    return list(dict.fromkeys(key_of(override.get_key_element()) for override in overrides if override.is_sweep_override()))


def _label(key: str, value: str, keys: list[str]) -> str:
    """The part of a method's name for a swept key: the shortest unique end of the key, and its value."""
    if key == "data":
        return value
    parts = key.split(".")
    ends = [".".join(parts[-length:]) for length in range(1, len(parts))]
    alone = (end for end in ends if not any(other != key and f".{other}".endswith(f".{end}") for other in keys))
    return f"{next(alone, key)}={value}"


def _split(option: str) -> tuple[str, str]:
    return key_of(option), unquoted(option.split("=", 1)[-1])
