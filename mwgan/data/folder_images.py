"""Measured images from a folder of the user's: brain and CT scans, photographs, split so that no subject is in two parts."""

from __future__ import annotations

import hashlib
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mwgan.data.augmentation import Augmentation
from mwgan.data.canvas import Array
from mwgan.data.decoding import Decoded, decode_photograph, decode_scan, is_photograph, is_scan
from mwgan.data.phantom_faces import PhantomFaces
from mwgan.data.slice_cache import Entry, SliceCache, mapped
from mwgan.errors import InputError

PARTS = ("train", "validation", "test")
Share = float | Sequence[str]


class FolderImages(ABC):
    """The slices of one part of a folder's files, decoded once and read from a cache ever after.

    A file that can't be read is left out and listed in ``skipped``, as is a copy of another, which might fall to another part;
    a folder in which none can be read is refused.

    Parameters
    ----------
    folder
        Holds the files, in folders below it or not.
    size
        Images are (size, size).
    name
        What tables call the source.
    count
        How many images the part gives; None: each slice once.
    repeat
        Allows ``count`` to be larger than the number of slices: each is then drawn several times, in other poses.
    part
        ``train``, ``validation`` or ``test``.
    validation, test
        The share of subjects set aside for each of these parts, or their names; a seed of the names decides who.
    seed
        Decides the split, and which slices make up a ``count`` smaller than their number.
    augmentation
        What may happen to an image when it is drawn; None: nothing.
    licence
        What the data's owner asks of those who use them.
    cache
        Folder for decoded slices.
    missing
        ``error``: a folder that isn't there, or is empty, is refused. ``substitute``: phantom faces take its share, and
        ``substituted`` says so.

    Raises
    ------
    InputError
        If the folder can't be used: the message names it.
    """

    def __init__(
        self,
        folder: str,
        size: int,
        name: str,
        count: int | None = None,
        repeat: bool = False,
        part: str = "train",
        validation: Share = 0.05,
        test: Share = 0.05,
        seed: int = 0,
        augmentation: Augmentation | None = None,
        licence: str = "",
        cache: str = "outputs/cache/slices",
        missing: str = "error",
    ) -> None:
        if part not in PARTS or missing not in ("error", "substitute"):
            raise InputError(f"the part is one of {', '.join(PARTS)} and missing is error or substitute: got {part!r} and {missing!r}")
        if count is not None and count < 1:
            raise InputError(f"{name}: a count is 1 or more, or null for every slice once: got {count}")
        self.folder, self.size, self.part = Path(folder), size, part
        self.poses = augmentation or Augmentation()
        self.skipped: list[tuple[str, str]] = []
        self.entries: list[Entry] = []
        files = sorted(file for file in _files_below(self.folder) if self.takes(file))
        self.substituted = (name,) if not files and missing == "substitute" else ()
        self.name = f"{name} (phantom faces)" if self.substituted else name
        self.licence = licence
        if self.substituted:
            self._stand_in = PhantomFaces(size, count or 100, _number(seed, name, part))
            self.licence = self._stand_in.licence
            return
        if not files:
            raise InputError(
                f"{name}: {self.folder} {'holds no file that this source reads' if self.folder.is_dir() else 'is not there'}: put the "
                "data there, name another folder, or let phantom faces take its share (data.missing=substitute)"
            )
        store = SliceCache(Path(cache), {"size": size, **self.settings()})
        everything, skipped = store.entries(files, self.decode, lambda text: print(f"{name}: {text}", flush=True))
        everything, copies = _once(everything)
        self.skipped = [(file.relative_to(self.folder).as_posix(), reason) for file, reason in sorted(skipped + copies)]
        if not everything:
            raise InputError(f"{name}: none of the {len(files)} files in {self.folder} can be read; {self._skipped_in_words()}")
        if self.skipped and part == "train":
            print(f"{name}: {len(self.skipped)} of {len(files)} files left out: {self._skipped_in_words()}", flush=True)
        subjects = split({self._subject(entry) for entry in everything}, validation, test, seed, f"{name} ({self.folder})")[part]
        self.entries = [entry for entry in everything if self._subject(entry) in subjects]
        self.subjects = sorted(subjects)
        places = [(number, row) for number, entry in enumerate(self.entries) for row in range(entry.count)]
        if not places:
            raise InputError(f"{name}: no slice of {self.folder} falls to {part}: add subjects, or set aside more for {part} ({part}=…)")
        if count is not None and count > len(places) and not repeat:
            raise InputError(
                f"{name}: {self.folder} gives {len(places)} images to {part}, {count} are asked for: add data, ask for fewer (count), or "
                "draw each in several poses (data.repeat=true)"
            )
        order = np.random.default_rng([seed, PARTS.index(part)]).permutation(len(places)) if count else np.arange(len(places))
        self._places = [places[order[draw % len(places)]] for draw in range(count or len(places))]
        self.distinct = min(len(places), len(self._places))

    folders_are_subjects = True
    """Whether a folder below the source's holds one subject; else each file is one."""

    @abstractmethod
    def takes(self, file: Path) -> bool:
        """Whether a file is of the source's kind."""

    @abstractmethod
    def decode(self, file: Path) -> Decoded:
        """A file's slices."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What, beside the size, decides how a file is decoded."""

    def __len__(self) -> int:
        return len(self._stand_in) if self.substituted else len(self._places)

    def image(self, index: int, rng: np.random.Generator) -> Array:
        """Image ``index`` (size, size) in [0, 1]."""
        if not 0 <= index < len(self):
            raise IndexError(f"image {index} of {len(self)}")
        if self.substituted:
            return self._stand_in.image(index, rng)
        number, row = self._places[index]
        image: Array = mapped(self.entries[number].slices)[row].astype(np.float32)
        return image

    def augmentation(self, index: int) -> Augmentation:
        """What may happen to image ``index``."""
        return self.poses

    def origin(self, index: int) -> str:
        """Whose image ``index`` is."""
        return f"{self.name} {index}" if self.substituted else str(self._subject(self.entries[self._places[index][0]]))

    def describe(self) -> list[dict[str, Any]]:
        """What a run's record says of the source."""
        told: dict[str, Any] = {"name": self.name, "images": len(self), "licence": self.licence}
        if self.substituted:
            return [{**told, "substituted": "its files are not there: phantom faces"}]
        return [{**told, "distinct": self.distinct, "subjects": len(self.subjects), "skipped": [list(pair) for pair in self.skipped]}]

    def _subject(self, entry: Entry) -> str:
        """The patient that the file names; else the first folder below the source's, else the file."""
        if entry.subject is not None:
            return entry.subject
        below = entry.path.relative_to(self.folder)
        return below.parts[0] if len(below.parts) > 1 and self.folders_are_subjects else below.as_posix()

    def _skipped_in_words(self) -> str:
        told = "; ".join(f"{file} ({reason})" for file, reason in self.skipped[:5])
        return told + (f"; and {len(self.skipped) - 5} more" if len(self.skipped) > 5 else "")


class ScanSlices(FolderImages):
    """Slices of medical scans, NIfTI or DICOM: MGH's brains, NBIA's CT, or any others.

    Intensities are in the files' units after rescale slope and intercept (Hounsfield units for CT). Parameters beyond those
    of :class:`FolderImages`:

    Parameters
    ----------
    window
        (centre, width) of the intensities that become 0 to 1; None takes the window a DICOM file states, or the 0.5th to
        99.5th percentile of the file.
    axes
        Which slices of a NIfTI volume: any of ``axial``, ``coronal`` and ``sagittal``.
    """

    def __init__(
        self,
        folder: str,
        size: int,
        name: str,
        window: Sequence[float] | None = None,
        axes: Sequence[str] = ("axial",),
        count: int | None = None,
        repeat: bool = False,
        part: str = "train",
        validation: Share = 0.05,
        test: Share = 0.05,
        seed: int = 0,
        augmentation: Augmentation | None = None,
        licence: str = "",
        cache: str = "outputs/cache/slices",
        missing: str = "error",
    ) -> None:
        if window is not None and (len(window) != 2 or not window[1] > 0):
            raise InputError(f"a window is its centre and its width, above 0: got {list(window)}")
        self.window = None if window is None else (float(window[0]), float(window[1]))
        self.axes = list(axes)
        super().__init__(folder, size, name, count, repeat, part, validation, test, seed, augmentation, licence, cache, missing)

    def takes(self, file: Path) -> bool:
        return is_scan(file)

    def decode(self, file: Path) -> Decoded:
        return decode_scan(file, self.size, self.window, self.axes)

    def settings(self) -> dict[str, Any]:
        return {"kind": "scan", "window": self.window, "axes": self.axes}


class Photographs(FolderImages):
    """Photographs in grey: ImageNet's dogs, or any others. Each is a subject of its own, in whatever folder it lies."""

    folders_are_subjects = False

    def takes(self, file: Path) -> bool:
        return is_photograph(file)

    def decode(self, file: Path) -> Decoded:
        return decode_photograph(file, self.size)

    def settings(self) -> dict[str, Any]:
        return {"kind": "photograph"}


def split(subjects: set[str], validation: Share, test: Share, seed: int, whose: str) -> dict[str, set[str]]:
    """The subjects of train, validation and test: named, or drawn by a hash of their names.

    A subject's rank never depends on which others there are, so that data added later move few of them.

    Raises
    ------
    InputError
        If a named subject isn't there, or too few are there for three parts.
    """
    test, validation = _names(test), _names(validation)
    left = sorted(subjects, key=lambda subject: (_number(seed, subject), subject))
    parts: dict[str, set[str]] = {}
    for part, share in (("test", test), ("validation", validation)):
        if isinstance(share, (int, float)):
            if not 0 <= share < 1:
                raise InputError(f"the share of subjects for {part} lies in [0, 1), not {share:g}")
            wanted = math.ceil(share * len(subjects)) if share else 0
            free = [subject for subject in left if not _named(subject, validation)]
            parts[part] = set(free[:wanted])
        else:
            unknown = [name for name in share if name not in subjects]
            if unknown:
                raise InputError(f"{whose} has no subject {', '.join(unknown)} to set aside for {part}: there are {_some(subjects)}")
            twice = sorted({name for name in share if any(name in other for other in parts.values())})
            if twice:
                raise InputError(f"{whose}: {', '.join(twice)} can't be set aside for both test and {part}: name each subject once")
            parts[part] = set(share)
        left = [subject for subject in left if subject not in parts[part]]
    if not left:
        raise InputError(
            f"{whose} has {len(subjects)} subject{'s' * (len(subjects) != 1)} ({_some(subjects)}): too few to train on some and set others "
            "aside: add data, or set fewer aside (data.set_aside=…, a share of 0 for none)"
        )
    return {"train": set(left), **parts}


def _names(share: Share) -> Share:
    """Names as text, whatever a configuration made of them: 101, or a single one."""
    if isinstance(share, (int, float)):
        return share
    return [share] if isinstance(share, str) else [str(name) for name in share]


def _named(subject: str, share: Share) -> bool:
    return not isinstance(share, (int, float)) and subject in share


def _some(subjects: set[str]) -> str:
    return ", ".join(sorted(subjects)[:8]) + (" …" if len(subjects) > 8 else "")


def _once(entries: Sequence[Entry]) -> tuple[list[Entry], list[tuple[Path, str]]]:
    """The first entry of each content, and the files that are copies."""
    first: dict[Path, Entry] = {}
    copies = []
    for entry in entries:
        if first.setdefault(entry.slices, entry) is not entry:
            copies.append((entry.path, f"a copy of {first[entry.slices].path.name}"))
    return list(first.values()), copies


def _files_below(folder: Path) -> Iterator[Path]:
    """All files, those behind links too, but not what operating systems and programs leave about in hidden files and folders."""
    for place, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place) / name for name in files if not name.startswith("."))


def _number(*parts: object) -> int:
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:4], "big")
