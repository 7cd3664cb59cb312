"""The shipped joint model, at tilts of its own grid and of others."""

import numpy as np
import pytest
import torch

from mwgan.data import MixedSources, PhantomFaces, RandomShapes
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.metrics import image_metrics
from mwgan.operators import projector_for
from mwgan.recon import WBP, JointModel, load_reconstructor

TRAINED_ON = 500_000  # images of either source that training and evaluation leave alone


@pytest.fixture(scope="module")
def joint():
    return load_reconstructor("joint")


@pytest.fixture(scope="module")
def images():
    sources = {"shapes": RandomShapes(96, 3, offset=TRAINED_ON), "faces": PhantomFaces(96, 3, offset=TRAINED_ON)}
    mixed = MixedSources(sources)
    return torch.stack([torch.from_numpy(mixed.image(index, np.random.default_rng(0))) for index in range(6)]).unsqueeze(1)


def measured(images, tilt_deg, axis_offset_px=0.0):
    geometry = TiltGeometry(tuple(tilt_deg), 96, axis_offset_px)
    sinogram = projector_for(geometry)(images)
    noise = torch.randn(sinogram.shape, generator=torch.Generator().manual_seed(0))
    sinogram = sinogram + 0.02 * sinogram.amax(dim=(1, 2, 3), keepdim=True) * noise
    return Measurement(sinogram, torch.ones(geometry.tilts, dtype=torch.bool), geometry)


@pytest.mark.parametrize(("step_deg", "offset_px"), [(2.0, 0.0), (1.0, 0.0), (1.5, 0.0), (3.0, 0.0), (2.0, 0.25)])
def test_it_repairs_a_wedge_of_45_degrees_at_any_tilt_step(joint, images, step_deg, offset_px):
    measurement = measured(images, np.arange(-66, 67, step_deg), offset_px)
    repaired, plain = (image_metrics(method(measurement), images)["psnr"].mean() for method in (joint, WBP("hann")))
    assert repaired > 31
    assert repaired > plain + 11


def test_it_is_the_joint_model_and_says_where_it_was_not_trained(joint):
    assert isinstance(joint.generator, JointModel)
    assert joint.outside_training(TiltGeometry(tuple(np.arange(-66.0, 67, 2)), 96)) is None
    assert "was trained on 45" in joint.outside_training(TiltGeometry(tuple(np.arange(-50.0, 51, 2)), 96))
    assert "tilts lie about 11 degrees" in joint.outside_training(TiltGeometry(tuple(np.arange(-55.0, 78, 2)), 96))


def test_what_its_card_warns_of_is_so(joint, images):
    """Ranges that lean or leave more missing cost it decibels."""

    def quality(tilt_deg):
        return image_metrics(joint(measured(images, tilt_deg)), images)["psnr"].mean()

    as_trained = quality(np.arange(-66, 67, 2.0))
    assert quality(np.arange(-55, 78, 2.0)) < as_trained - 1
    assert quality(np.arange(-50, 51, 2.0)) < as_trained - 3
