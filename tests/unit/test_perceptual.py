"""The perceptual index: computed where it can be, explained where it can't."""

import sys
from types import SimpleNamespace

import pytest
import torch

from mwgan.evaluation.perceptual import SMALLEST, perceptual_index


def test_small_images_have_none():
    index, note = perceptual_index(SMALLEST - 1)
    assert index is None
    assert str(SMALLEST) in note


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    index, note = perceptual_index(256)
    assert index is None
    assert "mwgan[perceptual]" in note


def test_weights_that_cannot_be_loaded_are_said(monkeypatch):
    def create_metric(name, device):
        raise OSError("no route to host")

    monkeypatch.setitem(sys.modules, "pyiqa", SimpleNamespace(create_metric=create_metric))
    index, note = perceptual_index(256)
    assert index is None
    assert note == "pyiqa could not load its weights (OSError)"


def test_the_index_is_half_of_ten_less_ma_plus_niqe(monkeypatch):
    seen = []

    def create_metric(name, device):
        def score(image):
            seen.append(image)
            return torch.full((len(image), 1), {"niqe": 4.0, "nrqm": 7.0}[name])

        return score

    monkeypatch.setitem(sys.modules, "pyiqa", SimpleNamespace(create_metric=create_metric))
    index, note = perceptual_index(256)
    assert note == ""
    assert index(torch.full((2, 1, 8, 8), 1.5)).tolist() == pytest.approx([3.5, 3.5])
    assert all(image.shape == (2, 3, 8, 8) and image.max() == 1.0 for image in seen)
