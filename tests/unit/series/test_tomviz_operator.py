"""The operator for tomviz, with stand-ins for what tomviz hands to it: its module of operators, its dataset, its buttons."""

from __future__ import annotations

import importlib.util
import inspect
import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.recon import SIRT
from mwgan.series.in_memory import reconstruct_array
from mwgan.testing.specimen import measurement, specimen

FOLDER = Path(__file__).parents[3] / "integrations" / "tomviz"
TILTS = np.arange(-60.0, 61.0, 5.0)
SIZE = 32


class Dataset:
    """What tomviz's operators see: arrays (x, y, z) by name, and of a tilt series the angles along its last axis."""

    def __init__(self, array, tilt_angles=None, tilt_axis=2, spacing=(2.0, 3.0, 1.0)):
        self.active_scalars, self.tilt_angles, self.tilt_axis, self.spacing = array, tilt_angles, tilt_axis, spacing

    def create_child_dataset(self):
        x, *_ = self.spacing
        return Dataset(None, spacing=[x, x, x])


class Progress:
    maximum = value = 0
    message = ""


class CancelableOperator:
    def __init__(self):
        self.progress, self.asked, self.cancel_after = Progress(), 0, None

    @property
    def canceled(self):
        self.asked += 1
        return self.cancel_after is not None and self.asked > self.cancel_after


@pytest.fixture
def operator(monkeypatch):
    package, module = types.ModuleType("tomviz"), types.ModuleType("tomviz.operators")
    module.CancelableOperator = CancelableOperator
    package.operators = module
    monkeypatch.setitem(sys.modules, "tomviz", package)
    monkeypatch.setitem(sys.modules, "tomviz.operators", module)
    spec = importlib.util.spec_from_file_location("operator_of_tomviz", FOLDER / "mwgan_reconstruction.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded.MwganReconstruction()


@pytest.fixture(scope="module")
def known():
    """Slices (Y, Z, X), and their images as tomviz holds them, (x, y, tilts): x along the tilt axis."""
    image = specimen(SIZE).repeat(3, 1, 1, 1)
    rows = measurement(image, TiltGeometry(tuple(TILTS), SIZE)).sinogram[:, 0]
    return image[:, 0].numpy(), np.asfortranarray(rows.permute(0, 2, 1).numpy())


def error(volume, truth):
    return float(np.linalg.norm(volume - truth) / np.linalg.norm(truth))


def test_the_dialogue_offers_what_the_operator_takes(operator):
    described = json.loads((FOLDER / "mwgan_reconstruction.json").read_text(encoding="utf-8"))
    parameters = {one["name"]: one for one in described["parameters"]}
    taken = dict(inspect.signature(operator.transform).parameters)
    taken.pop("dataset")
    assert set(parameters) == set(taken)
    for name, one in parameters.items():
        first = next(iter(one["options"][one["default"]].values())) if one["type"] == "enumeration" else one["default"]
        assert first == taken[name].default
    assert [child["name"] for child in described["children"]] == ["reconstruction"]


@pytest.mark.parametrize("tilts_first", [False, True])
def test_a_tilt_series_becomes_a_volume_that_lies_as_tomvizs_own(operator, known, tilts_first, capsys):
    truth, held = known
    array = np.ascontiguousarray(held.transpose(2, 1, 0)) if tilts_first else held
    found = operator.transform(Dataset(array, TILTS, 0 if tilts_first else 2), method="sirt", iterations=60)["reconstruction"]
    assert found.active_scalars.shape == (9, SIZE, SIZE)
    assert found.active_scalars.flags.f_contiguous
    assert error(found.active_scalars, truth) < 0.35
    assert error(found.active_scalars[:, :, ::-1], truth) > 0.45
    assert list(found.spacing) == [2.0, 3.0, 3.0]
    assert operator.progress.maximum == 9
    assert "warning" not in capsys.readouterr().out


def test_a_tilt_axis_along_y_is_taken_too(operator, known):
    truth, held = known
    found = operator.transform(Dataset(held.swapaxes(0, 1), TILTS), method="sirt", iterations=60, tilt_axis="y")["reconstruction"]
    assert error(found.active_scalars.transpose(1, 2, 0), truth) < 0.35
    assert list(found.spacing) == [2.0, 3.0, 2.0]


def test_what_is_found_is_said_and_corrected_unless_it_is_left(operator, known, capsys):
    truth, held = known
    spoilt = held + 0.3 * held.max()
    mended = operator.transform(Dataset(spoilt, TILTS), method="sirt", iterations=60)["reconstruction"].active_scalars
    assert "mwgan: empty surroundings have a level" in capsys.readouterr().out
    left = operator.transform(Dataset(spoilt, TILTS), method="sirt", iterations=60, correct=False)["reconstruction"].active_scalars
    assert "mwgan, warning: empty surroundings" in capsys.readouterr().out
    assert error(mended, truth) < 0.35 < error(left, truth)


def test_cancel_ends_it(operator, known):
    operator.cancel_after = 1
    assert operator.transform(Dataset(known[1], TILTS), method="sirt", iterations=5) is None
    assert operator.asked == 2


def test_what_is_no_tilt_series_is_refused_in_a_sentence(operator, known):
    with pytest.raises(InputError, match="Set Tilt Angles"):
        operator.transform(Dataset(known[1], None))
    with pytest.raises(InputError, match="24 tilts"):
        operator.transform(Dataset(known[1], TILTS[1:]))


def test_an_array_gives_what_the_method_gives(known):
    _truth, held = known
    images = held.transpose(2, 0, 1)
    found = reconstruct_array(images, TILTS, "sirt", {"iterations": 10})
    geometry = TiltGeometry(tuple(TILTS), SIZE)
    rows = torch.from_numpy(np.ascontiguousarray(images.swapaxes(0, 1))).unsqueeze(1)
    expected = SIRT(iterations=10)(Measurement(rows, torch.ones(len(TILTS), dtype=torch.bool), geometry))
    assert found.volume == pytest.approx(expected[:, 0].numpy(), abs=1e-5)
    assert (found.tilt_axis, found.warnings) == ("y", [])
    assert not any("tilts from" in note for note in found.notes)
