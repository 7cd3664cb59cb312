"""Checks each source of a data set before training."""

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
SHOWN = 10  # sampled images per source


@dataclass(frozen=True)
class CheckedSource:
    """A source of one part of a data set."""

    part: str
    name: str
    """Its name in the configuration."""
    source: str
    """Its name in tables."""
    images: int
    distinct: int | None
    """Number of images that differ by more than their pose; None if unknown."""
    subjects: int | None
    who: str
    """The first few of its subjects."""
    skipped: tuple[tuple[str, str], ...]
    """The skipped files, with the reasons."""
    licence: str | None
    strange: str
    """Files that don't seem to belong there; empty if none."""
    pictures: Array
    """Images (K, size, size) from all over the source, as in the first epoch of a training."""


def check_sources(data: Mapping[str, Any], build: Callable[[Any], PlainSource]) -> tuple[list[CheckedSource], list[str]]:
    """Sample images from every source of a data set.

    Parameters
    ----------
    data
        Its configuration: the node of each part, with or without ``sources``.
    build
        Builds the source of a node.

    Returns
    -------
    sources, problems
        The usable ones, and sentences on the others.
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
    """Raise an :class:`InputError` if ``file`` would become an image of one of the sources, or overwrite one."""
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
    entry = source.describe()[0]
    return CheckedSource(
        part,
        name,
        entry.get("name", source.name),
        entry.get("images", len(source)),
        entry.get("distinct"),
        entry.get("subjects"),
        some(source.subjects),
        tuple((file, reason) for file, reason in entry.get("skipped", ())),
        entry.get("licence"),
        _strange(source),
        _first(source),
    )


def _strange(source: ImageSource) -> str:
    """A note on files of another modality in a CT source: many CT collections contain topograms and other scans."""
    found = source.modalities() if source.name == "ct" else {}
    others = {modality: count for modality, count in found.items() if modality != "CT"}
    return f"{sum(others.values())} DICOM files are no CT but {', '.join(sorted(others))}" if others else ""


def _first(source: ImageSource) -> Array:
    samples = SourceDataset(source, seed=0)
    indices = sorted({int(index) for index in np.linspace(0, len(source) - 1, SHOWN)})
    return np.stack([samples.sample(0, index).image[0].numpy() for index in indices])
