from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from mwgan.acquisition import Acquisition
from mwgan.data import Challenge, RandomShapes
from mwgan.errors import InputError
from mwgan.evaluation.features import COLUMNS, CONTRAST, backgrounds, feature_rates
from mwgan.geometry import Measurement
from mwgan.recon import WBP

N = 64


def rates(tomogram: Tensor, image: Tensor, background: Tensor) -> tuple[float, float]:
    """Omission and hallucination of one slice (N, N)."""
    found = feature_rates(tomogram[None, None], image[None, None], background[None, None])
    return float(found["omission"]), float(found["hallucination"])


def challenge(size: int = N, count: int = 24) -> tuple[Tensor, Tensor]:
    source = Challenge(size=size, count=count)
    images = np.stack([source.image(index, np.random.default_rng(0)) for index in range(count)])
    return torch.from_numpy(images)[:, None], backgrounds(source, range(count))


@pytest.fixture
def body() -> Tensor:
    """A square body of 0.6 from row and column 16 up to 47."""
    pixels = torch.zeros(N, N)
    pixels[16:48, 16:48] = 0.6
    return pixels


@pytest.fixture
def with_lamella(body: Tensor) -> Tensor:
    image = body.clone()
    image[32, 20:44] = 1.0
    return image


@pytest.mark.parametrize("size", [64, 128])
def test_the_image_scores_0_and_0_and_its_background_1_and_0(size):
    image, background = challenge(size)
    without = torch.arange(24) % 6 == 5
    for tomogram, omission in ((image, 0.0), (background, 1.0)):
        found = feature_rates(tomogram, image, background)
        assert tuple(found) == COLUMNS
        assert found["omission"].isnan().equal(without)
        assert (found["omission"][~without] == omission).all()
        assert (found["hallucination"] == 0).all()


def test_a_batch_is_its_slices_one_by_one():
    image, background = challenge()
    tomogram = image + 0.3 * torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    together = feature_rates(tomogram, image, background)
    for index in range(len(image)):
        alone = feature_rates(*(given[index : index + 1] for given in (tomogram, image, background)))
        for column in COLUMNS:
            assert together[column].shape == (24,)
            torch.testing.assert_close(alone[column][0], together[column][index], equal_nan=True, rtol=0, atol=0)


@pytest.mark.parametrize("length", [0, 4, 12, 24])
def test_a_lamella_found_in_part_is_lost_in_part(body, with_lamella, length):
    tomogram = body.clone()
    tomogram[32, 20 : 20 + length] = 1.0
    assert rates(tomogram, with_lamella, body)[0] == pytest.approx(1 - length / 24)


def test_half_a_slanting_crack_is_half_lost(body):
    image, half = body.clone(), body.clone()
    for step in range(24):
        image[20 + step, 20 + step : 22 + step] = 0.1
        if step < 12:
            half[20 + step, 20 + step : 22 + step] = 0.1
    assert rates(half, image, body)[0] == pytest.approx(0.5, abs=0.05)


def test_features_count_alike_whatever_their_size(body):
    image = body.clone()
    image[20:30, 20:30] = 0.0
    image[36, 36] = image[40, 24] = 0.0
    tomogram = image.clone()
    tomogram[36, 36] = 0.6
    assert rates(tomogram, image, body)[0] == pytest.approx(1 / 3)
    tomogram = body.clone()
    tomogram[36, 36] = 0.0
    assert rates(tomogram, image, body)[0] == pytest.approx(2 / 3)


def test_pixels_that_touch_by_a_corner_are_one_feature(body):
    image = body.clone()
    image[40, 40] = 0.0
    tomogram = image.clone()
    for step in range(4):
        image[24 + step, 24 + step] = 0.0
    assert rates(tomogram, image, body)[0] == pytest.approx(1 / 2)


@pytest.mark.parametrize(("share", "omission"), [(-1.0, 1.0), (0.45, 1.0), (0.55, 0.0), (1.5, 0.0)])
@pytest.mark.parametrize("contrast", [0.4, -0.4])
def test_a_feature_is_found_from_half_of_its_contrast_on(body, share, omission, contrast):
    image, tomogram = body.clone(), body.clone()
    image[30, 30] += contrast
    tomogram[30, 30] += share * contrast
    assert rates(tomogram, image, body) == (omission, 0.0)


def test_structure_that_is_not_there_is_hallucinated_by_its_share_of_the_clear_area(body):
    position = torch.arange(N) - 31.5
    within = position[:, None].square() + position[None, :].square() <= (N / 2 - 1) ** 2
    edge = torch.zeros(N, N, dtype=torch.bool)
    edge[13:51, 13:51] = True  # the edge lies on either side of 15.5; two pixels more on both sides
    edge[19:45, 19:45] = False
    clear = int((within & ~edge).sum())
    for value, where in (
        (0.9, (slice(30, 34), slice(30, 34))),
        (0.3, (slice(30, 34), slice(30, 34))),
        (0.3, (slice(6, 10), slice(30, 34))),
    ):
        tomogram = body.clone()
        tomogram[where] = value
        omission, hallucination = rates(tomogram, body, body)
        assert math.isnan(omission)
        assert hallucination == pytest.approx(16 / clear)


def test_what_is_fainter_than_half_of_the_features_is_no_hallucination(body, with_lamella):
    for image, half in ((with_lamella, 0.2), (body, CONTRAST / 2)):
        for factor in (0.9, 1.1):
            tomogram = image.clone()
            tomogram[24, 24] -= factor * half
            assert (rates(tomogram, image, body)[1] > 0) == (factor > 1)


def test_blurred_features_and_edges_and_the_corners_are_no_hallucination(body, with_lamella):
    tomogram = with_lamella.clone()
    tomogram[34, 20:44] = 1.0  # two pixels from the lamella
    tomogram[13, 16:48] = 0.6  # two pixels from the edge
    tomogram[:4, :4] = 1.0  # no tilt but the first sees it
    assert rates(tomogram, with_lamella, body)[1] == 0
    tomogram[35, 30] = 1.0
    assert rates(tomogram, with_lamella, body)[1] > 0


def test_a_grey_level_missed_all_over_a_body_neither_finds_nor_makes_up_anything(body):
    image = body.clone()
    image[32, 20:44] = 0.0
    assert rates(torch.zeros(N, N), image, body) == (1.0, 0.0)
    assert rates(0.4 * body + 0.2, image, body) == (1.0, 0.0)
    assert rates(torch.where(body > 0, image - 0.35, image + 0.3), image, body) == (0.0, 0.0)


def test_what_a_method_makes_of_the_body_alone_has_lost_every_feature():
    image, background = challenge()
    acquisition = Acquisition(N, 3.0, (60.0, 60.0))
    visible = background.amax(dim=(1, 2, 3)) > 0
    image, background = image[visible], background[visible]
    measurement = acquisition(background, torch.arange(len(background)))
    tomogram = WBP()(Measurement(measurement.sinogram, acquisition.geometry.measured(60.0), acquisition.geometry))
    omission = feature_rates(tomogram, image, background)["omission"]
    assert (omission[~omission.isnan()] == 1).all()


def test_a_tomogram_of_nan_scores_worst(body, with_lamella):
    assert rates(torch.full((N, N), torch.nan), with_lamella, body) == (1.0, 1.0)


def test_an_image_that_is_all_features_has_no_hallucination():
    omission, hallucination = rates(torch.ones(N, N), torch.ones(N, N), torch.zeros(N, N))
    assert omission == 0
    assert math.isnan(hallucination)


def test_the_arguments_are_left_as_they_were_and_gradients_are_no_hindrance(body, with_lamella):
    tomogram = body[None, None].clone().requires_grad_()
    found = feature_rates(tomogram, with_lamella[None, None], body[None, None])
    assert not found["omission"].requires_grad
    assert tomogram.detach()[0, 0].equal(body)


@pytest.mark.parametrize(
    "shapes",
    [
        ((2, 1, 8, 8), (2, 1, 8, 8), (1, 1, 8, 8)),
        ((2, 1, 8, 8), (2, 1, 9, 9), (2, 1, 8, 8)),
        ((8, 8), (8, 8), (8, 8)),
        ((2, 2, 8, 8), (2, 2, 8, 8), (2, 2, 8, 8)),
        ((2, 1, 8, 9), (2, 1, 8, 9), (2, 1, 8, 9)),
    ],
)
def test_other_shapes_are_refused(shapes):
    with pytest.raises(InputError, match=r"one shape|square"):
        feature_rates(*(torch.zeros(shape) for shape in shapes))


def test_backgrounds_are_those_of_the_images_asked_for_and_of_no_other_source():
    source = Challenge(size=16, count=12)
    found = backgrounds(source, [7, 2])
    assert found is not None
    assert found.shape == (2, 1, 16, 16)
    np.testing.assert_array_equal(found[1, 0].numpy(), source.background(2))
    assert backgrounds(RandomShapes(size=16, count=3), [0]) is None
