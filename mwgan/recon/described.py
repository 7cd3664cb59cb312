"""What there is to say of a method before it is chosen: ``mwgan methods``."""

from __future__ import annotations

from typing import Any

from mwgan.errors import InputError
from mwgan.methods import MethodEntry
from mwgan.paths import shipped_weights
from mwgan.recon.settings import is_network, settings_of


def what_it_needs(entry: MethodEntry) -> str:
    """What is tuned of a method and what it is unless set; or which weights it takes; and what it lacks."""
    if entry.reconstructor is None:
        return "a run folder or checkpoint in place of the name: its weights aren't shipped"
    parts = []
    try:
        if is_network(entry):
            weights = str(entry.reconstructor.get("name_or_path"))
            parts.append("shipped weights" if weights in shipped_weights() else f"weights {weights}")
        else:
            settings = settings_of(entry)
            parts += [f"{name}={as_text(settings[name].default)}" for name in entry.tune if name in settings]
    except InputError as error:
        parts.append(str(error))
    parts += [f"after {entry.after}"] if entry.after else []
    parts += [f"needs {entry.needs}{', not installed' if entry.lacks else ''}"] if entry.needs else []
    return ", ".join(parts)


def as_text(value: Any) -> str:
    """A setting's value as ``--set`` takes it; what YAML has no word for by its name."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(as_text, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {as_text(one)}' for key, one in value.items())}}}"
    return getattr(value, "__name__", None) or str(value)
