import pandas as pd
import pytest
import torch

from mwgan.evaluation import tune
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.metrics import image_metrics
from mwgan.operators import ParallelBeam


def quality_of(truth):
    return lambda tomogram: {name: float(image_metrics(tomogram, truth)[name].mean()) for name in ("psnr", "ssim")}


class Scaled:
    """A method whose best parameter is known: it returns the truth times ``gain``."""

    made = 0

    def __init__(self, gain, truth):
        type(self).made += 1
        self.gain, self.truth = gain, truth

    def __call__(self, measurement):
        return self.gain * self.truth


def test_the_best_value_wins_and_every_trial_is_recorded_once(faces, tmp_path):
    geometry = TiltGeometry.full(faces.shape[-1], 6.0)
    measurement = Measurement(ParallelBeam(geometry)(faces), geometry.measured(45.0), geometry)
    setting = {"checkpoint": "", "source": "phantom_faces", "wedge_deg": 45.0, "noise_percent": 2.0, "seed": 0}
    Scaled.made = 0
    arguments = (
        "scaled",
        lambda gain: Scaled(gain, faces),
        {"gain": [0.5, 0.9, 1.4]},
        measurement,
        quality_of(faces),
        setting,
        tmp_path / "t.csv",
    )
    assert tune(*arguments) == {"gain": 0.9}
    assert tune(*arguments) == {"gain": 0.9}
    assert Scaled.made == 3  # the second call read the record
    trials = pd.read_csv(tmp_path / "t.csv")
    assert list(trials["parameters"]) == ["gain=0.5", "gain=0.9", "gain=1.4"]
    mse = float((0.1 * faces).square().mean(dim=(1, 2, 3)).log10().mean())
    assert trials["psnr"][1] == pytest.approx(-10 * mse, abs=1e-3)
    assert torch.equal(measurement.measured, geometry.measured(45.0))


def test_two_networks_of_one_name_are_tuned_apart(faces, tmp_path):
    geometry = TiltGeometry.full(faces.shape[-1], 6.0)
    measurement = Measurement(ParallelBeam(geometry)(faces), geometry.measured(45.0), geometry)
    chosen = {}
    for checkpoint, right in (("", 1.0), ("a#1", 0.5), ("a#2", 2.0), ("a#1", 0.5)):
        setting = {"checkpoint": checkpoint, "source": "phantom_faces", "wedge_deg": 45.0, "noise_percent": 2.0, "seed": 0}
        made = lambda gain, right=right: Scaled(gain / right, faces)  # noqa: E731
        chosen[checkpoint] = tune("net", made, {"gain": [0.5, 1.0, 2.0]}, measurement, quality_of(faces), setting, tmp_path / "t.csv")
    assert chosen == {"": {"gain": 1.0}, "a#1": {"gain": 0.5}, "a#2": {"gain": 2.0}}
    assert len(pd.read_csv(tmp_path / "t.csv")) == 9
