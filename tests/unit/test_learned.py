from __future__ import annotations

import json
import os
import pickle
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from mwgan.errors import InputError
from mwgan.files.record import TrainingRecord
from mwgan.files.weights import find_weights, read_weights, save_weights
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.networks import UNetPlusPlus
from mwgan.operators import ParallelBeam
from mwgan.recon import WBP, LearnedReconstructor, Reconstructor, RestoreWBP, load_reconstructor

RECORD = {
    "generator": {"_target_": "mwgan.networks.UNetPlusPlus", "width": 4, "depth": 2, "residual": True},
    "task": {"_target_": "mwgan.recon.RestoreWBP", "filter": "ramp"},
    "geometry": {"detector_size": 32, "step_deg": 5.0},
    "wedge_deg": [40.0, 60.0],
    "noise_percent": 2.0,
    "commit": "0123456789ab",
}


@pytest.fixture
def network() -> UNetPlusPlus:
    """A network with weights that its constructor would not give."""
    torch.manual_seed(0)
    network = UNetPlusPlus(width=4, depth=2, residual=True)
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape) / 4)
            else:
                value.fill_(7)
    return network


@pytest.fixture
def weights(network, tmp_path) -> Path:
    path = tmp_path / "small.safetensors"
    save_weights(path, network.state_dict(), RECORD)
    return path


def measure(image: torch.Tensor, step_deg: float = 5.0, wedge_deg: float = 0.0, axis_offset_px: float = 0.0) -> Measurement:
    grid = TiltGeometry.full(image.shape[-1], step_deg)
    geometry = TiltGeometry(grid.tilt_deg, grid.detector_size, axis_offset_px)
    return Measurement(ParallelBeam(geometry)(image), geometry.measured(wedge_deg), geometry)


def identity(detector_size: int) -> LearnedReconstructor:
    """A network that gives back what it sees: its tomogram is the WBP without what is negative."""
    record = TrainingRecord.from_plain({**RECORD, "geometry": {"detector_size": detector_size, "step_deg": 5.0}}, "a test")
    return LearnedReconstructor(torch.nn.Identity(), RestoreWBP(), record)


def wbp(measurement: Measurement) -> torch.Tensor:
    return WBP()(measurement).clamp(min=0)


def test_weights_come_back_as_they_were_saved_in_half_precision(network, weights):
    record, state = read_weights(weights)
    assert record == RECORD
    assert set(state) == set(network.state_dict())
    for key, value in network.state_dict().items():
        assert state[key].dtype == (torch.float32 if value.is_floating_point() else value.dtype)
        assert torch.equal(state[key], value.half().float() if value.is_floating_point() else value)


def test_a_saved_network_reconstructs_as_before(network, weights, faces):
    measurement = measure(faces, wedge_deg=45.0)
    with torch.no_grad():
        expected = network.eval()(WBP()(measurement)).clamp(min=0)
    loaded = load_reconstructor(weights)
    torch.testing.assert_close(loaded(measurement), expected, rtol=1e-2, atol=1e-2)
    assert loaded.record == RECORD
    assert loaded.detector_size == 32
    assert isinstance(loaded, Reconstructor)


def test_a_reconstruction_leaves_no_graph_and_does_not_train(weights, faces):
    loaded = load_reconstructor(str(weights))
    before = {key: value.clone() for key, value in loaded.generator.state_dict().items()}
    assert not loaded(measure(faces)).requires_grad
    assert all(torch.equal(value, before[key]) for key, value in loaded.generator.state_dict().items())


def test_double_precision_goes_through_weights_of_single_precision(weights, faces):
    loaded, given = load_reconstructor(weights), measure(faces, wedge_deg=45.0)
    found = loaded(Measurement(given.sinogram.double(), given.measured, given.geometry))
    assert found.dtype == torch.float64
    torch.testing.assert_close(found.float(), loaded(given))


def test_saving_leaves_no_partial_file_behind(weights):
    assert [path.name for path in weights.parent.iterdir()] == ["small.safetensors"]


def test_a_training_checkpoint_is_read_like_a_weights_file(network, tmp_path):
    state = {f"generator.{key}": value for key, value in network.state_dict().items()}
    (tmp_path / "checkpoints").mkdir()
    path = tmp_path / "checkpoints" / "last.ckpt"
    torch.save({"mwgan": RECORD, "state_dict": {**state, "discriminator.score.bias": torch.zeros(1)}}, path)
    for given in (path, tmp_path):
        loaded = load_reconstructor(given)
        assert all(torch.equal(value, network.state_dict()[key]) for key, value in loaded.generator.state_dict().items())


def test_larger_slices_are_refused_with_both_sizes(disc):
    with pytest.raises(InputError, match=r"32 pixels, the data have 40: bin or crop"):
        identity(32)(measure(disc(40, 8)))


@pytest.mark.parametrize("size", [32, 33, 46, 47])
@pytest.mark.parametrize("axis_offset_px", [0.0, 1.25])
def test_smaller_slices_come_back_in_their_size_with_the_object_in_its_place(size, axis_offset_px, disc):
    measurement = measure(disc(size, 6, x=5, z=-3), 2.0, axis_offset_px=axis_offset_px)
    tomogram = identity(48)(measurement)
    assert tomogram.shape == (1, 1, size, size)
    # Beyond the circle that every tilt sees, the wider detector itself makes a difference.
    difference = (tomogram - wbp(measurement)) * disc(size, size / 2 - 3)
    assert difference.norm() < 0.02 * wbp(measurement).norm()


def test_slices_of_the_trained_size_go_in_as_they_are(faces):
    measurement = measure(faces, wedge_deg=45.0)
    torch.testing.assert_close(identity(32)(measurement), wbp(measurement))


def test_a_mask_per_sample_survives_the_fitting(faces):
    geometry = TiltGeometry.full(32, 5.0)
    measured = geometry.measured(torch.tensor([0.0, 45.0, 90.0]))
    measurement = Measurement(ParallelBeam(geometry)(faces), measured, geometry)
    together = identity(40)(measurement)
    for sample in range(3):
        alone = Measurement(measurement.sinogram[sample : sample + 1], measured[sample : sample + 1], geometry)
        torch.testing.assert_close(together[sample : sample + 1], identity(40)(alone))


@pytest.mark.parametrize(("wedge_deg", "inside"), [(20.0, False), (50.0, True), (90.0, False)])
def test_a_wedge_outside_training_is_said_in_one_sentence(wedge_deg, inside, faces):
    sentence = identity(32).outside_training(measure(faces, 1.0, wedge_deg).only_measured().geometry)
    if inside:
        assert sentence is None
    else:
        assert f"{wedge_deg + 2:.0f} degrees" in sentence  # at a step of 1, the edges of the wedge being missing too
        assert "40 to 60" in sentence


def test_a_name_that_is_not_there_is_refused():
    with pytest.raises(InputError, match=r"'no-such-network'.*a run folder or a shipped name"):
        load_reconstructor("no-such-network")


def test_a_folder_without_a_checkpoint_is_refused(tmp_path):
    with pytest.raises(InputError, match="there are no weights"):
        find_weights(tmp_path)


@pytest.mark.parametrize("name", ["cut.safetensors", "cut.ckpt"])
@pytest.mark.parametrize("kept", [0, 7, 100, 2000])
def test_truncated_files_are_refused(name, kept, network, weights, tmp_path):
    whole = tmp_path / "whole.ckpt"
    torch.save({"mwgan": RECORD, "state_dict": network.state_dict()}, whole)
    source = weights if name.endswith("safetensors") else whole
    (tmp_path / name).write_bytes(source.read_bytes()[:kept])
    with pytest.raises(InputError, match="damaged"):
        load_reconstructor(tmp_path / name)


@pytest.mark.parametrize("name", ["garbage.safetensors", "garbage.ckpt"])
def test_garbage_is_refused(name, tmp_path):
    (tmp_path / name).write_bytes(os.urandom(4096))
    with pytest.raises(InputError, match="damaged"):
        load_reconstructor(tmp_path / name)


def test_safetensors_of_somebody_else_are_refused(tmp_path):
    save_file({"weight": torch.zeros(3)}, tmp_path / "theirs.safetensors")
    with pytest.raises(InputError, match="not a checkpoint of mwgan"):
        load_reconstructor(tmp_path / "theirs.safetensors")


def test_checkpoints_of_somebody_else_are_refused(tmp_path):
    torch.save({"state_dict": {"weight": torch.zeros(3)}}, tmp_path / "theirs.ckpt")
    with pytest.raises(InputError, match="not a checkpoint of mwgan"):
        load_reconstructor(tmp_path / "theirs.ckpt")


class _Touch:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    "save", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value, protocol=2))], ids=["torch", "pickle"]
)
def test_nothing_in_a_checkpoint_is_run(save, tmp_path):
    save({"mwgan": RECORD, "state_dict": {}, "extra": _Touch(tmp_path / "was_here")}, tmp_path / "evil.ckpt")
    with pytest.raises(InputError, match="damaged"):
        load_reconstructor(tmp_path / "evil.ckpt")
    assert not (tmp_path / "was_here").exists()


def targets(folder: Path) -> dict[str, tuple[dict, str]]:
    """Nodes that are not to be built, and what is said of them."""
    touched = str(folder / "was_here")
    theirs, ours, unfit = r"allow its package \(allow=\('{}',\)", "is not a class of mwgan's networks and tasks, nor of", "does not fit"
    no_node = "that is not a _target_ and its arguments"
    touch = {"_target_": "pathlib.Path.touch", "self": touched}
    return {
        "a system call": ({"_target_": "os.system", "command": f"touch {touched}"}, theirs.format("os")),
        "a class of another package": ({"_target_": "torch.nn.Conv2d", "in_channels": 1, "out_channels": 1}, theirs.format("torch")),
        "a package that only begins like ours": ({"_target_": "mwgannet.networks.UNet"}, theirs.format("mwgannet")),
        "hidden in an argument": ({"_target_": "mwgan.networks.UNetPlusPlus", "width": touch}, theirs.format("pathlib")),
        "hidden in a list": ({"_target_": "mwgan.networks.UNetPlusPlus", "width": [1, [touch]]}, theirs.format("pathlib")),
        "hidden in a dictionary": ({"_target_": "mwgan.networks.UNetPlusPlus", "width": {"a": {"b": touch}}}, theirs.format("pathlib")),
        "a name without a module": ({"_target_": "print"}, ours),
        "no name": ({"_target_": ""}, ours),
        "dots": ({"_target_": "..system"}, ours),
        "no text": ({"_target_": ["os", "system"]}, no_node),
        "a function that a module of ours imports": ({"_target_": "mwgan.recon.learned.read_weights", "path": touched}, ours),
        "a class that a module of ours imports": ({"_target_": "mwgan.recon.learned.Path"}, ours),
        "a way around": ({"_target_": "mwgan.configuration.instantiate", "config": touch}, ours),
        "a writer of ours": ({"_target_": "mwgan.io.VolumeWriter", "path": touched, "shape": [1, 1, 1]}, ours),
        "something that is not there": ({"_target_": "mwgan.networks.NoSuchNetwork"}, unfit),
        "a module that is not there": ({"_target_": "mwgan.networks.nowhere.Network"}, unfit),
        "arguments it does not take": ({"_target_": "mwgan.networks.UNetPlusPlus", "wdith": 4}, unfit),
        "the face of neither": ({"_target_": "mwgan.recon.WBP"}, unfit),
        "no target": ({"width": 4}, no_node),
        "no node": ([1, 2], no_node),
    }


@pytest.mark.parametrize("part", ["generator", "task"])
@pytest.mark.parametrize("kind", targets(Path()))
def test_only_our_own_networks_and_tasks_are_built(part, kind, network, tmp_path):
    node, said = targets(tmp_path)[kind]
    save_weights(tmp_path / "strange.safetensors", network.state_dict(), {**RECORD, part: node})
    with pytest.raises(InputError, match=said) as refusal:
        load_reconstructor(tmp_path / "strange.safetensors")
    assert str(tmp_path / "strange.safetensors") in str(refusal.value)
    assert not (tmp_path / "was_here").exists()


@pytest.mark.parametrize("record", [[], ["generator"], "generator", 3, None, {}, {"generator": None}])
def test_a_record_that_is_none_is_refused(record, network, tmp_path):
    save_file(network.state_dict(), tmp_path / "strange.safetensors", metadata={"mwgan": json.dumps(record)})
    with pytest.raises(
        InputError, match=r"strange\.safetensors does not .*, its record (is not an object|has no generator): train or download it again"
    ):
        load_reconstructor(tmp_path / "strange.safetensors")


THEIRS = """
import torch

class Tiny(torch.nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.layer = torch.nn.Conv2d(1, 1, 3, padding=1)
        if width < 1:
            raise ValueError("no width")

    def forward(self, seen):
        return self.layer(seen)
"""


@pytest.fixture
def their_weights(tmp_path, monkeypatch) -> Path:
    """Weights of a network of a package outside mwgan, which Python finds."""
    (tmp_path / "theirnet.py").write_text(THEIRS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "theirnet", raising=False)
    path = tmp_path / "theirs.safetensors"
    save_weights(path, torch.nn.Conv2d(1, 1, 3).state_dict(prefix="layer."), {**RECORD, "generator": {"_target_": "theirnet.Tiny"}})
    return path


def test_a_class_of_another_package_is_refused_with_both_remedies(their_weights):
    with pytest.raises(InputError) as refusal:
        load_reconstructor(their_weights)
    for said in ("theirnet.Tiny", "allow=('theirnet',)", "--allow theirnet", "allow=[theirnet]", "mwgan.parts"):
        assert said in str(refusal.value)
    assert "theirnet" not in sys.modules


@pytest.mark.parametrize("allow", [("theirnet",), ["other", "theirnet"], "theirnet"])
def test_a_class_of_an_allowed_package_reconstructs(allow, their_weights, faces):
    loaded = load_reconstructor(their_weights, allow=allow)
    assert type(loaded.generator).__module__ == "theirnet"
    assert loaded(measure(faces)).shape == faces.shape


@pytest.mark.parametrize(
    ("generator", "said"),
    [
        ({"_target_": "theirnet.Gone"}, r"does not fit the theirnet that is installed here \(AttributeError: .*Gone"),
        ({"_target_": "theirnet.Tiny", "wdith": 4}, r"does not fit the theirnet .*wdith"),
        ({"_target_": "theirnet.Tiny", "width": 0}, r"does not fit the theirnet .*\(ValueError: no width\)"),
        ({"_target_": "theirnet.torch.nn.Conv2d"}, "theirnet.torch"),
    ],
)
def test_what_does_not_fit_somebody_elses_class_is_said_with_its_own_words(generator, said, their_weights, tmp_path):
    save_weights(tmp_path / "changed.safetensors", {}, {**RECORD, "generator": generator})
    with pytest.raises(InputError, match=said):
        load_reconstructor(tmp_path / "changed.safetensors", allow="theirnet")


def test_weights_that_a_changed_class_does_not_take_are_refused(their_weights, tmp_path):
    save_weights(tmp_path / "changed.safetensors", {"other": torch.zeros(1)}, {**RECORD, "generator": {"_target_": "theirnet.Tiny"}})
    with pytest.raises(InputError, match="does not fit the theirnet that is installed here"):
        load_reconstructor(tmp_path / "changed.safetensors", allow="theirnet")


def test_tensors_that_do_not_fit_the_network_are_refused(network, tmp_path):
    record = {**RECORD, "generator": {**RECORD["generator"], "width": 8}}
    save_weights(tmp_path / "narrow.safetensors", network.state_dict(), record)
    with pytest.raises(InputError, match="does not fit"):
        load_reconstructor(tmp_path / "narrow.safetensors")


def test_a_changed_weights_file_is_told_by_its_checksum(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_weights(path, {"weight": torch.ones(2, 3), "bias": torch.zeros(3)}, RECORD)
    read_weights(path)
    whole = bytearray(path.read_bytes())
    whole[-1] ^= 1
    path.write_bytes(whole)
    with pytest.raises(InputError, match="its checksum doesn't match"):
        read_weights(path)
