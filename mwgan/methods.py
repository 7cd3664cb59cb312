"""The list of methods: how each is built and tuned, and its label and colour in figures.

Every method is a file ``method/NAME.yaml`` in a configuration folder: mwgan's own, the ``conf`` of installed parts
(:mod:`mwgan.parts`), and those given by ``--config-dir``. ``mwgan reconstruct``, ``mwgan compare``,
``mwgan-evaluate`` and figures all read this list. Its keys:

==================  ==============================================================================================
label               its name in figures
color               its colour in figures, ``"#RRGGBB"``; without one it gets a spare colour
reconstructor       a node with ``_target_``, a class or a function that returns a
                    :class:`~mwgan.recon.Reconstructor`, and its arguments; null if it is only trained in a study
tune                values to try for each parameter, by name; all combinations are tried
after               the method that this one comes after: it takes over that one's tuned parameters
expects_unit_range  false if data in a detector's own units give the same tomogram in these units, as for linear
                    methods; by default such data are scaled to [0, 1] first
needs               a Python package that must be installed for it, by its import name
==================  ==============================================================================================
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from mwgan.errors import InputError
from mwgan.parts import configuration_folders
from mwgan.paths import conf_dir

FOLDER = "method"
_given: tuple[Path, ...] = ()


@dataclass(frozen=True)
class MethodEntry:
    """One method of the list; the fields are the keys of its file."""

    name: str
    file: Path
    label: str
    reconstructor: Mapping[str, Any] | None
    color: str | None = None
    tune: Mapping[str, list[Any]] = field(default_factory=dict)
    after: str | None = None
    expects_unit_range: bool = True
    needs: str | None = None

    @property
    def is_ours(self) -> bool:
        """Whether it comes with mwgan."""
        return self.file.is_relative_to(conf_dir())

    @property
    def lacks(self) -> str | None:
        """The package it needs, if that is not installed."""
        return None if self.needs is None or _is_installed(self.needs) else self.needs


def known_methods() -> dict[str, MethodEntry]:
    """All methods by name: ours, then those of installed parts, then those of :func:`add_folder`, each sorted by name.

    Raises
    ------
    InputError
        If a file of the list is damaged; it names the file.
    """
    return _all_of(_given)


def add_folder(folder: str | Path) -> None:
    """Add the methods of a configuration folder for this process; they override others of the same name.

    Raises
    ------
    InputError
        If there is no such folder.
    """
    global _given
    path = Path(folder).resolve()
    if not path.is_dir():
        raise InputError(f"there is no folder {folder}: --config-dir is a folder with {FOLDER}/NAME.yaml and the like in it")
    if path not in _given:
        _given = (*_given, path)


@lru_cache
def _all_of(given: tuple[Path, ...]) -> dict[str, MethodEntry]:
    return read_methods([conf_dir(), *configuration_folders(), *given])


def read_methods(folders: Iterable[Path]) -> dict[str, MethodEntry]:
    """The methods in configuration folders by name; of several with one name the last, in the first one's place.

    Raises
    ------
    InputError
        If a file can't be read, isn't YAML, or has an unknown key or an invalid value; the message names the file.
    """
    files = {file.stem: file for folder in folders for file in sorted((folder / FOLDER).glob("*.yaml"))}
    return {name: _read(name, file) for name, file in files.items()}


def conditions_of(nodes: Mapping[str, Mapping[str, Any] | None]) -> dict[str, dict[str, Any]]:
    """The conditions of a results table from each method: its constructor with fixed arguments, and its tuned parameters.

    Parameters
    ----------
    nodes
        Methods by name, with the keys of their files; a method precedes those that come after it. None values are skipped.
    """
    tuned: dict[str, set[str]] = {}
    conditions = {}
    for name, node in nodes.items():
        if node is None:
            continue
        tune, base = node.get("tune") or {}, node.get("after")
        tuned[name] = {*tune, *tuned.get(base or "", ())}
        built = node.get("reconstructor")
        kept = None if built is None else {key: value for key, value in built.items() if key not in tuned[name]}
        conditions[name] = {**({} if base is None else {"after": base}), "reconstructor": kept, "tune": tune}
    return conditions


def parse_value(text: str) -> Any:
    """A value as in a YAML file: ``0.05``, ``1e-3``, ``[0.7, 1.4]``, ``hann``, ``null``.

    Raises
    ------
    InputError
        If it isn't YAML.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise InputError(f"the value {text!r} can't be read: write it as in YAML, e.g. 0.05, [0.7, 1.4] or hann") from error


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as read by Hydra: 1e-3 is a number, not a word as in PyYAML."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\d[\d_]*\.?|\d[\d_]*\.[\d_]+|\.[\d_]+)(?:[eE][-+]?\d+)$"),
    list("-+0123456789."),
)


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):  # its parent package is missing; or it was blocked, or replaced by an object
        return sys.modules.get(package) is not None


def _read(name: str, file: Path) -> MethodEntry:
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = str(getattr(error, "problem", None) or error)
        raise InputError(f"the method {file} can't be read ({reason}): repair it or move it away") from error
    wrong = _problem(content)
    if wrong:
        raise InputError(f"the method {file} {wrong}")
    return MethodEntry(name, file, **{key: value for key, value in content.items() if value is not None or key == "reconstructor"})


def _problem(content: Any) -> str | None:
    """The problem with a method's file, as text to follow its name; None if there is none."""
    if not isinstance(content, dict):
        return "has no keys: give label and reconstructor"
    unknown = [str(key) for key in content if key not in _CHECKS]
    if unknown:
        return f"has an unknown key {', '.join(unknown)}: the keys are {', '.join(_CHECKS)}"
    missing = [key for key in ("label", "reconstructor") if key not in content]
    if missing:
        return f"has no {' and no '.join(missing)}: give it (reconstructor may be null)"
    for key, value in content.items():
        fits, wanted = _CHECKS[key]
        if not (fits(value) or (value is None and key not in ("label", "expects_unit_range"))):
            return f"has the {key} {value!r}: it is {wanted}"
    return None


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _is_grid(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_word(key) and isinstance(values, list) and values for key, values in value.items())


_CHECKS = {
    "label": (_is_word, "a name for people"),
    "color": (lambda value: isinstance(value, str) and re.fullmatch("#[0-9A-Fa-f]{6}", value) is not None, 'a colour as "#1A2B3C"'),
    "reconstructor": (lambda value: isinstance(value, dict) and _is_word(value.get("_target_")), "null, or a node with a _target_"),
    "tune": (_is_grid, "a list of values for each parameter"),
    "after": (_is_word, "the name of another method"),
    "expects_unit_range": (lambda value: isinstance(value, bool), "true or false"),
    "needs": (_is_word, "the name of a Python package"),
}
