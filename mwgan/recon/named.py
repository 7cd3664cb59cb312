"""Reconstructors by name: a method of the list, a shipped network, a checkpoint."""

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
from mwgan.recon.inner_method import inner_method
from mwgan.recon.normalized import Normalized
from mwgan.recon.settings import check_settings, is_network

DEFAULT_METHOD = "auto"  # takes any tilts, wedge and slice size, and needs no setting


def make_method(
    name_or_path: str | Path = DEFAULT_METHOD,
    settings: Mapping[str, Any] | None = None,
    device: str = "cpu",
    consistency: float | None = None,
    allow: Collection[str] = (),
) -> Reconstructor:
    """Make a method for data in any units.

    Parameters
    ----------
    name_or_path
        A method of :func:`mwgan.methods.known_methods` (``mwgan methods`` lists them), a weights file, a checkpoint, a run folder, or
        ``hf://ORG/NAME``.
    settings
        Arguments of the method's constructor, instead of those in its file; ``mwgan methods NAME`` lists them.
    device
        For networks, as torch names it.
    consistency
        Weight of :class:`~mwgan.recon.DataConsistent`, which corrects tomograms where they contradict the data; None: no correction.
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
            raise InputError(f"{name_or_path} is a trained network and has no settings: leave out {', '.join(settings)}")
        method: Reconstructor = load_network(name_or_path, device, allow)
    else:
        method = _make_listed(entry, settings or {}, device, allow)
    if consistency is not None:
        return Normalized(DataConsistent(method, consistency))
    return Normalized(method) if entry is None or entry.expects_unit_range else method


def find_method(name_or_path: str | Path) -> MethodEntry | None:
    """The method of this name in the list; None for a network's file, folder or ``hf://…``.

    Raises
    ------
    InputError
        If there is neither.
    """
    entry, is_there = known_methods().get(str(name_or_path)), os.path.exists(name_or_path) or is_on_hub(name_or_path)
    if entry is not None and (entry.reconstructor is not None or not is_there):
        return entry
    if not is_there:
        known = ", ".join(name for name, one in known_methods().items() if one.reconstructor is not None)
        raise InputError(f"there is no method or checkpoint {str(name_or_path)!r}: give {known}, a checkpoint or a run folder")
    return None


def _make_listed(entry: MethodEntry, settings: Mapping[str, Any], device: str, allow: Collection[str]) -> Reconstructor:
    if entry.reconstructor is None:
        raise InputError(f"the weights of {entry.name} are not shipped: give a checkpoint or run folder instead of the name")
    check_settings(entry, settings)
    node = {**entry.reconstructor, **settings}
    if "${" in str(node):
        raise InputError(
            f"the method {entry.file} refers to other configuration by ${{…}}, which only mwgan-evaluate resolves: write values"
        )
    if is_network(entry):
        return load_network(node["name_or_path"], device, (*(node.get("allow") or ()), *allow))
    try:
        method = build_chosen(node)
    except InputError:
        raise
    except (TypeError, ValueError) as error:  # raised by a class of another package
        raise InputError(f"{entry.name} can't be built from {entry.file} ({error}): correct the settings there") from error
    if not callable(method):
        raise InputError(f"{node['_target_']} in {entry.file} is no reconstructor: it can't be called with a Measurement")
    return method  # type: ignore[no-any-return]


def network_in(reconstructor: Reconstructor) -> LearnedReconstructor | None:
    """The network inside a method of :func:`make_method`; None for classical methods and mixtures."""
    inside = inner_method(reconstructor)
    return inside if isinstance(inside, LearnedReconstructor) else None


def networks_in(reconstructor: Reconstructor) -> list[LearnedReconstructor]:
    """The networks that contribute to a method's tomograms."""
    inside = inner_method(reconstructor)
    if isinstance(inside, Auto):
        return inside.networks_used()
    return [inside] if isinstance(inside, LearnedReconstructor) else []


def neighbours_in(reconstructor: Reconstructor) -> int:
    """How many slices on either side the method uses."""
    return max((network.neighbours for network in networks_in(reconstructor)), default=0)


def find_device(device: str) -> str:
    """The device of a name: for ``auto`` the first GPU that torch can use, else the CPU; any other device itself.

    Raises
    ------
    InputError
        If there is no such device.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    check_device(device)
    return device


def check_device(device: str) -> None:
    """Raise an :class:`InputError` unless torch can use the device."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"there is no device {device!r} here: use auto or cpu") from error
