"""The reconstructor behind a name: a method of the list, a shipped network, a checkpoint."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch

from mwgan.errors import InputError
from mwgan.files.hub import is_on_hub
from mwgan.methods import MethodEntry, known_methods
from mwgan.parts import build_chosen
from mwgan.recon import Auto, DataConsistent, LearnedReconstructor, Reconstructor, load_network
from mwgan.recon.normalized import Normalized
from mwgan.recon.settings import check_settings, is_network
from mwgan.recon.settle import unwrapped

DEFAULT_METHOD = "auto"  # takes any tilts, wedge and size of slice, and needs no setting


def make_method(
    name_or_path: str | Path = DEFAULT_METHOD,
    settings: Mapping[str, Any] | None = None,
    device: str = "cpu",
    consistency: float | None = None,
    allow: Collection[str] = (),
) -> Reconstructor:
    """A method for data in any units.

    Parameters
    ----------
    name_or_path
        A method of :func:`mwgan.methods.known_methods` (``mwgan methods`` lists them), a weights file, a checkpoint, a run folder, or
        ``hf://ORG/NAME``.
    settings
        Arguments of the method's constructor, in place of those in its file; ``mwgan methods NAME`` lists them.
    device
        Where a network is put, as torch names it.
    consistency
        If given, tomograms are corrected where they contradict the data: the weight of :class:`~mwgan.recon.DataConsistent`.
    allow
        Packages whose classes a weights file may name, see :mod:`mwgan.parts`.

    Raises
    ------
    InputError
        If there is no such method, file, setting or device, or a value can't be used.
    """
    check_device(device)
    entry = find_method(name_or_path)
    if entry is None:
        if settings:
            raise InputError(f"{name_or_path} is a trained network and has no settings: leave {', '.join(settings)} out")
        made: Reconstructor = load_network(name_or_path, device, allow)
    else:
        made = _of_list(entry, settings or {}, device, allow)
    if consistency is not None:
        return Normalized(DataConsistent(made, consistency))
    return Normalized(made) if entry is None or entry.expects_unit_range else made


def find_method(name_or_path: str | Path) -> MethodEntry | None:
    """The method of the list that a name means; None of a file, folder or ``hf://…``, which is a network's.

    Raises
    ------
    InputError
        If it is neither.
    """
    entry, is_there = known_methods().get(str(name_or_path)), os.path.exists(name_or_path) or is_on_hub(name_or_path)
    if entry is not None and (entry.reconstructor is not None or not is_there):
        return entry
    if not is_there:
        known = ", ".join(name for name, one in known_methods().items() if one.reconstructor is not None)
        raise InputError(f"there is no method or checkpoint {str(name_or_path)!r}: give {known}, a checkpoint or a run folder")
    return None


def _of_list(entry: MethodEntry, settings: Mapping[str, Any], device: str, allow: Collection[str]) -> Reconstructor:
    if entry.reconstructor is None:
        raise InputError(f"{entry.name} is not shipped with its weights: give its checkpoint or run folder in place of the name")
    check_settings(entry, settings)
    node = {**entry.reconstructor, **settings}
    if "${" in str(node):
        raise InputError(f"the method {entry.file} refers to other configuration by ${{…}}: mwgan-evaluate alone knows it, write values")
    if is_network(entry):
        return load_network(node["name_or_path"], device, (*(node.get("allow") or ()), *allow))
    try:
        made = build_chosen(node)
    except InputError:
        raise
    except (TypeError, ValueError) as error:  # of a class that isn't ours
        raise InputError(f"{entry.name} can't be built of {entry.file} ({error}): set or mend what it names") from error
    if not callable(made):
        raise InputError(f"{node['_target_']} of {entry.file} gives no reconstructor: nothing that takes a Measurement")
    return made  # type: ignore[no-any-return]


def network_in(reconstructor: Reconstructor) -> LearnedReconstructor | None:
    """The network that a method is, as :func:`make_method` wraps it; None of a classical one and of one that mixes several."""
    inside = unwrapped(reconstructor)
    return inside if isinstance(inside, LearnedReconstructor) else None


def networks_in(reconstructor: Reconstructor) -> list[LearnedReconstructor]:
    """The networks that have a part in what a method gives."""
    inside = unwrapped(reconstructor)
    if isinstance(inside, Auto):
        return inside.networks_taken()
    return [inside] if isinstance(inside, LearnedReconstructor) else []


def neighbours_in(reconstructor: Reconstructor) -> int:
    """How many slices on either side of one the method looks at."""
    return max((network.neighbours for network in networks_in(reconstructor)), default=0)


def find_device(device: str) -> str:
    """``auto`` is the first GPU that torch can compute on, or else the CPU; any other device is itself, if it is there.

    Raises
    ------
    InputError
        If it isn't.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    check_device(device)
    return device


def check_device(device: str) -> None:
    """Raise an :class:`InputError` unless torch can compute there."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"there is no device {device!r} here: use auto or cpu") from error
