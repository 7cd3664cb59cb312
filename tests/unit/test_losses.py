from __future__ import annotations

import numpy as np
import pytest
import torch

from mwgan.errors import InputError
from mwgan.losses import LSGAN, PixelLoss, RaLSGAN


@pytest.fixture
def scores(generator) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(4, 1, 3, 3, generator=generator), 0.5 + torch.randn(4, 1, 3, 3, generator=generator)


def test_ralsgan_is_equations_1_and_2_of_the_paper(scores):
    real, fake = (part.double().numpy() for part in scores)
    discriminator = np.mean((real - np.mean(fake) - 1) ** 2) + np.mean((fake - np.mean(real) + 1) ** 2)
    generator = np.mean((fake - np.mean(real) - 1) ** 2) + np.mean((real - np.mean(fake) + 1) ** 2)
    assert RaLSGAN().discriminator(*scores).item() == pytest.approx(discriminator, rel=1e-5)
    assert RaLSGAN().generator(*scores).item() == pytest.approx(generator, rel=1e-5)


def test_ralsgan_compares_scores_and_does_not_care_for_their_level(scores):
    real, fake = scores
    for loss in (RaLSGAN().discriminator, RaLSGAN().generator):
        assert loss(real + 100, fake + 100).item() == pytest.approx(loss(real, fake).item(), rel=1e-3)


def test_lsgan_pulls_real_to_1_and_fake_to_0(scores):
    real, fake = (part.double().numpy() for part in scores)
    assert LSGAN().discriminator(*scores).item() == pytest.approx(np.mean((real - 1) ** 2) + np.mean(fake**2), rel=1e-5)
    assert LSGAN().generator(*scores).item() == pytest.approx(np.mean((fake - 1) ** 2), rel=1e-5)


@pytest.mark.parametrize("game", [RaLSGAN(), LSGAN()], ids=["ralsgan", "lsgan"])
def test_a_won_game_costs_its_winner_nothing(game):
    ahead, behind = torch.ones(2, 1, 2, 2), torch.zeros(2, 1, 2, 2)
    assert game.discriminator(real=ahead, fake=behind) == 0
    assert game.generator(real=behind, fake=ahead) == 0
    assert game.discriminator(real=behind, fake=ahead) > 0
    assert game.generator(real=ahead, fake=behind) > 0


@pytest.mark.parametrize("game", [RaLSGAN(), LSGAN()], ids=["ralsgan", "lsgan"])
def test_the_two_players_pull_the_fake_scores_apart(game):
    real = torch.full((2, 1, 1, 1), 0.5)
    fake = torch.full((2, 1, 1, 1), 0.5, requires_grad=True)
    (down,) = torch.autograd.grad(game.discriminator(real, fake), fake)
    (up,) = torch.autograd.grad(game.generator(real, fake), fake)
    assert (down > 0).all()
    assert (up < 0).all()


@pytest.mark.parametrize(("norm", "power"), [("l1", 1), ("l2", 2)])
def test_pixel_loss_is_the_mean_of_the_norm(norm, power, faces, generator):
    output = faces + torch.randn(faces.shape, generator=generator)
    expected = (np.abs((output - faces).double().numpy()) ** power).mean()
    assert PixelLoss(norm)(output, faces).item() == pytest.approx(expected, rel=1e-5)


def test_an_unknown_pixel_norm_is_refused():
    with pytest.raises(InputError, match="l1, l2 or log_l2"):
        PixelLoss("l3")


def test_a_floor_forgives_what_is_clipped_in_use():
    output, target = torch.tensor([[-0.5, 0.5]]), torch.tensor([[0.0, 0.25]])
    assert PixelLoss("l2")(output, target) == pytest.approx((0.25 + 0.0625) / 2)
    assert PixelLoss("l2", floor=0.0)(output, target) == pytest.approx(0.0625 / 2)
