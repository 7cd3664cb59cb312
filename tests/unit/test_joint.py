from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mwgan.errors import InputError
from mwgan.files.weights import read_weights, save_weights
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.networks import RRDB, UNet
from mwgan.operators import ParallelBeam
from mwgan.recon import WBP, InpaintSinogram, JointModel, Reconstructor, RestoreMeasurement, load_reconstructor

SIZE, STEP = 32, 5.0
INPAINTER = {"_target_": "mwgan.networks.RRDB", "blocks": 1, "width": 4, "growth": 2, "dilations": [1, 2, 2, 2, 1]}
RESTORER = {"_target_": "mwgan.networks.UNet", "in_channels": 2, "width": 4, "depth": 2}
RECORD = {
    "generator": {
        "_target_": "mwgan.recon.JointModel",
        "inpainter": INPAINTER,
        "restorer": RESTORER,
        "detector_size": SIZE,
        "step_deg": STEP,
        "filter": "hann",
        "measured_channel": True,
    },
    "task": {"_target_": "mwgan.recon.RestoreMeasurement", "filter": "ramp"},
    "geometry": {"detector_size": SIZE, "step_deg": STEP},
    "wedge_deg": [45.0, 45.0],
}


class FirstChannel(nn.Module):
    def forward(self, seen: Tensor) -> Tensor:
        return seen[:, :1]


class Knows(nn.Module):
    """An inpainter that gives the truth, whatever it sees."""

    def __init__(self, truth: Tensor) -> None:
        super().__init__()
        self.truth = truth

    def forward(self, seen: Tensor) -> Tensor:
        return self.truth


def joint(measured_channel: bool = False, seed: int = 0, filter: str = "ramp") -> JointModel:
    torch.manual_seed(seed)
    inpainter = RRDB(1, 4, 2, (1, 2, 2, 2, 1))
    restorer = UNet(2 if measured_channel else 1, width=4, depth=2)
    return JointModel(inpainter, restorer, SIZE, STEP, filter, measured_channel).eval()


def measure(image: Tensor, step_deg: float = STEP, wedge_deg: float | Tensor = 45.0) -> Measurement:
    geometry = TiltGeometry.full(image.shape[-1], step_deg)
    return Measurement(ParallelBeam(geometry)(image), geometry.measured(wedge_deg), geometry)


def series(image: Tensor, tilt_deg: np.ndarray, axis_offset_px: float = 0.0) -> Measurement:
    geometry = TiltGeometry(tuple(tilt_deg), image.shape[-1], axis_offset_px)
    return Measurement(ParallelBeam(geometry)(image), torch.ones(geometry.tilts, dtype=torch.bool), geometry)


@pytest.mark.parametrize("measured_channel", [False, True])
def test_a_measurement_goes_through_inpainter_wbp_and_restorer(measured_channel, faces):
    model, measurement = joint(measured_channel, filter="hann"), measure(faces)
    inpainted = WBP("hann")(InpaintSinogram(SIZE, STEP).complete(model.inpainter, measurement))
    shown = torch.cat([inpainted, WBP("hann")(measurement)], dim=1) if measured_channel else inpainted
    tomogram = model(measurement)
    assert tomogram.shape == faces.shape
    torch.testing.assert_close(tomogram, model.restorer(shown))
    torch.testing.assert_close(model.view(inpainted, measurement), shown)


def test_it_is_a_reconstructor(faces):
    assert isinstance(joint(), Reconstructor)
    assert RestoreMeasurement().see(measurement := measure(faces)) is measurement


@pytest.mark.parametrize("measured_channel", [False, True])
def test_a_tensor_goes_through_the_restorer_alone(measured_channel, generator):
    model = joint(measured_channel)
    prepared = torch.rand(2, 2 if measured_channel else 1, SIZE, SIZE, generator=generator)
    assert torch.equal(model(prepared), model.restorer(prepared))


def test_what_was_shown_in_training_is_what_is_shown_in_use(faces):
    model, measurement = joint(measured_channel=True), measure(faces)
    torch.testing.assert_close(model(model.view(model.inpaint(measurement), measurement)), model(measurement))


def test_a_perfect_inpainter_gives_the_tomogram_of_all_tilts(faces):
    model, measurement = joint(), measure(faces)
    model.inpainter = Knows(model.sinograms.target(faces, measurement))
    torch.testing.assert_close(model.inpaint(measurement), WBP()(measure(faces, wedge_deg=0.0)))


@pytest.mark.parametrize("axis_offset_px", [0.0, 1.25])
@pytest.mark.parametrize("step", [0.5, 1.0, 3.0, 5.0, 7.0, 18.0])
def test_a_perfect_inpainter_repairs_a_series_of_any_step(step, axis_offset_px, faces):
    model, measurement = joint(), series(faces, np.arange(-54, 55, step), axis_offset_px)
    model.inpainter = Knows(model.sinograms.target(faces, measurement))
    complete = WBP()(series(faces, np.arange(-90, 90, min(step, STEP))))
    repaired = model.inpaint(measurement)
    assert (repaired - complete).norm() < 0.5 * (WBP()(measurement) - complete).norm()


def test_another_inpainter_can_take_its_place(faces):
    model, other, measurement = joint(), joint(seed=1), measure(faces)
    torch.testing.assert_close(model.inpaint(measurement, other.inpainter), other.inpaint(measurement))
    assert not torch.allclose(model.inpaint(measurement), other.inpaint(measurement))


@pytest.mark.parametrize("step_deg", [STEP, 3.0], ids=["on the grid", "off it"])
def test_each_sample_has_its_own_wedge(step_deg, faces):
    model = joint(measured_channel=True)
    wedges = torch.tensor([100.0, 0.0, 40.0])
    together = model(measure(faces, step_deg, wedges))
    for sample, wedge in enumerate(wedges.tolist()):
        alone = model(measure(faces[sample : sample + 1], step_deg, wedge))
        torch.testing.assert_close(together[sample : sample + 1], alone, rtol=1e-4, atol=1e-4)


def test_without_a_gap_a_keeping_inpainter_changes_nothing_on_or_off_the_grid(faces):
    model = joint()
    for measurement in (measure(faces, wedge_deg=0.0), series(faces, np.arange(-90, 90, 3.0))):
        torch.testing.assert_close(model.inpaint(measurement), WBP()(measurement), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("step_deg", [STEP, 3.0], ids=["on the grid", "off it"])
@pytest.mark.parametrize("wedge_deg", [45.0, torch.tensor([45.0, 60.0, 90.0])], ids=["shared", "per sample"])
def test_gradients_of_the_tomogram_reach_both_networks(step_deg, wedge_deg, faces):
    model = joint().train()
    (model(measure(faces, step_deg, wedge_deg)) - faces).square().mean().backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None or not parameter.grad.any()] == []


def test_a_prepared_view_leaves_the_inpainter_alone(generator):
    model = joint().train()
    model(torch.rand(2, 1, SIZE, SIZE, generator=generator)).square().mean().backward()
    assert all(parameter.grad is None for parameter in model.inpainter.parameters())
    assert all(parameter.grad.any() for parameter in model.restorer.parameters())


@pytest.fixture
def weights(tmp_path) -> tuple[JointModel, Path]:
    model, path = joint(measured_channel=True, seed=3, filter="hann"), tmp_path / "joint.safetensors"
    with torch.no_grad():
        for value in model.restorer.state_dict().values():  # running statistics that no constructor gives
            if value.is_floating_point() and value.ndim == 1:
                value.add_(torch.rand(value.shape) / 4)
        model.restorer.head.convolution.bias.sub_(0.4)
    save_weights(path, model.state_dict(), RECORD)
    return model, path


def test_both_networks_travel_in_one_file(weights):
    model, path = weights
    record, state = read_weights(path)
    assert record == RECORD
    assert {key.split(".")[0] for key in state} == {"inpainter", "restorer"}
    loaded = load_reconstructor(path)
    assert isinstance(loaded.generator, JointModel)
    assert isinstance(loaded.task, RestoreMeasurement)
    for key, value in model.state_dict().items():
        assert torch.equal(loaded.generator.state_dict()[key], value.half().float() if value.is_floating_point() else value), key


@pytest.mark.parametrize("tilt_deg", [None, np.arange(-66, 67, 3.0)], ids=["on the grid", "off it"])
def test_a_loaded_joint_model_reconstructs_as_before_without_negative_densities(tilt_deg, weights, faces):
    model, path = weights
    measurement = measure(faces) if tilt_deg is None else series(faces, tilt_deg)
    with torch.no_grad():
        expected = model(measurement)
    assert expected.min() < -0.01
    tomogram = load_reconstructor(path)(measurement)
    torch.testing.assert_close(tomogram, expected.clamp(min=0), rtol=1e-2, atol=1e-2)
    assert not tomogram.requires_grad


@pytest.mark.parametrize("axis_offset_px", [0.0, -1.5])
def test_a_loaded_joint_model_takes_smaller_slices(axis_offset_px, weights, disc):
    loaded = load_reconstructor(weights[1])
    loaded.generator.inpainter, loaded.generator.restorer = FirstChannel(), FirstChannel()
    image = disc(25, 5, x=3, z=-2)
    tomogram = loaded(series(image, np.arange(-90, 90, 3.0), axis_offset_px))
    assert tomogram.shape == image.shape
    expected = WBP("hann")(series(image, np.arange(-90, 90, 3.0))).clamp(min=0)
    inside = disc(25, 9)
    assert ((tomogram - expected) * inside).norm() < 0.05 * expected.norm()


def test_a_file_that_names_somebody_elses_network_is_refused(weights, tmp_path):
    model, _ = weights
    record = {**RECORD, "generator": {**RECORD["generator"], "inpainter": {"_target_": "torch.nn.Conv2d", "in_channels": 2}}}
    save_weights(tmp_path / "theirs.safetensors", model.state_dict(), record)
    with pytest.raises(InputError, match=r"torch\.nn\.Conv2d is not a class of mwgan"):
        load_reconstructor(tmp_path / "theirs.safetensors")


def test_a_discriminator_is_shown_the_tomogram_and_not_the_measured_rows(faces):
    task, model, measurement = RestoreMeasurement(), joint(measured_channel=True), measure(faces)
    inpainted = model.inpaint(measurement)
    assert torch.equal(task.condition(model.view(inpainted, measurement)), inpainted)
    torch.testing.assert_close(task.condition(measurement), WBP()(measurement))
