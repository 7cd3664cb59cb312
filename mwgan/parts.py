"""Which classes a file may name, and what installed packages add to mwgan.

A weights file or a run folder comes from anywhere, and names the classes that it is to be rebuilt of. It gets those of mwgan and no
others, unless the user opens the door: by naming a package (``allow=("mynet",)``), or by installing one that says in its own
metadata that it is a part of mwgan::

    [project.entry-points."mwgan.parts"]
    mynet = "mynet"

A folder ``conf`` inside such a package is laid over mwgan's own configuration: its ``conf/method/mine.yaml`` is a method
like any other.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Mapping
from functools import partial
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mwgan.errors import InputError

GROUP = "mwgan.parts"
OURS = ("mwgan.networks", "mwgan.recon")


def installed_parts() -> tuple[str, ...]:
    """The packages that say of themselves, by an entry point of the group ``mwgan.parts``, that they are parts of mwgan."""
    return tuple(dict.fromkeys(entry.value.partition(":")[0].strip() for entry in entry_points(group=GROUP)))


def configuration_folders() -> list[Path]:
    """The ``conf`` folders of :func:`installed_parts`; none of a package that has none or is no longer there."""
    folders = []
    for name in installed_parts():
        try:
            spec = find_spec(name)  # of a module in a package, imports the package
        except ImportError:
            continue
        places = [Path(place) / "conf" for place in (spec.submodule_search_locations or ())] if spec else []
        folders += [place for place in places if place.is_dir()]
    return folders


def build_part(node: dict[str, Any], allow: Collection[str] = ()) -> Any:
    """The object that a record's ``_target_`` and its arguments name: a class of mwgan, or of a package that is allowed.

    Parameters
    ----------
    node
        Plain values; a value with a ``_target_`` of its own is built first.
    allow
        Packages or modules whose classes may be built besides ours and those of installed parts.

    Raises
    ------
    InputError
        If the class is of neither, or its package isn't there.
    """
    allowed = (*OURS, *installed_parts(), *allow)

    def found(target: str) -> Any:
        module = target.rpartition(".")[0]
        if not _within(module, allowed):
            raise _refusal(target, module)
        made = _located(target) if _within(module, OURS) else imported(target)  # ours that isn't there is another version's
        # What an allowed module imports is not allowed by that: a file must not reach save_file, Path or another package's instantiate.
        if not (isinstance(made, type) and _within(made.__module__, allowed)):
            raise _refusal(target, made.__module__ if isinstance(made, type) else module)
        return made

    return _built(node, found)


def build_chosen(node: Mapping[str, Any]) -> Any:
    """The object that a node of a file which the user chose describes: any class or function that can be imported, as in Hydra.

    Nodes may lie in lists and under other keys; with ``_partial_: true`` a node is the class with those arguments, to be called.

    Raises
    ------
    InputError
        If something that is named can't be imported.
    """
    return _built(node, imported)


def imported(target: str) -> Any:
    """The class or function of a dotted name.

    Raises
    ------
    InputError
        If it can't be imported.
    """
    try:
        return _located(target)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"{target} can't be imported ({error}): install its package, or start where Python finds it (PYTHONPATH)"
        ) from error


def _located(target: str) -> Any:
    module, _, name = target.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _built(node: Mapping[str, Any], found: Callable[[str], Any]) -> Any:
    """The object of a node, made of what ``found`` gives for each ``_target_``."""

    def value_of(value: Any) -> Any:
        if isinstance(value, list):
            return [value_of(one) for one in value]
        if isinstance(value, Mapping):
            return _built(value, found) if "_target_" in value else {key: value_of(one) for key, one in value.items()}
        return value

    made, is_partial = found(str(node["_target_"])), node.get("_partial_", False)
    arguments = {key: value_of(value) for key, value in node.items() if key not in ("_target_", "_partial_")}
    return partial(made, **arguments) if is_partial else made(**arguments)


def _within(module: str, packages: Collection[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages if package)


def _refusal(target: str, module: str) -> InputError:
    package = module.partition(".")[0]
    return InputError(
        f"{target} is not a class of mwgan's networks and tasks: if you trust it, allow its package "
        f"(allow=({package!r},) in Python, --allow {package} or allow=[{package}] on the command line), "
        f"or install it as a package with an entry point of the group {GROUP}"
    )
