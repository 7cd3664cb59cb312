"""Settings of a method: the parameters of its constructor, and checks of their values."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any

from mwgan.errors import InputError
from mwgan.methods import MethodEntry, parse_value
from mwgan.parts import imported
from mwgan.recon.loading import load_reconstructor


@dataclass(frozen=True)
class Setting:
    """A parameter of a method's constructor."""

    name: str
    default: Any
    """The value in the method's file, else the constructor's default."""
    annotation: Any
    """The type that the constructor declares."""
    description: str
    """First sentence of its documentation."""

    @property
    def is_required(self) -> bool:
        """Whether it has no default."""
        return self.default is inspect.Parameter.empty

    @property
    def kind(self) -> str:
        """The type as text."""
        return re.sub(r"\b(?:\w+\.)+", "", self.annotation.__name__ if isinstance(self.annotation, type) else str(self.annotation))


def is_network(entry: MethodEntry) -> bool:
    """Whether a method is a trained network with weights: it has no settings."""
    return entry.reconstructor is not None and imported(str(entry.reconstructor["_target_"])) is load_reconstructor


def settings_of(entry: MethodEntry) -> dict[str, Setting]:
    """The settings of a method, by name; none for a network.

    Raises
    ------
    InputError
        If its class can't be imported.
    """
    if entry.reconstructor is None or is_network(entry):
        return {}
    return parameters_of(imported(str(entry.reconstructor["_target_"])), entry.reconstructor)


def parameters_of(function: Any, defaults: Mapping[str, Any]) -> dict[str, Setting]:
    """The parameters of a function or class, by name; ``defaults`` replace its own."""
    descriptions, annotations = _descriptions(function), _annotations(function)
    parameters = inspect.signature(function).parameters.values()
    return {
        one.name: Setting(
            one.name,
            defaults.get(one.name, one.default),
            annotations.get(one.name, one.annotation),
            descriptions.get(one.name, ""),
        )
        for one in parameters
        if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    }


def check_settings(entry: MethodEntry, values: Mapping[str, Any]) -> None:
    """Raise an :class:`InputError` for a setting that a method doesn't have, or a value of another type."""
    check_values(entry.name, settings_of(entry), values)


def check_values(name: str, known: Mapping[str, Setting], values: Mapping[str, Any]) -> None:
    """As :func:`check_settings`, for given settings ``known``."""
    for key, value in values.items():
        if key not in known:
            listed = f"it has {', '.join(known)}" if known else "a trained network has none"
            raise InputError(f"{name} has no setting {key!r}: {listed}")
        if not _fits(value, known[key].annotation):
            raise InputError(f"{key} of {name} must be {known[key].kind}, not {value!r}")


def parse_settings(texts: Iterable[str]) -> dict[str, Any]:
    """Parse texts ``KEY=VALUE``, values as YAML.

    Raises
    ------
    InputError
        If a text has another form, or a key is given twice.
    """
    values: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise InputError(f"a setting is written KEY=VALUE, such as weight=0.05, not {text!r}")
        if key in values:
            raise InputError(f"{key} is set twice: give it once")
        values[key] = parse_value(value)
    return values


def settings_by_method(values: Mapping[str, Any], entries: Mapping[str, MethodEntry | None]) -> dict[str, dict[str, Any]]:
    """Distribute ``values`` to several methods: ``tvm.weight`` to tvm alone, ``weight`` to all that have one.

    Parameters
    ----------
    values
        By key, with or without a method's name before it.
    entries
        The methods by their names here; None for a checkpoint, which has no settings.

    Raises
    ------
    InputError
        If no method has a key, or a value is of another type.
    """
    chosen: dict[str, dict[str, Any]] = {name: {} for name in entries}
    for key, value in values.items():
        named = [name for name in entries if key.startswith(f"{name}.")]
        if named:
            name = max(named, key=len)
            entry = entries[name]
            if entry is None:
                raise InputError(f"{name} is a trained network and has no setting {key[len(name) + 1 :]!r}")
            takers, bare = [(name, entry)], key[len(name) + 1 :]
        else:
            takers, bare = [(name, entry) for name, entry in entries.items() if entry is not None and key in settings_of(entry)], key
        if not takers:
            raise InputError(f"none of {', '.join(entries)} has a setting {key!r}: mwgan methods NAME lists those of a method")
        for name, entry in takers:
            check_settings(entry, {bare: value})
            if named or bare not in chosen[name]:  # a value for one method replaces one for all
                chosen[name][bare] = value
    return chosen


def _fits(value: Any, wanted: Any) -> bool:
    """Whether a value is of an annotated type; of a type that YAML doesn't have: whether it is a node or a callable."""
    origin, inside = typing.get_origin(wanted), typing.get_args(wanted)
    if wanted in (Any, inspect.Parameter.empty):
        return True
    if origin in (typing.Union, UnionType):
        return any(_fits(value, one) for one in inside)
    if origin is typing.Literal:
        return value in inside
    if wanted in (None, NoneType):
        return value is None
    if wanted in (bool, str):
        return isinstance(value, wanted)
    if wanted in (int, float):
        return isinstance(value, int if wanted is int else (int, float)) and not isinstance(value, bool)
    if wanted is Path:
        return isinstance(value, (str, Path))
    container = origin or wanted
    if container is tuple and inside and inside[-1] is not ...:
        return isinstance(value, (list, tuple)) and len(value) == len(inside) and all(map(_fits, value, inside))
    if isinstance(container, type) and issubclass(container, Sequence):
        return isinstance(value, (list, tuple)) and (not inside or all(_fits(one, inside[0]) for one in value))
    if isinstance(container, type) and issubclass(container, Mapping):
        return isinstance(value, Mapping)
    return (isinstance(value, Mapping) and "_target_" in value) or callable(value)


def _annotations(function: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function.__init__ if inspect.isclass(function) else function)
    except NameError:  # of a type that is imported for type checkers only
        return {}


def _descriptions(function: Any) -> dict[str, str]:
    """First sentence on each parameter in a docstring's section Parameters, including those that a class inherits."""
    found: dict[str, str] = {}
    for documented in reversed(inspect.getmro(function)) if inspect.isclass(function) else [function]:
        text = inspect.cleandoc(documented.__doc__ or "")
        section = re.search(r"^Parameters\n-+\n(.*?)(?=\n\S[^\n]*\n---|\Z)", text, re.S | re.M)
        for names, described in re.findall(r"^(\S[^\n]*)\n((?:[ \t]+[^\n]*\n?|\n)+)", section[1] if section else "", re.M):
            plain = re.sub(r":\w+:`~?(?:[\w.]+\.)?(\w+)`|``", r"\1", " ".join(described.split()))
            sentence = re.split(r"(?<=\.)\s", plain, maxsplit=1)[0]
            found |= {name.strip(): sentence for name in names.partition(":")[0].split(",")}
    return found
