"""Command-line options: which of them distinguish one run from another, and which have been renamed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, TypeGuard

# Options for where and how a run is computed, not for what is computed.
NOT_THE_JOB = (
    *("resume", "launcher", "threads", "paths.", "hydra", "logger", "callbacks", "data.workers", "data.prefetch", "allow", "recorded"),
    *(
        "trainer.accelerator",
        "trainer.devices",
        "trainer.num_nodes",
        "trainer.strategy",
        "trainer.benchmark",
        "trainer.enable_progress_bar",
    ),
    "model.compile",
)
INPAINTERS = "inpainters"  # of earlier versions: initial weights of a part of the generator, also used for its examples
INPAINTER = "generator.inpainter"


def is_options(value: Any) -> TypeGuard[list[str]]:
    """Whether a recorded value is a list of options."""
    return isinstance(value, list) and all(isinstance(option, str) for option in value)


def key_of(option: str) -> str:
    """The key that an option of the command line sets: ``seed`` of ``+seed=3``."""
    return option.split("=", 1)[0].lstrip("+~")


def job_of(options: Sequence[str]) -> list[str]:
    """The options that distinguish one run from another, with current names, sorted by key."""
    return sorted(option.lstrip("+") for option in renamed(options) if not key_of(option).startswith(NOT_THE_JOB))


def quoted(path: PurePath) -> str:
    """A path quoted for Hydra: inside quotes a backslash is literal, except before a quote, which it escapes."""
    return "'" + re.sub(r"(\\*)('|\Z)", lambda found: 2 * found[1] + found[2].replace("'", "\\'"), str(path)) + "'"


def unquoted(value: str) -> str:
    """The text of a command-line value, without its quotes if it has any."""
    quote = value[:1]
    if len(value) < 2 or quote not in ("'", '"') or value[-1] != quote:
        return value
    return re.sub(rf"(\\*)({quote}|\Z)", lambda found: found[1][: len(found[1]) // 2] + found[2], value[1:-1])


def renamed(options: Sequence[str]) -> list[str]:
    """Options with current names, in their order, from those of older command lines, run folders and sweeps.

    ``inpainters=RUN`` is ``init={generator.inpainter:RUN}``. With an ``init=``, which is then for the whole generator and wins
    over its part, only the examples use it.
    """
    has_init = any(key_of(option) == "init" for option in options)
    return [_of_inpainters(option, has_init) if key_of(option) == INPAINTERS else option for option in options]


def renamed_stage(stage: Mapping[str, Any]) -> dict[str, Any]:
    """A stage of a training, with current option names."""
    if INPAINTERS not in stage:
        return dict(stage)
    others = {key: value for key, value in stage.items() if key != INPAINTERS}
    return {"init": {INPAINTER: stage[INPAINTERS]}, "takes": ["cache"], **others}


def _of_inpainters(option: str, has_init: bool) -> str:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    override = OverridesParser.create().parse_override(option)
    runs = list(override.sweep_string_iterator()) if override.is_sweep_override() else [option.split("=", 1)[-1]]
    if has_init:
        return f"model.examples.inpainters={','.join(runs)}"
    return "init=" + ",".join(run if run == "null" else f"{{{INPAINTER}:{run}}}" for run in runs)
