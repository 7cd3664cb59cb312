"""Which classes a file may use, and extensions by installed packages.

A weights file or a run folder can come from anywhere, and names the classes that it is rebuilt from. Only those of mwgan are allowed,
unless the user allows more: by naming a package (``allow=("mynet",)``), or by installing one that declares in its
metadata that it is a part of mwgan::

    [project.entry-points."mwgan.parts"]
    mynet = "mynet"

A folder ``conf`` inside such a package extends mwgan's own configuration: its ``conf/method/mine.yaml`` is a method
like any other.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mwgan.errors import InputError

GROUP = "mwgan.parts"
OURS = ("mwgan.networks", "mwgan.recon")
# What the configuration of a run folder may name besides what the user allows: nothing here opens files or runs foreign code.
RECORDED = (
    *("mwgan.acquisition", "mwgan.callbacks", "mwgan.data", "mwgan.evaluation", "mwgan.losses", "mwgan.networks", "mwgan.recon"),
    *("mwgan.training", "torch.optim", "pytorch_lightning.accelerators", "pytorch_lightning.callbacks", "pytorch_lightning.loggers"),
    *("pytorch_lightning.plugins", "pytorch_lightning.profilers", "pytorch_lightning.strategies", "pytorch_lightning.trainer"),
)
SHOWN = 80  # characters of an invalid name


def build_part(node: dict[str, Any], allow: Collection[str] | str | None = ()) -> Any:
    """Build the object of a record's ``_target_`` and its arguments: of a class of mwgan, or of an allowed package.

    Parameters
    ----------
    node
        Plain values, as for Hydra's ``instantiate``: nested nodes with a ``_target_``, also in lists and
        dictionaries, are built first; ``_args_``, ``_partial_`` and ``_recursive_`` have the same meaning.
    allow
        Packages or modules whose classes may be built besides ours and those of installed parts; a string is one of them.

    Raises
    ------
    InputError
        If a class is of neither, isn't a class, or its package is missing.
    KeyError, AttributeError, TypeError, …
        If there is no such class, or it doesn't take these arguments: whatever importing and building it raises.
    """
    allowed = (*OURS, *installed_parts(), *allowed_packages(allow))
    return _build(node, lambda target: _class(target, allowed))


def check_recorded(value: Any, allow: Collection[str] | str | None = ()) -> None:
    """Raise an :class:`InputError` if a recorded configuration names something that isn't in :data:`RECORDED`.

    Parameters
    ----------
    value
        The configuration as plain values, composed and resolved.
    allow
        Packages or modules that the user, and not the folder, allows; installed parts are allowed already.
    """
    packages = (*installed_parts(), *allowed_packages(allow))
    for node in _nodes(value):
        if "_target_" in node:
            _check_target(node["_target_"], packages)
        if opened := [name for name in allowed_packages(node.get("allow")) if not _within(str(name), packages)]:
            raise InputError(
                f"the folder's record allows {', '.join(map(str, opened))}, which you don't: if you trust it, {_allow(opened[0])}"
            )


def _check_target(target: Any, packages: Collection[str]) -> None:
    allowed = (*RECORDED, *packages)
    package = str(target).partition(".")[0]
    refusal = InputError(
        f"the folder's record names {target if _is_name(target) else repr(target)[:SHOWN]}, which is neither mwgan's nor of torch.optim or "
        f"Lightning's callbacks, loggers and strategies: if you trust the folder, {_allow(package)}"
    )
    home = tuple(root for root in ("mwgan", "torch.optim", "pytorch_lightning") if _is_name(target) and _within(target, (root,)))
    if not _is_name(target) or not (home or _within(target, packages)):
        raise refusal
    try:
        found = imported(target)
    except InputError:
        if home:
            raise refusal from None
        return  # building it will report this
    # Imported names don't belong to a module: os.system is reachable through any module that imports os.
    if not (callable(found) and _within(str(getattr(found, "__module__", "")), allowed)):
        raise refusal
    if not isinstance(found, type) and _within(found.__module__, ("pytorch_lightning", "torch")):
        raise refusal


def _nodes(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
    for inner in value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ():
        yield from _nodes(inner)


def _allow(package: str) -> str:
    return f"add to the command line: allow=[{package}]"


def build_chosen(node: Mapping[str, Any]) -> Any:
    """Build the object of a node in a file chosen by the user: any class or function that can be imported, as in Hydra.

    Nodes are as in :func:`build_part`.

    Raises
    ------
    InputError
        If something that is named can't be imported.
    """
    return _build(node, imported)


def imported(target: str) -> Any:
    """The class or function of a dotted name.

    Raises
    ------
    InputError
        If it can't be imported.
    """
    try:
        return _found(target.rpartition(".")[0], target)
    except (ImportError, AttributeError, ValueError) as error:
        raise _not_imported(target, error) from error


def allowed_packages(allow: Collection[str] | str | None) -> tuple[str, ...]:
    """The packages that a user's ``allow`` names: none, one as a string, or several."""
    return (allow,) if isinstance(allow, str) else tuple(allow or ())


def installed_parts() -> tuple[str, ...]:
    """The installed packages that declare an entry point of the group ``mwgan.parts``."""
    return tuple(dict.fromkeys(entry.value.partition(":")[0].strip() for entry in entry_points(group=GROUP)))


def configuration_folders() -> list[Path]:
    """The ``conf`` folders of :func:`installed_parts`, as far as they exist."""
    folders = []
    for name in installed_parts():
        try:
            spec = find_spec(name)  # of a module in a package, imports the package
        except ImportError:
            continue
        places = [Path(place) / "conf" for place in (spec.submodule_search_locations or ())] if spec else []
        folders += [place for place in places if place.is_dir()]
    return folders


def targets(value: Any) -> list[Any]:
    """Every ``_target_`` in plain values, outermost first."""
    if isinstance(value, list):
        return [target for inner in value for target in targets(inner)]
    if not isinstance(value, dict):
        return []
    own = [value["_target_"]] if "_target_" in value else []
    return own + [target for inner in value.values() for target in targets(inner)]


def of_others(value: Any) -> list[str]:
    """Those of :func:`targets` that are not mwgan's own."""
    return [str(target) for target in targets(value) if not _within(str(target).rpartition(".")[0], OURS)]


def _build(node: Mapping[str, Any], find: Callable[[Any], Any]) -> Any:
    """Build the object of a node, with ``find`` to look up each ``_target_``."""
    given = dict(node)
    made = find(given.pop("_target_"))
    given.pop("_convert_", None)  # these are plain values already
    if given.pop("_recursive_", True):
        given = {key: _built(value, find) for key, value in given.items()}
    positional, later = given.pop("_args_", ()), given.pop("_partial_", False)
    return partial(made, *positional, **given) if later else made(*positional, **given)


def _built(value: Any, find: Callable[[Any], Any]) -> Any:
    """A value with all nested nodes built."""
    if isinstance(value, Mapping):
        return _build(value, find) if "_target_" in value else {key: _built(inner, find) for key, inner in value.items()}
    return [_built(inner, find) for inner in value] if isinstance(value, list) else value


def _class(target: Any, allowed: Collection[str]) -> type:
    """The class of a target, if it is defined in an allowed package."""
    module, _, _ = str(target).rpartition(".")
    if not (_is_name(target) and _within(module, allowed)):
        raise _refusal(target, target)
    try:
        made = _found(module, target)
    except ImportError as error:
        if _within(module, OURS):
            raise
        raise _not_imported(target, error) from error
    if not isinstance(made, type):
        if _within(module, OURS):
            raise _refusal(target, target)
        raise InputError(f"{target} is not a class, and a file may name only classes: make it one, and train or export the weights again")
    # Names imported by an allowed module aren't allowed: a file must not reach save_file, Path or another package's instantiate.
    if not _within(made.__module__, allowed):
        raise _refusal(target, f"{made.__module__}.{made.__qualname__}")
    return made


def _found(module: str, target: str) -> Any:
    """Look up a dotted name: an object in a module, or a nested class."""
    try:
        return getattr(importlib.import_module(module), target.rpartition(".")[2])
    except ModuleNotFoundError as error:
        outer, _, _ = module.rpartition(".")
        if error.name != module or not outer:
            raise
        inside = _found(outer, module)
        if not isinstance(inside, type):
            raise
        return getattr(inside, target.rpartition(".")[2])


def _within(module: str, packages: Collection[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages if package)


def _is_name(target: Any) -> bool:
    """Whether something has the form ``package.Class``."""
    return isinstance(target, str) and target.count(".") > 0 and all(part.isidentifier() for part in target.split("."))


def _refusal(target: Any, meant: Any) -> InputError:
    """The error for a ``target``, which resolves to the class ``meant``, that is not allowed, with the remedy."""
    what = f"{target if _is_name(target) else repr(target)[:SHOWN]} is not a class of mwgan's networks and tasks"
    package = str(meant).partition(".")[0]
    if not _is_name(target) or str(target).partition(".")[0] == "mwgan":
        return InputError(
            f"{what}, nor of a package that could be allowed (allow=…) or installed as a part (an entry point of the group {GROUP}): "
            "train or download it again"
        )
    what = what if meant == target else f"{what} but {meant}"
    return InputError(
        f"{what}: if you trust it, allow its package (allow=({package!r},) in Python, --allow {package} or allow=[{package}] "
        f"on the command line), or install it as a package with an entry point of the group {GROUP}"
    )


def _not_imported(target: str, error: Exception) -> InputError:
    return InputError(f"{target} can't be imported ({error}): install its package, or start where Python finds it (PYTHONPATH)")
