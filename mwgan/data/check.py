"""What each source of a data set gives, before a training finds out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mwgan.data.canvas import Array
from mwgan.data.datamodules import SourceDataset
from mwgan.data.source import ImageSource, PlainSource, as_source
from mwgan.data.subjects import some
from mwgan.errors import InputError

PARTS = ("train", "validation", "test")
SHOWN = 10  # images of a source that are drawn


@dataclass(frozen=True)
class CheckedSource:
    """A source of one part of a data set."""

    part: str
    name: str
    """What the configuration calls it."""
    source: str
    """What tables call it."""
    images: int
    distinct: int | None
    """How many of its images differ by more than their pose; None where it doesn't say."""
    subjects: int | None
    who: str
    """The first few of its subjects."""
    skipped: tuple[tuple[str, str], ...]
    """The files that were left out, and why."""
    licence: str | None
    strange: str
    """What does not seem to belong there; empty if nothing."""
    pictures: Array
    """Images (K, size, size) from all over the source, as the first epoch of a training would draw them."""


def check_sources(data: Mapping[str, Any], build: Callable[[Any], PlainSource]) -> tuple[list[CheckedSource], list[str]]:
    """Draw from every source of a data set.

    Parameters
    ----------
    data
        Its configuration: the node of each part, with or without ``sources``.
    build
        Makes the source that a node describes.

    Returns
    -------
    sources, problems
        Those that can be used, and in sentences why others can't.
    """
    checked: list[CheckedSource] = []
    problems: list[str] = []
    for part, name, node in _nodes(data):
        try:
            checked.append(_checked(part, name, as_source(build(node))))
        except InputError as error:
            if str(error) not in problems:  # the same folder is missing for every part
                problems.append(str(error))
    return checked, problems


def check_apart(file: Path, data: Mapping[str, Any]) -> None:
    """Raise an :class:`InputError` if ``file`` would become an image of one of the sources, or be written over one."""
    for _, _, node in _nodes(data):
        folder = node.get("folder")
        if folder and file.resolve().is_relative_to(Path(folder).resolve()):
            raise InputError(f"{file} would lie among the images of {folder}: give the contact sheet another folder")


def _nodes(data: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Part, name and node of every single source."""
    for part in PARTS:
        node = data[part]
        for name, single in node.get("sources", {part: node}).items():
            yield part, name, single


def _checked(part: str, name: str, source: ImageSource) -> CheckedSource:
    told = source.describe()[0]
    return CheckedSource(
        part,
        name,
        told.get("name", source.name),
        told.get("images", len(source)),
        told.get("distinct"),
        told.get("subjects"),
        some(source.subjects),
        tuple((file, reason) for file, reason in told.get("skipped", ())),
        told.get("licence"),
        _strange(source),
        _first(source),
    )


def _strange(source: ImageSource) -> str:
    """How many files of a CT source are of another modality: topograms and other scans lie in many CT collections."""
    found = source.modalities() if source.name == "ct" else {}
    others = {modality: count for modality, count in found.items() if modality != "CT"}
    return f"{sum(others.values())} DICOM files are no CT but {', '.join(sorted(others))}" if others else ""


def _first(source: ImageSource) -> Array:
    samples = SourceDataset(source, seed=0)
    indices = sorted({int(index) for index in np.linspace(0, len(source) - 1, SHOWN)})
    return np.stack([samples.sample(0, index).image[0].numpy() for index in indices])
