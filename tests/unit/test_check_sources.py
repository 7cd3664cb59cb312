"""What is said of the sources of a data set, of any class."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from mwgan.data import PhantomFaces
from mwgan.data.check import SHOWN, check_sources
from mwgan.errors import InputError


class Scans:
    """Somebody's scans of two subjects, one file of which is no CT."""

    name, size, subjects = "ct", 8, ("berta", "anna")

    def __len__(self) -> int:
        return 3

    def image(self, index: int, rng: np.random.Generator) -> np.ndarray:
        return np.full((8, 8), index / 4, np.float32)

    def describe(self):
        return [{"name": "ct", "images": 3, "distinct": 2, "subjects": 2, "licence": "mine", "skipped": [["a.dcm", "cut short"]]}]

    def modalities(self):
        return Counter({"CT": 2, "MR": 1})


def made(node):
    if node["kind"] == "gone":
        raise InputError("brain: data/brain is not there")
    return Scans() if node["kind"] == "scans" else PhantomFaces(8, count=40)


DATA = {
    "train": {"sources": {"scans": {"kind": "scans"}, "faces": {"kind": "faces"}, "brain": {"kind": "gone"}}},
    "validation": {"sources": {"brain": {"kind": "gone"}}},
    "test": {"kind": "faces"},
}


def test_each_source_of_each_part_says_what_it_gives():
    checked, _ = check_sources(DATA, made)
    scans, faces, alone = checked
    assert [(one.part, one.name, one.source) for one in checked] == [
        ("train", "scans", "ct"),
        ("train", "faces", "phantom_faces"),
        ("test", "test", "phantom_faces"),
    ]
    assert (scans.images, scans.distinct, scans.subjects, scans.who, scans.licence) == (3, 2, 2, "anna, berta", "mine")
    assert scans.skipped == (("a.dcm", "cut short"),)
    assert scans.strange == "1 DICOM files are no CT but MR"
    assert (faces.images, faces.distinct, faces.subjects, faces.who, faces.skipped, faces.strange) == (40, None, None, "", (), "")
    assert alone.licence == "none needed"


def test_pictures_are_from_all_over_the_source():
    scans, faces, _ = check_sources(DATA, made)[0]
    assert scans.pictures[:, 0, 0].tolist() == [0.0, 0.25, 0.5]
    assert faces.pictures.shape == (SHOWN, 8, 8)


def test_what_cannot_be_used_is_said_once():
    assert check_sources(DATA, made)[1] == ["brain: data/brain is not there"]
    with pytest.raises(ZeroDivisionError):  # a bug is none of the data's
        check_sources(DATA, lambda node: 1 / 0)
