"""The sources of a series' tilts, and their mapping to between -90 and 90 degrees."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np

from mwgan.errors import InputError
from mwgan.io.compressed import COMPRESSED
from mwgan.io.mdoc import read_mdoc
from mwgan.io.tilt_lists import check_range, read_text, read_tilts

Tilts: TypeAlias = str | Path | Sequence[float]
"""A file, a range such as ``-60:60:2``, or numbers in degrees."""
NUMBER = r"\s*([+-]?\d+(?:\.\d*)?|[+-]?\.\d+)\s*"
RANGE = re.compile(f"^{NUMBER}:{NUMBER}:{NUMBER}$")
LONGEST_RANGE = 100_000
BESIDE = (".tlt", ".mdoc", ".rawtlt")
RANKED = (".tlt", "own", ".mdoc", ".rawtlt")
ROUNDING_DEG = 0.02  # SerialEM's headers have hundredths of a degree
CONTRADICTION_DEG = 5.0  # an alignment refines a tilt by less; another order differs by more


class SourcedTilts(NamedTuple):
    """The tilts of a series, one per image in the file's order."""

    tilt_deg: tuple[float, ...]
    source: str
    """Their source, as the object of a sentence."""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def parse_tilts(tilts: Tilts, images: int | None = None) -> SourcedTilts:
    """The tilts given by the user as a file, a range or numbers."""
    if not isinstance(tilts, str | Path):
        numbers = tuple(float(tilt) for tilt in tilts)
        if not numbers:
            raise InputError("the list of tilts is empty: give a tilt in degrees for each image")
        if not np.isfinite(numbers).all():
            raise InputError("the list of tilts holds numbers that are not finite: give a tilt in degrees for each image")
        check_range(numbers, "the list of tilts")
        return SourcedTilts(numbers, "the list given")
    matched = RANGE.match(str(tilts))
    if matched is None or os.path.exists(tilts):
        return SourcedTilts(tuple(read_tilts(tilts, images)), str(tilts))
    first, last, step = (float(number) for number in matched.groups())
    if not (step and math.isfinite(step) and abs(last - first) / abs(step) <= LONGEST_RANGE):
        raise InputError(f"the range of tilts {tilts} has a step of {step:g}: give FIRST:LAST:STEP in degrees, such as -60:60:2")
    count = int(abs(last - first) / abs(step) + 1e-6) + 1
    numbers = tuple(round(first + np.sign(last - first) * abs(step) * place, 9) for place in range(count))
    check_range(numbers, f"the range {tilts}")
    return SourcedTilts(tuple(float(number) for number in numbers), f"the range {tilts}")


class Companions(NamedTuple):
    """Tilts from the file of a series and its companion files."""

    sourced: SourcedTilts | None
    pixel_size_angstrom: float | None
    """From an ``.mdoc``."""
    passed: tuple[str, ...]
    """Sentences on companion files that are not used."""


def companion_tilts(path: Path, own: Sequence[float] | None, images: int) -> Companions:
    """Tilts of a series for which none were given.

    Companion files have the series' name (``series.tlt``, ``series.mrc.mdoc``). An alignment's ``.tlt`` takes precedence, then the
    file's own tilts, with the precision of an ``.mdoc`` if there is one, then a ``.rawtlt``.
    """
    found: dict[str, SourcedTilts] = {}
    passed: list[str] = []
    size = None
    for kind in BESIDE:
        file = _companion(path, kind)
        try:
            if file is not None and kind == ".mdoc":
                tilts, size = read_mdoc(read_text(file), file)
                check_range(tilts, file)
                found[kind] = SourcedTilts(tilts, file.name)
            elif file is not None:
                found[kind] = SourcedTilts(tuple(read_tilts(file, images)), file.name)
        except InputError as error:  # the user didn't give that file
            passed.append(f"not used: {error}")
    if own is not None:
        mdoc = found.get(".mdoc")
        agree = mdoc is not None and len(mdoc.tilt_deg) == len(own) and np.abs(np.subtract(mdoc.tilt_deg, own)).max() < ROUNDING_DEG
        found |= {} if agree else {"own": SourcedTilts(tuple(own), "the file itself")}
    ranked = [found[kind] for kind in RANKED if kind in found]
    for sourced in ranked:
        if len(sourced.tilt_deg) == images:
            doubts = [contradiction(sourced.tilt_deg, other) for other in ranked if other is not sourced]
            return Companions(sourced._replace(notes=tuple(passed), warnings=tuple(filter(None, doubts))), size, tuple(passed))
        passed.append(f"not used: {sourced.source} holds {len(sourced.tilt_deg)} tilts for {images} images")
    return Companions(None, size, tuple(passed))


def files_read(path: Path) -> list[Path]:
    """The files that are read for a series: its own, or its images, and companion files with tilts."""
    own = [file for file in path.iterdir() if file.suffix.lower() in (".tif", ".tiff")] if path.is_dir() else [path]
    return [*own, *(file for kind in BESIDE if (file := _companion(path, kind)) is not None)]


def contradiction(tilts: Sequence[float], other: SourcedTilts) -> str | None:
    """A warning if another source has a clearly different tilt for some image."""
    if len(tilts) != len(other.tilt_deg):
        return None
    apart = np.abs((np.subtract(tilts, other.tilt_deg) + 180.0) % 360.0 - 180.0)
    if apart.max() <= CONTRADICTION_DEG:
        return None
    first = int((apart > CONTRADICTION_DEG).argmax())
    return (
        f"image {first + 1} has a tilt of {tilts[first]:g} degrees, and by {other.source} one of {other.tilt_deg[first]:g}: "
        "check that the tilts are in the order of the images"
    )


def to_half_circle(tilts: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Tilts (A,) mapped to between -90 and 90 degrees, and which images (A,) are views from behind and must be flipped."""
    degrees = np.asarray(tilts, dtype=float)
    beyond = np.abs(degrees) > 90.0
    turned = np.where(beyond, (degrees + 180.0) % 360.0 - 180.0, degrees)
    behind = np.abs(turned) > 90.0
    turned = np.where(behind, turned - np.copysign(180.0, turned), turned)
    return np.where(beyond, np.round(turned, 9), turned) + 0.0, behind


def image_numbers(text: str, images: int) -> tuple[int, ...]:
    """``3,17`` or ``1-3,17``, image numbers counted from 1 as IMOD does, as indices counted from 0."""
    numbers: set[int] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        matched = re.fullmatch(r"(\d+)(?:\s*-\s*(\d+))?", part)
        first = int(matched[1]) if matched else 0
        last = int(matched[2] or first) if matched else 0
        if not 1 <= first <= last <= images:
            raise InputError(f"the images to leave out are numbers between 1 and {images}, such as 3,17 or 1-3, not {part!r}")
        numbers |= set(range(first - 1, last))
    return tuple(sorted(numbers))


def _companion(path: Path, kind: str) -> Path | None:
    """The companion file of a series with suffix ``kind``; in a folder of images, the only one there is."""
    if path.is_dir():
        inside = [file for file in path.iterdir() if file.suffix.lower() == kind]
        if len(inside) == 1:
            return inside[0]
    whole = path.name
    for packed in COMPRESSED:
        whole = whole.removesuffix(packed)
    stem = Path(whole).stem
    stems = [path.name, whole, stem, re.sub(r"_(pre)?ali$", "", stem)]
    return next((file for one in stems if (file := path.with_name(one + kind)).is_file()), None)
