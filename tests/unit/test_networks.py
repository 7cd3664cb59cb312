from __future__ import annotations

import pytest
import torch

from mwgan.errors import InputError
from mwgan.networks import UNet, UNetPlusPlus, VGGDiscriminator

GENERATORS = [UNet, UNetPlusPlus]
every_generator = pytest.mark.parametrize("network", GENERATORS)


def parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@every_generator
@pytest.mark.parametrize("shape", [(32, 32), (33, 47), (17, 64), (1, 5)])
@pytest.mark.parametrize("residual", [False, True])
def test_output_is_as_large_as_the_input_for_any_size(network, shape, residual):
    made = network(width=4, residual=residual).eval()
    assert made(torch.rand(2, 1, *shape)).shape == (2, 1, *shape)


@every_generator
def test_channels_in_and_out_can_differ(network):
    assert network(in_channels=2, out_channels=3, width=4, depth=2)(torch.rand(1, 2, 16, 16)).shape == (1, 3, 16, 16)
    assert network(in_channels=2, out_channels=1, width=4, depth=2, residual=True)(torch.rand(1, 2, 16, 16)).shape == (1, 1, 16, 16)


@every_generator
@pytest.mark.parametrize("mode", [True, False], ids=["training", "evaluation"])
def test_an_untrained_residual_network_is_nearly_the_identity(network, mode, generator):
    image = torch.rand(2, 1, 37, 32, generator=generator)
    output = network(width=4, residual=True).train(mode)(image)
    assert (output - image).norm() < 0.02 * image.norm()
    assert (network(width=4).train(mode)(image) - image).norm() > 0.1 * image.norm()


@every_generator
def test_padding_leaves_the_image_where_it_is(network, generator):
    torch.manual_seed(0)
    made = network(width=4, depth=2, normalization="none").eval()
    image = torch.rand(1, 1, 30, 30, generator=generator)
    padded = torch.nn.functional.pad(image, (0, 2, 0, 2))
    torch.testing.assert_close(made(image), made(padded)[..., :30, :30])


@every_generator
def test_parameters_grow_with_the_square_of_the_width(network):
    counts = [parameters(network(width=width)) for width in (4, 8, 16)]
    assert 3.3 < counts[1] / counts[0] < 4.0
    assert 3.6 < counts[2] / counts[1] < 4.0


def test_parameters_grow_with_depth():
    assert parameters(UNetPlusPlus(width=4, depth=2)) < parameters(UNetPlusPlus(width=4, depth=3))
    assert parameters(UNet(width=8)) < parameters(UNetPlusPlus(width=8))


def test_unetpp_has_15_nodes_in_a_triangle_and_one_head():
    network = UNetPlusPlus(width=4)
    assert set(network.nodes) == {f"{level}_{column}" for level in range(5) for column in range(5 - level)}
    assert len(network.nodes) == 15
    assert len(network.ups) == 10
    heads = [name for name, layer in network.named_modules() if isinstance(layer, torch.nn.Conv2d) and layer.kernel_size == (1, 1)]
    assert len(heads) == 1


def test_unetpp_nodes_see_every_earlier_node_of_their_row_and_the_one_below():
    network = UNetPlusPlus(width=4)
    for level in range(5):
        for column in range(1, 5 - level):
            width = 4 * 2**level
            first, second = (layer for layer in network.nodes[f"{level}_{column}"] if isinstance(layer, torch.nn.Conv2d))
            assert (first.in_channels, first.out_channels) == ((column + 1) * width, width)
            assert (second.in_channels, second.out_channels) == (width, width)
            up = network.ups[f"{level}_{column}"]
            assert (up.in_channels, up.out_channels) == (2 * width, width)


@every_generator
@pytest.mark.parametrize("normalization", ["batch", "group", "none"])
def test_gradients_reach_every_parameter_of_a_generator(network, normalization, generator):
    torch.manual_seed(0)
    made = network(width=4, normalization=normalization)
    made(torch.rand(2, 1, 32, 32, generator=generator)).square().mean().backward()
    assert [name for name, parameter in made.named_parameters() if parameter.grad is None or not parameter.grad.any()] == []


@pytest.mark.parametrize(("size", "scores"), [(32, 1), (64, 2), (100, 3), (256, 8)])
def test_discriminator_scores_patches(size, scores):
    image = torch.rand(2, 1, size, size)
    assert VGGDiscriminator(width=4)(image, image).shape == (2, 1, scores, scores)


def test_discriminator_needs_the_condition():
    image = torch.rand(2, 1, 32, 32)
    with pytest.raises(TypeError):
        VGGDiscriminator(width=4)(image)


def test_discriminator_listens_to_image_and_condition(generator):
    torch.manual_seed(0)
    discriminator = VGGDiscriminator(width=4).eval()
    image, condition, other = torch.rand(3, 1, 1, 32, 32, generator=generator)
    score = discriminator(image, condition)
    assert not torch.allclose(discriminator(image, other), score)
    assert not torch.allclose(discriminator(other, condition), score)


def test_discriminator_takes_conditions_of_several_channels():
    assert VGGDiscriminator(condition_channels=2, width=4)(torch.rand(2, 1, 32, 32), torch.rand(2, 2, 32, 32)).shape == (2, 1, 1, 1)


@pytest.mark.parametrize("normalization", ["batch", "group", "none"])
def test_gradients_reach_every_parameter_of_the_discriminator(normalization, generator):
    torch.manual_seed(0)
    discriminator = VGGDiscriminator(width=4, normalization=normalization)
    image, condition = torch.rand(2, 4, 1, 64, 64, generator=generator)
    discriminator(image, condition).square().mean().backward()
    assert [name for name, parameter in discriminator.named_parameters() if parameter.grad is None or not parameter.grad.any()] == []


def test_discriminator_parameters_grow_with_width():
    assert parameters(VGGDiscriminator(width=4)) < parameters(VGGDiscriminator(width=8))


@pytest.mark.parametrize("network", [*GENERATORS, VGGDiscriminator])
@pytest.mark.parametrize(("normalization", "independent"), [("batch", False), ("group", True), ("none", True)])
def test_only_batch_norm_mixes_the_images_of_a_training_batch(network, normalization, independent, generator):
    torch.manual_seed(0)
    made = network(width=8, normalization=normalization)
    images = torch.rand(4, 1, 32, 32, generator=generator)
    images[2:] *= 5
    inputs = (images, images) if network is VGGDiscriminator else (images,)
    together, alone = made(*inputs), made(*(part[:2] for part in inputs))
    assert torch.allclose(together[:2], alone, atol=1e-5) == independent


@pytest.mark.parametrize("network", [*GENERATORS, VGGDiscriminator])
def test_an_unknown_normalization_is_refused(network):
    with pytest.raises(InputError, match="batch, group or none"):
        network(width=4, normalization="layer")
