from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import normalized_root_mse, peak_signal_noise_ratio, structural_similarity

from mwgan.metrics import COLUMNS, ImageQuality, image_metrics


@pytest.fixture
def tomograms(faces, generator) -> torch.Tensor:
    """The three faces with more noise each."""
    level = torch.tensor([0.02, 0.1, 0.3]).reshape(3, 1, 1, 1)
    return faces + level * torch.randn(faces.shape, generator=generator)


def pairs(tomograms, faces):
    return zip(tomograms[:, 0].double().numpy(), faces[:, 0].double().numpy(), strict=True)


def test_every_column_has_one_value_an_image(tomograms, faces):
    values = image_metrics(tomograms, faces)
    assert tuple(values) == COLUMNS
    assert all(value.shape == (3,) for value in values.values())


def test_psnr_is_that_of_scikit_image(tomograms, faces):
    expected = [peak_signal_noise_ratio(image, tomogram, data_range=1.0) for tomogram, image in pairs(tomograms, faces)]
    np.testing.assert_allclose(image_metrics(tomograms, faces)["psnr"], expected, rtol=1e-5)


def test_ssim_is_that_of_scikit_image(tomograms, faces):
    options = {"data_range": 1.0, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    expected = [structural_similarity(image, tomogram, **options) for tomogram, image in pairs(tomograms, faces)]
    # Both leave out a border of half a window; what is left is the arithmetic in float32.
    np.testing.assert_allclose(image_metrics(tomograms, faces)["ssim"], expected, atol=1e-4)


def test_nrmse_is_that_of_scikit_image(tomograms, faces):
    expected = [normalized_root_mse(image, tomogram, normalization="euclidean") for tomogram, image in pairs(tomograms, faces)]
    np.testing.assert_allclose(image_metrics(tomograms, faces)["nrmse"], expected, rtol=1e-5)


def test_rmse_255_is_in_grey_levels(tomograms, faces):
    expected = [np.sqrt(np.mean((255 * tomogram - 255 * image) ** 2)) for tomogram, image in pairs(tomograms, faces)]
    np.testing.assert_allclose(image_metrics(tomograms, faces)["rmse_255"], expected, rtol=1e-5)


def test_a_wider_range_of_intensities_is_stated_not_guessed(tomograms, faces):
    values, scaled = image_metrics(tomograms, faces), image_metrics(7 * tomograms, 7 * faces, data_range=7.0)
    for column in COLUMNS:
        torch.testing.assert_close(scaled[column], values[column], rtol=1e-4, atol=1e-4)


def test_a_perfect_tomogram_is_perfect_and_finite(faces):
    values = image_metrics(faces, faces)
    assert values["psnr"].isfinite().all()
    assert (values["psnr"] > 100).all()
    torch.testing.assert_close(values["ssim"], torch.ones(3))
    assert torch.equal(values["nrmse"], torch.zeros(3))
    assert torch.equal(values["rmse_255"], torch.zeros(3))


def test_image_quality_weighs_every_image_alike_over_unequal_batches(tomograms, faces):
    quality = ImageQuality()
    quality.update(image_metrics(tomograms[:1], faces[:1]))
    quality.update(image_metrics(tomograms[1:], faces[1:]))
    expected = image_metrics(tomograms, faces)
    for column, value in quality.compute().items():
        torch.testing.assert_close(value.float(), expected[column].mean())


def test_image_quality_forgets_when_reset(tomograms, faces):
    quality = ImageQuality()
    quality.update(image_metrics(tomograms, faces))
    quality.reset()
    quality.update(image_metrics(tomograms[:1], faces[:1]))
    torch.testing.assert_close(quality.compute()["psnr"].float(), image_metrics(tomograms[:1], faces[:1])["psnr"][0])
