"""Descriptions of methods and their settings, for ``mwgan methods``."""

from __future__ import annotations

from typing import Any

from mwgan.errors import InputError
from mwgan.methods import MethodEntry
from mwgan.paths import shipped_weights
from mwgan.recon.settings import is_network, settings_of


def describe_needs(entry: MethodEntry) -> str:
    """A method's tuned settings with their defaults, or its weights; and a package it needs that is not installed."""
    if entry.reconstructor is None:
        return "its weights aren't shipped: give a run folder or checkpoint instead of the name"
    parts = []
    try:
        if is_network(entry):
            weights = str(entry.reconstructor.get("name_or_path"))
            parts.append("shipped weights" if weights in shipped_weights() else f"weights {weights}")
        else:
            settings = settings_of(entry)
            parts += [f"{name}={format_value(settings[name].default)}" for name in entry.tune if name in settings]
    except InputError as error:
        parts.append(str(error))
    parts += [f"after {entry.after}"] if entry.after else []
    parts += [f"needs {entry.needs}{', not installed' if entry.lacks else ''}"] if entry.needs else []
    return ", ".join(parts)


def format_value(value: Any) -> str:
    """A setting's value as ``--set`` takes it; a function or class by its name."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(format_value, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {format_value(one)}' for key, one in value.items())}}}"
    return getattr(value, "__name__", None) or str(value)
