"""DM3, DM4, SER, HSPY and BCF through RosettaSciIO, which is under the GPL: an extra, imported only for such files."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from mwgan.errors import InputError, MissingExtraError
from mwgan.io.arrays import in_degrees
from mwgan.io.damage import one_sentence
from mwgan.io.stack import Stack
from mwgan.io.units import angstrom, degrees_per

MODULES = {
    ".dm3": "digitalmicrograph",
    ".dm4": "digitalmicrograph",
    ".ser": "tia",
    ".emi": "tia",
    ".hspy": "hspy",
    ".bcf": "bruker",
}


def read_rosetta(path: Path, dataset: str | None = None) -> Stack:
    """The file's only signal with three axes, or the one with the given title or number; tilts from its axes or its tags."""
    suffix = path.suffix.lower()
    try:
        plugin, exceptions = (importlib.import_module(f"rsciio.{name}") for name in (MODULES[suffix], "exceptions"))
    except ImportError as error:
        raise MissingExtraError(f"reading {suffix} files", "rosettasciio", "pip install 'mwgan[formats]'") from error
    own = [kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    with one_sentence(path, suffix[1:].upper(), "copy or export it again", *own), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about its own parsing
        signals = plugin.file_reader(str(path), lazy=True)
    return _stack(_chosen(signals, path, dataset))


def _chosen(signals: list[dict[str, Any]], path: Path, dataset: str | None) -> dict[str, Any]:
    titles = [str(signal["metadata"].get("General", {}).get("title", "")) for signal in signals]
    if dataset is not None:
        fitting = [signal for number, signal in enumerate(signals) if dataset in (titles[number], str(number))]
    else:
        stacks = [signal for signal in signals if signal["data"].ndim == 3]
        fitting = stacks or [signal for signal in signals if signal["data"].ndim == 2]
    if len(fitting) == 1:
        return fitting[0]
    there = ", ".join(
        f"{number}: {title or 'untitled'} ({' x '.join(map(str, signal['data'].shape))})"
        for number, (title, signal) in enumerate(zip(titles, signals, strict=True))
    )
    raise InputError(f"{path} holds {len(fitting)} signals that fit ({there}): name one by its number, as {path.name}::0 or by --dataset")


def _stack(signal: dict[str, Any]) -> Stack:
    data, axes = signal["data"], {axis.get("index_in_array", place): axis for place, axis in enumerate(signal["axes"])}
    if data.ndim == 2:
        data, axes = data[None], {1: axes[0], 2: axes[1]}
    angular = next((place for place, axis in axes.items() if _is_angle(axis)), None)
    moving = next((place for place, axis in axes.items() if axis.get("navigate")), 0)
    first = moving if angular is None else angular
    rest = [place for place in range(3) if place != first]
    if [str(axes[place].get("name", "")) for place in rest] == ["x", "y"]:
        rest.reverse()
    tilts, notes = _tags(signal, data.shape[first]), []
    if tilts is None and angular is not None:
        tilts, note = in_degrees(_places(axes[angular]), axes[angular].get("units"))
        notes += [note] if note else []
    sizes = [angstrom(float(axes[place].get("scale") or 0), axes[place].get("units")) for place in rest]
    size = (sizes[0], sizes[1]) if sizes[0] and sizes[1] else None
    return Stack(_touched(data.transpose(first, *rest)), tilts, size, notes)


def _is_angle(axis: dict[str, Any]) -> bool:
    name = str(axis.get("name", "")).lower()
    return degrees_per(axis.get("units")) is not None or "tilt" in name or "angle" in name


def _places(axis: dict[str, Any]) -> Any:
    if "axis" in axis:
        return axis["axis"]
    return float(axis["offset"]) + float(axis["scale"]) * np.arange(axis["size"])


def _tags(signal: dict[str, Any], images: int) -> tuple[float, ...] | None:
    """Tilts from the tags of ETSpy (every tilt) or of DigitalMicrograph's tomography (lowest and step), if they fit."""
    tomography = signal["metadata"].get("Tomography", {})
    values = tomography.get("_sig_tilts", tomography.get("tilts"))
    values = values.get("data") if isinstance(values, dict) else values
    if values is None:
        setup: Any = signal.get("original_metadata", {})
        for name in ("ImageList", "TagGroup0", "ImageTags", "Tomography", "Tomography_setup", "Tilt_angles"):
            setup = setup.get(name, {}) if isinstance(setup, dict) else {}
        lowest, step = setup.get("Minimum_tilt_angle_deg"), setup.get("Tilt_angle_step_deg")
        values = None if lowest is None or step is None else float(lowest) + float(step) * np.arange(images)
    tilts = () if values is None else tuple(float(tilt) for tilt in np.asarray(values, dtype=float).ravel())
    return tilts if len(tilts) == images and (any(tilts) or images == 1) else None


def _touched(data: Any) -> Any:
    """The images, after a check that the first and the last can be read."""
    for index in {0, data.shape[0] - 1}:
        np.asarray(data[index])
    return data
