"""Scans and photographs from a user's folder: brain and CT scans, photographs, split so that no subject is in two parts."""

from __future__ import annotations

import hashlib
import os
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mwgan.data.augmentation import Augmentation
from mwgan.data.canvas import Array
from mwgan.data.decoding import Decoded, decode_photograph, decode_scan, is_photograph, is_scan
from mwgan.data.phantom_faces import PhantomFaces
from mwgan.data.slice_cache import Entry, SliceCache, mapped
from mwgan.data.source import ImageSource
from mwgan.data.subjects import PARTS, Share, hashes_of, in_turn, number, split
from mwgan.errors import InputError


class FolderImages(ImageSource):
    """The slices of one part of a folder's files, decoded once and then read from a cache.

    A file that can't be read is skipped and listed in ``skipped``, as is a duplicate of another, which might be in another part;
    a folder without any readable file is refused.

    Parameters
    ----------
    folder
        The folder of the files, which may be in subfolders.
    size
        Images are (size, size).
    name
        Name of the source in tables.
    count
        Number of images of the part; None: each slice once.
    repeat
        Allows ``count`` to exceed the number of slices: each is then used several times, in different poses.
    part
        ``train``, ``validation`` or ``test``.
    validation, test
        The share of subjects set aside for each of these parts, or their names; chosen by a hash of the names.
    seed
        Determines the split, and the choice of slices if ``count`` is smaller than their number.
    augmentation
        Random augmentation of each image; None: none.
    licence
        The licence of the data.
    cache
        Folder for decoded slices.
    missing
        ``error``: a missing or empty folder is refused. ``substitute``: it is replaced by phantom faces (fallback data), and
        ``substituted`` lists it.

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
            raise InputError(f"the part must be one of {', '.join(PARTS)} and missing error or substitute: got {part!r} and {missing!r}")
        if count is not None and count < 1:
            raise InputError(f"{name}: count must be 1 or more, or null for every slice once: got {count}")
        self.folder, self.size, self.part = Path(folder), size, part
        self.poses = augmentation or Augmentation()
        self.skipped: list[tuple[str, str]] = []
        self.entries: list[Entry] = []
        self.subjects: list[str] = []
        files = sorted(file for file in _files_below(self.folder) if self.takes(file))
        self.substituted = (name,) if not files and missing == "substitute" else ()
        self.name = f"{name} (phantom faces)" if self.substituted else name
        self.licence = licence
        if self.substituted:
            self._stand_in = PhantomFaces(size, count or 100, number(seed, name, part))
            self.licence = self._stand_in.licence
            if part == "train":
                print(f"{name}: {self._lack()}: using {len(self._stand_in)} phantom faces instead", flush=True)
            return
        if not files:
            raise InputError(
                f"{name}: {self._lack()}: put the data there, give another folder, or use phantom faces instead (data.missing=substitute)"
            )
        everything = self._decoded(files, Path(cache))
        self.subjects = sorted(split(set(map(self._subject, everything)), validation, test, seed, f"{name} ({self.folder})")[part])
        own = set(self.subjects)
        self.entries = [entry for entry in everything if self._subject(entry) in own]
        self._places = self._ordered(count, repeat, seed)
        self.distinct = len(set(self._places))

    folders_are_subjects = True
    """Whether each subfolder is one subject; else each file is one."""

    @abstractmethod
    def takes(self, file: Path) -> bool:
        """Whether a file is of the source's kind."""

    @abstractmethod
    def decode(self, file: Path) -> Decoded:
        """A file's slices."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Settings, besides the size, that affect how a file is decoded."""

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
        """The random augmentation of image ``index``."""
        return self.poses

    def origin(self, index: int) -> str | None:
        """The subject of image ``index``; None for a phantom."""
        return None if self.substituted else self._subject(self.entries[self._places[index][0]])

    def real_sources(self) -> list[FolderImages]:
        """Itself, unless it is replaced by phantoms."""
        return [] if self.substituted else [self]

    def modalities(self) -> Counter[str]:
        """Numbers of its files by DICOM modality."""
        return Counter(entry.modality for entry in self.entries if entry.modality is not None)

    @property
    def fingerprint(self) -> str:
        """A hash that depends on files, split and order, but not on folders and names."""
        images = [(self.entries[place].digest, row) for place, row in self._places]
        return hashlib.sha256(repr((self.part, images)).encode()).hexdigest()[:16]

    def describe(self) -> list[dict[str, Any]]:
        """The source's entry in a run's record."""
        record: dict[str, Any] = {"name": self.name, "images": len(self), "licence": self.licence}
        if self.substituted:
            return [{**record, "substituted": "its files are not there: phantom faces"}]
        record |= {"distinct": self.distinct, "subjects": len(self.subjects), "subject_hashes": hashes_of(self.subjects)}
        return [{**record, "skipped": [list(pair) for pair in self.skipped]}]

    def _decoded(self, files: Sequence[Path], cache: Path) -> list[Entry]:
        """The readable files of all parts, without duplicates; the others go to ``skipped``."""
        store = SliceCache(cache, {"size": self.size, **self.settings()})
        everything, broken = store.entries(files, self.decode, lambda text: print(f"{self.name}: {text}", flush=True))
        everything, copies = _once(everything)
        self.skipped = [(file.relative_to(self.folder).as_posix(), reason) for file, reason in sorted(broken + copies)]
        if not everything:
            raise InputError(f"{self.name}: none of the {len(files)} files in {self.folder} can be read; {self._skipped_in_words()}")
        if self.skipped and self.part == "train":
            print(f"{self.name}: {len(self.skipped)} of {len(files)} files skipped: {self._skipped_in_words()}", flush=True)
        return everything

    def _ordered(self, count: int | None, repeat: bool, seed: int) -> list[tuple[int, int]]:
        """Entry and slice of each image: every slice once, or ``count`` of them, alternating between subjects."""
        slices: dict[str, list[tuple[int, int]]] = {}
        for place, entry in enumerate(self.entries):
            slices.setdefault(self._subject(entry), []).extend((place, row) for row in range(entry.count))
        order = in_turn(slices, [seed, PARTS.index(self.part)])
        if not order:
            raise InputError(
                f"{self.name}: {self.folder} has no slice for {self.part}: add subjects, or set aside more for {self.part} ({self.part}=…)"
            )
        if count is not None and count > len(order) and not repeat:
            raise InputError(
                f"{self.name}: {self.folder} has {len(order)} images for {self.part}, fewer than count={count}: add data, lower "
                "count, or use each in several poses (data.repeat=true)"
            )
        return [order[draw % len(order)] for draw in range(count or len(order))]

    def _lack(self) -> str:
        return f"{self.folder} {'has no file that this source reads' if self.folder.is_dir() else 'is missing'}"

    def _subject(self, entry: Entry) -> str:
        """The patient in the file; else the first subfolder, else the file."""
        if entry.subject is not None:
            return entry.subject
        below = entry.path.relative_to(self.folder)
        return below.parts[0] if len(below.parts) > 1 and self.folders_are_subjects else below.as_posix()

    def _skipped_in_words(self) -> str:
        listed = "; ".join(f"{file} ({reason})" for file, reason in self.skipped[:5])
        return listed + (f"; and {len(self.skipped) - 5} more" if len(self.skipped) > 5 else "")


class ScanSlices(FolderImages):
    """Slices of medical scans, NIfTI or DICOM: MGH's brains, NBIA's CT, or any others.

    Intensities are in the files' units after rescale slope and intercept (Hounsfield units for CT). Parameters in addition to
    those of :class:`FolderImages`:

    Parameters
    ----------
    window
        (centre, width) of the intensities that become 0 to 1; None takes the window from a DICOM file, or the 0.5th to
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
            raise InputError(f"window must be a centre and a width above 0: got {list(window)}")
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
    """Photographs in grey: ImageNet's dogs, or any others. Each is its own subject, regardless of its folder."""

    folders_are_subjects = False

    def takes(self, file: Path) -> bool:
        return is_photograph(file)

    def decode(self, file: Path) -> Decoded:
        return decode_photograph(file, self.size)

    def settings(self) -> dict[str, Any]:
        return {"kind": "photograph"}


def _once(entries: Sequence[Entry]) -> tuple[list[Entry], list[tuple[Path, str]]]:
    """The first entry of each content, and duplicate files: compared by slices, so that a compressed copy counts too."""
    first: dict[str, Entry] = {}
    copies = []
    for entry in entries:
        if first.setdefault(entry.content, entry) is not entry:
            copies.append((entry.path, f"a copy of {first[entry.content].path.name}"))
    return list(first.values()), copies


def _files_below(folder: Path) -> Iterator[Path]:
    """All files, also behind links, but without hidden files and folders of operating systems and programs."""
    for place, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place) / name for name in files if not name.startswith("."))
