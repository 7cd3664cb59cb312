"""The identity of a volume as text: repeating the same command resumes an interrupted reconstruction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mwgan.files.weights import files_behind
from mwgan.methods import known_methods
from mwgan.provenance import commit, version
from mwgan.series.measured import Series


def identity_of(series: Series, files: Iterable[Path], options: Mapping[str, Any]) -> str:
    """The series' geometry, the input files (path, size and time of change), all options, and this program's version.

    Parameters
    ----------
    series
        The series to reconstruct.
    files
        All input files: images, tilts, weights, settings; paths that aren't files, such as a range of tilts, don't count.
    options
        Everything else that affects the result.
    """
    stamps = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.exists()]
    facts = {
        "geometry": repr(series.geometry),
        "slices": series.slices,
        "files": sorted(set(stamps)),
        "options": {name: options[name] for name in sorted(options)},
        "program": [commit(), version("torch")],
    }
    return json.dumps(facts, default=str)


def files_of_method(name_or_path: str | Path, settings: Mapping[str, Any] | None = None) -> list[Path]:
    """The files that a method with these settings reads: its weights, and its file in the list of methods."""
    entry = known_methods().get(str(name_or_path))
    return [*([] if entry is None or entry.reconstructor is None else [entry.file]), *weights_of_method(name_or_path, settings)]


def weights_of_method(name_or_path: str | Path, settings: Mapping[str, Any] | None = None) -> list[Path]:
    """The weights files of a method; none for a classical one."""
    entry = known_methods().get(str(name_or_path))
    if entry is None or entry.reconstructor is None:
        return files_behind(name_or_path)
    node = {**entry.reconstructor, **(settings or {})}
    named = node.get("networks") or [node.get("name_or_path") or name_or_path]
    return [file for one in named for file in files_behind(str(one))]
