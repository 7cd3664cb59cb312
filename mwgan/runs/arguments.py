"""Checks the arguments in a configuration against their classes, and names a wrong one by its key before anything is built."""

from __future__ import annotations

import math
import types
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Union, get_args, get_origin, get_type_hints

from hydra.utils import get_object

from mwgan.errors import InputError

SIZES = (
    "width",
    "depth",
    "layers",
    "blocks",
    "growth",
    "memory",
    "iterations",
    "in_channels",
    "out_channels",
)  # or _width …
PLAIN = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", type(None): "null"}
LISTS = (list, tuple, Sequence, Collection)


def check_arguments(settings: Any, key: str = "") -> None:
    """Raise an :class:`InputError` that names the first argument whose type doesn't fit its class, or a size below 1.

    Parameters
    ----------
    settings
        A configuration, plain and resolved. Its classes are imported, so permission to do so must have been checked before.
    key
        Its position in the full configuration.
    """
    if isinstance(settings, Mapping):
        kinds = _kinds(settings["_target_"]) if isinstance(settings.get("_target_"), str) else {}
        for name, value in settings.items():
            if name in kinds:
                _check(f"{key}{name}", str(name), value, kinds[name])
            check_arguments(value, f"{key}{name}.")
    elif isinstance(settings, list):
        for number, value in enumerate(settings):
            check_arguments(value, f"{key}{number}.")


def _check(key: str, name: str, value: Any, kind: Any) -> None:
    if not _is_of(value, kind):
        raise InputError(f"{key}={value} is invalid: give {' or '.join(_kind_names(kind))}")
    least = 0 if name.endswith("guess_iterations") else 1
    if isinstance(value, int) and not isinstance(value, bool) and value < least and _is_size(name):
        raise InputError(f"{key}={value} is invalid: give a whole number of {least} or more")


def _is_size(name: str) -> bool:
    return name in SIZES or name.rsplit("_", 1)[-1] in ("width", "depth", "iterations")


def _kinds(target: str) -> dict[str, Any]:
    """The type annotations of the arguments of a ``_target_``; none where they can't be determined."""
    try:
        made = get_object(target)
        return get_type_hints(getattr(made, "__init__") if isinstance(made, type) else made)  # noqa: B009  # to mypy, an instance's
    except (ImportError, SyntaxError, AttributeError, NameError, TypeError, ValueError):  # building it reports the error
        return {}


def _is_of(value: Any, kind: Any) -> bool:
    """Whether a plain value fits an annotated type; true for types that aren't plain, which are built from a node or converted."""
    if isinstance(value, Mapping) and "_target_" in value:
        return True
    if get_origin(kind) in (Union, types.UnionType):
        return any(_is_of(value, one) for one in get_args(kind))
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind in PLAIN:
        return isinstance(value, kind)
    if get_origin(kind) in LISTS:
        if not isinstance(value, list | tuple):
            return False
        inner = get_args(kind)
        if get_origin(kind) is tuple and ... not in inner:
            return len(value) == len(inner) and all(_is_of(one, its) for one, its in zip(value, inner, strict=True))
        return all(_is_of(one, inner[0]) for one in value)
    return True


def _kind_names(kind: Any) -> list[str]:
    if get_origin(kind) in (Union, types.UnionType):
        return [name for one in get_args(kind) for name in _kind_names(one)]
    if get_origin(kind) in LISTS:
        return [f"a list of {' and '.join(dict.fromkeys(name for one in get_args(kind) if one is not ... for name in _kind_names(one)))}"]
    return [PLAIN.get(kind) or str(getattr(kind, "__name__", kind))]
