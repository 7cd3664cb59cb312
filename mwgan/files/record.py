"""The record of a network's training, stored with its weights."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mwgan.errors import InputError

Plain = dict[str, Any]
LARGEST = 1e15  # above any valid number in a record
HALF_CIRCLE_DEG = 180.0
FEWEST_PIXELS = 2


@dataclass(frozen=True)
class TrainedGeometry:
    """The grid a network was trained on: slices of ``detector_size`` pixels, and tilt steps of up to ``step_deg``."""

    detector_size: int
    step_deg: float


@dataclass(frozen=True, eq=False)
class TrainingRecord(Mapping[str, Any]):
    """The record of a training.

    In files it is a JSON object with these keys; keys of other versions or programs are kept in ``others``.
    The record can also be used as that object (``record["wedge_deg"]``).
    """

    generator: Plain
    """The ``_target_`` of the network and its arguments."""
    task: Plain
    """The same for its task."""
    geometry: TrainedGeometry
    wedge_deg: tuple[float, float]
    """The narrowest and the widest missing wedge it was trained on."""
    noise_percent: float | None = None
    train_data: str | None = None
    """The name of the data set. Older records add in brackets which sources phantoms replaced; now in ``stand_ins``."""
    stand_ins: tuple[str, ...] | None = None
    """Sources whose images were missing and replaced by phantoms; None in older records."""
    data: tuple[Plain, ...] | None = None
    """Metadata of each source: ``name``, ``images``, ``licence``, ``subject_hashes`` …"""
    seed: int | None = None
    commit: str | None = None
    command: str | None = None
    device: str | None = None
    versions: Plain | None = None
    """Versions of the packages used for training."""
    config: Plain | None = None
    """The configuration, its references unresolved."""
    init: Plain | None = None
    """Origin of its initial weights: ``command``, ``commit`` and ``init`` of that training, or such an entry for each part."""
    stages: Plain | None = None
    """For a training in several stages: ``command``, ``commit`` and ``device`` of each."""
    band_scale: float | None = None
    """Calibration factor of its uncertainty: :mod:`mwgan.trust.calibration`."""
    others: Plain = field(default_factory=dict)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], source: str | Path) -> TrainingRecord:
        """The record from a JSON object.

        Raises
        ------
        InputError
            If a field needed to use the network is missing, or one has a wrong type; the message names ``source`` and the field.
        """
        if not isinstance(plain, Mapping):
            raise _unfit(source, "is not an object")
        given: Plain = {}
        for name, (kind, is_one, read) in FIELDS.items():
            value = plain.get(name)
            if value is None and name not in REQUIRED:
                continue
            if not is_one(value):
                raise _unfit(source, f"has no {name}" if value is None else f"has a {name} that is not {kind}")
            given[name] = read(value)
        return cls(**given, others={name: value for name, value in plain.items() if name not in FIELDS})

    def to_plain(self) -> Plain:
        """The object of JSON that :meth:`from_plain` reads, without what isn't known."""
        known = {name: getattr(self, name) for name in FIELDS}
        known["geometry"] = {"detector_size": self.geometry.detector_size, "step_deg": self.geometry.step_deg}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in known.items() if value is not None}
        return {**plain, **self.others}

    def without_folders(self) -> TrainingRecord:
        """The record with every absolute path cut to its last name, so that it doesn't reveal the machine's folders."""
        return TrainingRecord.from_plain(_without_folders(self.to_plain()), "weights")

    def __getitem__(self, name: str) -> Any:
        return self.to_plain()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.to_plain())

    def __len__(self) -> int:
        return len(self.to_plain())


def well_formed(plain: Mapping[str, Any]) -> Plain:
    """What of a record is of its kind, for telling what is known of a training, not for using its network."""
    return {name: value for name, value in plain.items() if name not in FIELDS or FIELDS[name][1](value)}


def _unfit(source: str | Path, what: str) -> InputError:
    return InputError(f"{source} does not fit this version of mwgan, its record {what}: train or download it again")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    """Whether a value is a finite number: JSON has words for others, and whole ones that no floating-point number reaches."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < LARGEST


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_node(value: Any) -> bool:
    return _is_object(value) and _is_text(value.get("_target_"))


def _is_angle(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= HALF_CIRCLE_DEG


def _is_geometry(value: Any) -> bool:
    if not (_is_object(value) and _is_whole(value.get("detector_size")) and _is_angle(value.get("step_deg"))):
        return False
    return bool(value["detector_size"] >= FEWEST_PIXELS and value["step_deg"] > 0)


def _is_list_of(is_one: Callable[[Any], bool], length: int | None = None) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, (list, tuple)) and length in (None, len(value)) and all(map(is_one, value))


Field = tuple[str, Callable[[Any], bool], Callable[[Any], Any]]  # what it is, whether a value is one, and how it is read

NODE: Field = ("a _target_ and its arguments", _is_node, dict)
TEXT: Field = ("a text", _is_text, str)
NUMBER: Field = ("a number", _is_number, float)
OBJECT: Field = ("an object", _is_object, dict)
FIELDS: dict[str, Field] = {
    "generator": NODE,
    "task": NODE,
    "geometry": (
        "a detector_size in pixels and a step_deg",
        _is_geometry,
        lambda value: TrainedGeometry(value["detector_size"], float(value["step_deg"])),
    ),
    "wedge_deg": ("two angles", _is_list_of(_is_angle, 2), lambda value: tuple(map(float, value))),
    "noise_percent": NUMBER,
    "train_data": TEXT,
    "stand_ins": ("a list of names", _is_list_of(_is_text), tuple),
    "data": ("a list of objects", _is_list_of(_is_object), tuple),
    "seed": ("a whole number", _is_whole, int),
    "commit": TEXT,
    "command": TEXT,
    "device": TEXT,
    "versions": OBJECT,
    "config": OBJECT,
    "init": OBJECT,
    "stages": OBJECT,
    "band_scale": NUMBER,
}
REQUIRED = ("generator", "task", "geometry", "wedge_deg")
# The folders of absolute paths: C:\…\ and \\server\…\, whose names may have spaces; and /…/.
OF_WINDOWS = re.compile(r"(?<![\w{])(?:[A-Za-z]:|\\)[\\/](?:[^\\/:*?\"<>|=',}]+[\\/])+")
OF_POSIX = re.compile(r"(?<![\w.:/])/(?:[^\s/'\",}]+/)+")


def _without_folders(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_folders(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_folders(inner) for inner in value]
    return OF_POSIX.sub("", OF_WINDOWS.sub("", value)) if isinstance(value, str) else value
