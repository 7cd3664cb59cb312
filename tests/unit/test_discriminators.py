from __future__ import annotations

import pytest
import torch
from torch import nn

from mwgan.errors import InputError
from mwgan.networks import DualPathDiscriminator, StackDiscriminator

DISCRIMINATORS = [DualPathDiscriminator, StackDiscriminator]
every_discriminator = pytest.mark.parametrize("network", DISCRIMINATORS)


def layers(network: nn.Module, kind: type) -> list:
    return [layer for layer in network.modules() if isinstance(layer, kind)]


def without_norms(network: nn.Module) -> nn.Module:
    """The same network with its group norms taken out, whose statistics would hear every pixel."""
    for name, layer in list(network.named_children()):
        if isinstance(layer, nn.GroupNorm):
            setattr(network, name, nn.Identity())
        else:
            without_norms(layer)
    return network


def extent(path: nn.Module, first: nn.Module) -> list[int]:
    """Rows and columns (height, width) of the input that the middle of ``path(first(input))`` hears."""
    given = torch.rand(1, 2, 160, 160, dtype=torch.float64, requires_grad=True)
    features = path(first(given))
    features[0, :, features.shape[2] // 2, features.shape[3] // 2].sum().backward()
    heard = given.grad[0].abs().sum(dim=0).nonzero()
    return (heard.max(dim=0).values - heard.min(dim=0).values + 1).tolist()


@pytest.mark.parametrize(("shape", "scores"), [((90, 96), (12, 12)), ((180, 256), (23, 32)), ((32, 30), (4, 4))])
def test_dual_path_scores_an_eighth_of_each_side_rounded_up(shape, scores):
    sinogram = torch.rand(2, 1, *shape)
    assert DualPathDiscriminator(width=4)(sinogram, sinogram).shape == (2, 1, *scores)


@pytest.mark.parametrize(("shape", "scores"), [((90, 96), (5, 6)), ((180, 256), (11, 16)), ((32, 30), (2, 1)), ((16, 16), (1, 1))])
def test_stack_scores_a_sixteenth_of_each_side(shape, scores):
    image = torch.rand(2, 1, *shape)
    assert StackDiscriminator(width=4)(image, image).shape == (2, 1, *scores)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_layer_of_the_stack_halves_the_image(count):
    image = torch.rand(2, 1, 32, 32)
    assert StackDiscriminator(width=4, layers=count)(image, image).shape == (2, 1, 32 // 2**count, 32 // 2**count)


@every_discriminator
def test_the_condition_is_needed(network):
    with pytest.raises(TypeError):
        network(width=4)(torch.rand(2, 1, 32, 32))


@every_discriminator
def test_both_output_and_condition_change_the_score(network, generator):
    torch.manual_seed(0)
    discriminator = network(width=4).eval()
    given, condition, other = torch.rand(3, 2, 1, 32, 32, generator=generator)
    score = discriminator(given, condition)
    assert not torch.allclose(discriminator(given, other), score)
    assert not torch.allclose(discriminator(other, condition), score)
    assert not torch.allclose(discriminator(condition, given), score)


@every_discriminator
def test_conditions_may_have_several_channels(network):
    assert network(condition_channels=2, width=4)(torch.rand(2, 1, 32, 32), torch.rand(2, 2, 32, 32)).shape[:2] == (2, 1)


@every_discriminator
def test_scores_are_not_squeezed(network, generator):
    torch.manual_seed(0)
    discriminator = network(width=4)
    nn.init.constant_(discriminator.score.bias, 50.0)
    image = torch.rand(2, 1, 32, 32, generator=generator)
    assert discriminator(image, image).min() > 10
    nn.init.constant_(discriminator.score.bias, -50.0)
    assert discriminator(image, image).max() < -10


@every_discriminator
def test_gradients_reach_every_parameter(network, generator):
    torch.manual_seed(0)
    discriminator = network(width=4)
    image, condition = torch.rand(2, 3, 1, 64, 48, generator=generator)
    discriminator(image, condition).square().mean().backward()
    assert [name for name, parameter in discriminator.named_parameters() if parameter.grad is None or not parameter.grad.any()] == []


@every_discriminator
def test_gradients_reach_every_part_of_what_is_judged(network, generator):
    torch.manual_seed(0)
    image = torch.rand(1, 1, 48, 48, generator=generator).requires_grad_()
    network(width=4)(image, image.detach()).square().sum().backward()
    assert (image.grad != 0).all()


def test_dual_path_has_group_norm_of_four_groups_and_no_other():
    discriminator = DualPathDiscriminator(width=8)
    norms = layers(discriminator, nn.GroupNorm)
    assert len(norms) == 7  # three to a path, and one where they meet
    assert {(norm.num_groups, norm.num_channels) for norm in norms} == {(4, 8)}
    assert layers(discriminator, nn.BatchNorm2d) == []


@pytest.mark.parametrize(("network", "independent"), [(DualPathDiscriminator, True), (StackDiscriminator, False)])
def test_only_batch_norm_mixes_the_samples_of_a_batch(network, independent, generator):
    torch.manual_seed(0)
    discriminator = network(width=4).train()
    image = torch.rand(4, 1, 32, 32, generator=generator)
    image[2:] *= 5
    assert torch.allclose(discriminator(image, image)[:2], discriminator(image[:2], image[:2]), atol=1e-5) == independent


def test_the_slow_path_sees_much_further_than_the_fast_one():
    torch.manual_seed(0)
    discriminator = without_norms(DualPathDiscriminator(width=4)).double()
    slow, fast = extent(discriminator.slow, discriminator.first), extent(discriminator.fast, discriminator.first)
    # The first kernel is 5 x 7; then dilations 2, 4 and 8, or 1, 1 and 1, each at half the resolution before.
    assert fast == [5 + 2 * (1 + 2 + 4), 7 + 2 * (1 + 2 + 4)]
    assert slow == [5 + 2 * (2 + 8 + 32), 7 + 2 * (2 + 8 + 32)]


@pytest.mark.parametrize("silent", ["slow", "fast"])
def test_both_paths_reach_the_score(silent, generator):
    torch.manual_seed(0)
    discriminator = DualPathDiscriminator(width=4)
    sinogram = torch.rand(1, 1, 32, 32, generator=generator)
    score = discriminator(sinogram, sinogram)
    for norm in layers(getattr(discriminator, silent), nn.GroupNorm):
        nn.init.zeros_(norm.weight)
    assert not torch.allclose(discriminator(sinogram, sinogram), score)


def test_the_stack_is_dilated_by_two_with_batch_norm_and_takes_the_maximum_last():
    discriminator = StackDiscriminator(width=4, layers=4)
    convolutions = layers(discriminator.features, nn.Conv2d)
    assert [layer.dilation for layer in convolutions] == [(2, 2)] * 4
    assert [layer.out_channels for layer in convolutions] == [4, 8, 16, 32]
    assert len(layers(discriminator, nn.BatchNorm2d)) == 4
    pools = [type(layer) for layer in discriminator.features if isinstance(layer, nn.MaxPool2d | nn.AvgPool2d)]
    assert pools == [nn.AvgPool2d] * 3 + [nn.MaxPool2d]


def test_the_stack_refuses_an_unknown_normalization():
    with pytest.raises(InputError, match="batch, group or none"):
        StackDiscriminator(width=4, normalization="layer")
