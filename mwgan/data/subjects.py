"""Subjects of images: their split into parts, their order, and their hashes in records."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, zip_longest
from typing import TypeVar

import numpy as np

from mwgan.errors import InputError

PARTS = ("train", "validation", "test")
Share = float | Sequence[str]
Place = TypeVar("Place")


def split(subjects: set[str], validation: Share, test: Share, seed: int, whose: str) -> dict[str, set[str]]:
    """Split subjects into train, validation and test: by name, or by a hash of their names.

    A subject's rank is independent of the others, so that data added later move few of them.

    Raises
    ------
    InputError
        If a named subject is missing, or there are too few for three parts.
    """
    test, validation = _names(test), _names(validation)
    left = sorted(subjects, key=lambda subject: (number(seed, subject), subject))
    parts: dict[str, set[str]] = {}
    for part, share in (("test", test), ("validation", validation)):
        if isinstance(share, (int, float)):
            if not 0 <= share < 1:
                raise InputError(f"the share of subjects for {part} must be in [0, 1), not {share:g}")
            wanted = math.ceil(share * len(subjects)) if share else 0
            free = [subject for subject in left if not _named(subject, validation)]
            parts[part] = set(free[:wanted])
        else:
            unknown = [name for name in share if name not in subjects]
            if unknown:
                raise InputError(f"{whose} has no subject {', '.join(unknown)} to set aside for {part}: there are {some(subjects)}")
            twice = sorted({name for name in share if any(name in other for other in parts.values())})
            if twice:
                raise InputError(f"{whose}: {', '.join(twice)} can't be set aside for both test and {part}: name each subject once")
            parts[part] = set(share)
        left = [subject for subject in left if subject not in parts[part]]
    if not left:
        raise InputError(
            f"{whose} has {len(subjects)} subject{'s' * (len(subjects) != 1)} ({some(subjects)}): too few to train on some and set others "
            "aside: add data, or set fewer aside (data.set_aside=…, a share of 0 for none)"
        )
    return {"train": set(left), **parts}


def _names(share: Share) -> Share:
    """Names as a list of texts, also from numbers such as 101, or a single name."""
    if isinstance(share, (int, float)):
        return share
    return [share] if isinstance(share, str) else [str(name) for name in share]


def _named(subject: str, share: Share) -> bool:
    return not isinstance(share, (int, float)) and subject in share


def in_turn(places: Mapping[str, Sequence[Place]], seed: Sequence[int]) -> list[Place]:
    """The images of all subjects in round-robin order, so that the first few show as many subjects as possible.

    The order of a subject's images, and of the subjects, depends on ``seed``.
    """
    rng = np.random.default_rng(seed)
    own = [[places[subject][row] for row in rng.permutation(len(places[subject]))] for subject in sorted(places)]
    turns = zip_longest(*(own[number] for number in rng.permutation(len(own))))
    return [place for place in chain.from_iterable(turns) if place is not None]


def hashes_of(subjects: Iterable[str]) -> list[str]:
    """Hashes of subjects for a record: a name may be a patient's, and records are distributed with weights."""
    return [_hashed(subject) for subject in subjects]


def among(subjects: Iterable[str], hashes: Iterable[str]) -> list[str]:
    """Those of ``subjects`` whose hashes are in ``hashes``."""
    known = set(hashes)
    return [subject for subject in subjects if _hashed(subject) in known]


def some(subjects: Iterable[str]) -> str:
    """The first few names, and whether there are more."""
    names = sorted(subjects)
    return ", ".join(names[:8]) + (" …" if len(names) > 8 else "")


def number(*parts: object) -> int:
    """32 bits from the hash of ``parts``."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:4], "big")


def _hashed(subject: str) -> str:
    return hashlib.sha256(subject.encode()).hexdigest()[:12]
