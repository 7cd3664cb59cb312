"""Checks the numbers in a configuration, and names an invalid one before anything is built."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from mwgan.errors import InputError


class Rule(NamedTuple):
    """The valid range of a value."""

    whole: bool
    least: float
    most: float = math.inf
    may_be_none: bool = False


COUNTS = {
    "seed": Rule(True, 0, 2**32 - 1),
    "threads": Rule(True, 1, may_be_none=True),
    "data.size": Rule(True, 8),
    "data.batch_size": Rule(True, 1),
    "data.workers": Rule(True, 0),
    "data.prefetch": Rule(True, 1),
    "data.slices": Rule(True, 1),
    "data.seed": Rule(True, 0, 2**32 - 1),
    "trainer.max_epochs": Rule(True, 1),
    "trainer.num_nodes": Rule(True, 1),
    "trainer.log_every_n_steps": Rule(True, 0),
    "trainer.limit_train_batches": Rule(False, 1e-9, may_be_none=True),
    "trainer.limit_val_batches": Rule(False, 0, may_be_none=True),
    "model.generator_optimizer.lr": Rule(False, 0),
    "model.discriminator_optimizer.lr": Rule(False, 0),
    "model.pixel_weight": Rule(False, 0),
    "model.adversarial_weight": Rule(False, 0),
    "model.gradient_clip": Rule(False, 1e-30, may_be_none=True),
    "callbacks.last_checkpoint.every_minutes": Rule(False, 0, may_be_none=True),
    "step_deg": Rule(False, 1e-30, 90),
    "noise.percent": Rule(False, 0),
}


def check_values(settings: Mapping[str, Any]) -> None:
    """Raise an :class:`InputError` that names the first invalid value of a configuration, plain and resolved."""
    for name, rule in COUNTS.items():
        found = _of(settings, name.split("."))
        if found is None or (found == (None,) and rule.may_be_none):
            continue
        (value,) = found
        number = _is_number(value) and not (rule.whole and isinstance(value, float))
        if not number or not rule.least <= value <= rule.most:
            raise InputError(f"{name}={value} is invalid: give {_described(rule)}")


def check_lists(settings: Mapping[str, Any]) -> None:
    """Raise an :class:`InputError` unless the settings of an evaluation are lists of numbers and mappings of names."""
    wedges = settings.get("wedges_deg")
    if not isinstance(wedges, list) or not all(_is_number(one) for one in wedges):
        raise InputError(f"wedges_deg={wedges} is invalid: give a list of degrees, such as [40,60]")
    if not isinstance(settings.get("checkpoints") or {}, Mapping):
        raise InputError(f"checkpoints={settings['checkpoints']} is invalid: give names and runs, checkpoints={{mine: RUN}}")
    weights = settings.get("data_consistency")
    if weights is not None and not (
        isinstance(weights, list) and weights and all(_is_number(one) and 0 < one < math.inf for one in weights)
    ):
        raise InputError(f"data_consistency={weights} is invalid: give a list of weights above 0 to try, or null")
    for name, method in (settings.get("methods") or {}).items():
        for parameter, values in ((method or {}).get("tune") or {}).items() if isinstance(method or {}, Mapping) else ():
            if not isinstance(values, list) or not values:
                raise InputError(f"methods.{name}.tune.{parameter}={values} is invalid: give a list of values to try")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _of(settings: Any, path: list[str]) -> tuple[Any] | None:
    """The value at a path, as a tuple; None if there is no such path."""
    for key in path:
        if not isinstance(settings, Mapping) or key not in settings:
            return None
        settings = settings[key]
    return (settings,)


def _described(rule: Rule) -> str:
    kind = "a whole number" if rule.whole else "a number"
    least = "above 0" if 0 < rule.least < 1e-6 else f"of {rule.least:g} or more"
    most = "" if math.isinf(rule.most) else f", up to {rule.most:.0f}"
    return f"{kind} {least}{most}{' or null' if rule.may_be_none else ''}"
