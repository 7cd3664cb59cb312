from __future__ import annotations

import sys

import pytest
import torch
import yaml

from mwgan import methods
from mwgan.errors import InputError, MissingExtraError
from mwgan.geometry import Measurement
from mwgan.methods import known_methods
from mwgan.operators import ParallelBeam
from mwgan.recon import SART, TVM, WBP, Astra, DataConsistent, LearnedReconstructor
from mwgan.recon.named import find_device, find_method, make_method
from mwgan.recon.normalized import Normalized
from mwgan.recon.settings import settings_of

BOX = """
import torch

class Box:
    '''A block of the brightest line integral.

    Parameters
    ----------
    size : int
        Pixels of its side. And more about that.
    threshold, level
        What both are, see :class:`mwgan.recon.TVM`.
    '''

    def __init__(self, size: int, threshold: float = 0.5, level: float = 1.0):
        if threshold > 1:
            raise ValueError("too high a threshold")
        self.size, self.threshold, self.level = size, threshold, level

    def __call__(self, measurement):
        side = measurement.geometry.detector_size
        tomogram = torch.zeros(len(measurement.sinogram), 1, side, side)
        tomogram[..., : self.size, : self.size] = self.level * (measurement.sinogram.max() > self.threshold)
        return tomogram

def number(value=3):
    return value
"""


@pytest.fixture
def box(tmp_path, monkeypatch):
    """``box(key=value)``: a package outside the tree, and the file of a method of it, with those keys."""
    monkeypatch.setattr(methods, "_given", ())
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "mymethods.py").write_text(BOX)
    (tmp_path / "method").mkdir()
    monkeypatch.delitem(sys.modules, "mymethods", raising=False)

    def listed(target="mymethods.Box", **keys):
        reconstructor = {"_target_": target, **keys.pop("arguments", {})}
        (tmp_path / "method" / "box.yaml").write_text(yaml.safe_dump({"label": "Box", "reconstructor": reconstructor, **keys}))
        methods._all_of.cache_clear()
        methods.add_folder(tmp_path)

    yield listed
    methods._all_of.cache_clear()


@pytest.fixture
def measurement(geometry, faces):
    return Measurement(ParallelBeam(geometry)(faces), geometry.measured(45.0), geometry)


def test_the_list_decides_what_is_scaled(measurement):
    assert isinstance(make_method("wbp"), WBP)
    assert isinstance(make_method("sart"), SART)
    assert isinstance(make_method("astra_sirt"), Astra)
    for name, inside in (("tvm", TVM), ("lpd", LearnedReconstructor), ("irdm", LearnedReconstructor)):
        made = make_method(name)
        assert isinstance(made, Normalized)
        assert isinstance(made.reconstructor, inside)
    corrected = make_method("wbp", consistency=0.5)
    assert isinstance(corrected.reconstructor, DataConsistent)


def test_a_method_of_somebody_else_is_scaled_unless_it_says_that_units_mean_nothing_to_it(box, measurement):
    far = Measurement(1000 * measurement.sinogram, measurement.measured, measurement.geometry)
    box(arguments={"size": 4})
    made = make_method("box")
    torch.testing.assert_close(made(far), 1000 * made(measurement))
    box(arguments={"size": 4}, expects_unit_range=False)
    plain = make_method("box")
    torch.testing.assert_close(plain(far), plain(measurement))


CLASSICAL = [entry.name for entry in known_methods().values() if entry.reconstructor and "load_" not in entry.reconstructor["_target_"]]


@pytest.mark.parametrize("name", CLASSICAL)
def test_every_classical_method_means_the_same_in_any_units(name, measurement):
    entry = known_methods()[name]
    if entry.lacks:
        pytest.skip(f"{name} needs {entry.lacks}")
    made = make_method(name, {"iterations": 10} if "iterations" in settings_of(entry) and "fbp" not in name else {})
    tomogram = made(measurement)
    far = Measurement(5000 * measurement.sinogram, measurement.measured, measurement.geometry)
    assert (made(far) / 5000 - tomogram).norm() < 1e-3 * tomogram.norm()


def test_settings_take_the_place_of_those_in_the_file(box):
    assert make_method("tvm").reconstructor.weight == 0.025
    made = make_method("tvm_directional", {"weight": 0.05, "direction_weights": [1.0, 2.0]}).reconstructor
    assert (made.weight, made.iterations, made.direction_weights) == (0.05, 300, (1.0, 2.0))
    box(arguments={"size": 4, "level": 2.0})
    made = make_method("box", {"level": 3}).reconstructor
    assert (made.size, made.threshold, made.level) == (4, 0.5, 3)


def test_a_node_may_be_set_as_a_projector():
    node = {"_target_": "mwgan.operators.ParallelBeam", "_partial_": True}
    made = make_method("wbp", {"projector": node})
    assert made.projector.func is ParallelBeam


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("tvm", {"wait": 1}, r"tvm has no setting 'wait': it has weight, iterations, bounds"),
        ("tvm", {"weight": "strong"}, r"weight of tvm must be float \| None, not 'strong'"),
        ("tvm", {"iterations": 2.5}, r"iterations of tvm must be int"),
        ("tvm", {"iterations": True}, r"iterations of tvm must be int"),
        ("tvm", {"bounds": [0, None, 2]}, r"bounds of tvm must be tuple"),
        ("tvm", {"projector": "fast"}, r"projector of tvm must be Callable"),
        ("tvm", {"weight": -1}, r"weight must be above 0, not -1"),
        ("lpd", {"weight": 1}, r"lpd has no setting 'weight': a trained network has none"),
        ("magic", {}, r"no method or checkpoint 'magic': give .*lpd, .*wbp, a checkpoint or a run folder"),
        ("irdm_d1", {}, r"the weights of irdm_d1 are not shipped"),
    ],
)
def test_what_can_not_be_made_is_said(name, settings, message):
    with pytest.raises(InputError, match=message) as error:
        make_method(name, settings)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("keys", "settings", "message"),
    [
        ({}, {}, r"box can't be built from .*box\.yaml .*missing 1 required positional argument: 'size'"),
        ({"arguments": {"size": 4}}, {"threshold": 2}, r"box can't be built from .*too high a threshold"),
        ({"target": "mymethods.Bax"}, {}, r"mymethods\.Bax can't be imported"),
        ({"target": "nomethods.Box"}, {}, r"nomethods\.Box can't be imported .*PYTHONPATH"),
        ({"target": "mymethods.number"}, {}, r"mymethods\.number in .*box\.yaml is no reconstructor"),
        ({"arguments": {"size": "${data.size}"}}, {}, r"box\.yaml refers to other configuration"),
    ],
)
def test_what_is_wrong_with_somebody_elses_method_is_said(box, keys, settings, message):
    box(**keys)
    with pytest.raises(InputError, match=message) as error:
        make_method("box", settings)
    assert "\n" not in str(error.value)


def test_a_checkpoint_has_no_settings_and_a_name_of_the_list_may_be_a_folder(tmp_path, monkeypatch):
    (tmp_path / "irdm_d1").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_method("irdm_d1") is None
    with pytest.raises(InputError, match="irdm_d1 is a trained network and has no settings: leave out weight"):
        make_method("irdm_d1", {"weight": 1})
    with pytest.raises(InputError, match="no weights"):
        make_method("irdm_d1")


def test_packages_that_are_allowed_reach_the_weights_file(monkeypatch):
    asked = []
    monkeypatch.setattr("mwgan.recon.named.load_network", lambda *arguments: asked.append(arguments) or (lambda measurement: None))
    make_method("lpd", allow=("mynet",))
    make_method(__file__, allow=("mynet",))
    assert [(str(path), tuple(allow)) for path, _, allow in asked] == [("lpd", ("mynet",)), (__file__, ("mynet",))]


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="cuda:77"):
        make_method("wbp", device="cuda:77")


def test_what_needs_a_package_says_so_when_it_is_not_there(monkeypatch, measurement):
    monkeypatch.setitem(sys.modules, "tomopy", None)
    with pytest.raises(MissingExtraError, match="TomoPy's sirt needs the package tomopy"):
        make_method("tomopy_sirt")(measurement)


@pytest.mark.parametrize(("gpu", "expected"), [(True, "cuda"), (False, "cpu")])
def test_auto_is_a_gpu_where_there_is_one(gpu, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert find_device("auto") == expected
    assert find_device("cpu") == "cpu"
    with pytest.raises(InputError, match="no device 'cuda:77' here: use auto or cpu"):
        find_device("cuda:77")
