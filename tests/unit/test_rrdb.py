from __future__ import annotations

import io

import pytest
import torch

from mwgan.errors import InputError
from mwgan.networks import RRDB


def small(**options) -> RRDB:
    torch.manual_seed(0)
    return RRDB(**{"blocks": 1, "width": 4, "growth": 2, **options})


def seen(generator: torch.Generator, tilts: int = 18, detector: int = 16) -> torch.Tensor:
    """(2, 2, A, N): a sinogram with a gap in its middle third, and where it was measured."""
    mask = torch.ones(2, 1, tilts, detector)
    mask[:, :, tilts // 3 : 2 * tilts // 3] = 0
    return torch.cat([torch.rand(2, 1, tilts, detector, generator=generator) * mask, mask], dim=1)


def reach(dilations: tuple[int, ...]) -> tuple[int, int]:
    """How many rows and columns away one pixel of the sinogram is heard, in a network that lets everything through."""
    network = small(dilations=dilations)
    for name, parameter in network.named_parameters():
        torch.nn.init.constant_(parameter, 0.0 if name.endswith("bias") else 0.1)
    middle, size = 40, 81
    pixel = torch.zeros(1, 2, size, size)
    pixel[0, 0, middle, middle] = 1.0
    heard = network(pixel)[0, 0].nonzero() - middle
    return int(heard[:, 0].max()), int(heard[:, 1].max())


@pytest.mark.parametrize("shape", [(18, 16), (45, 31), (5, 7), (1, 1)])
def test_output_is_as_large_as_the_sinogram_for_any_size(shape):
    assert small()(torch.rand(3, 2, *shape)).shape == (3, 1, *shape)


def test_measured_rows_come_back_to_the_last_bit_and_the_gap_is_filled(generator):
    given = seen(generator)
    output = small()(given)
    measured = given[:, 1:] > 0.5
    assert torch.equal(output[measured], given[:, :1][measured])
    assert (output[~measured] != 0).all()


@pytest.mark.parametrize("keep_measured", [True, False])
def test_only_keep_measured_holds_measured_rows_through_a_step_of_training(keep_measured, generator):
    network, given = small(keep_measured=keep_measured), seen(generator)
    measured = given[:, 1:] > 0.5
    before = network(given)
    before.square().mean().backward()
    torch.optim.SGD(network.parameters(), lr=0.1).step()
    after = network(given)
    assert torch.equal(after[measured], before[measured]) == keep_measured
    assert not torch.equal(after[~measured], before[~measured])


def test_what_was_measured_is_carried_past_the_network(generator):
    network, given = small(keep_measured=False), seen(generator)
    torch.nn.init.zeros_(network.last[-1].weight)
    torch.nn.init.zeros_(network.last[-1].bias)
    assert torch.equal(network(given), given[:, :1])


@pytest.mark.parametrize("keep_measured", [True, False])
def test_gradients_reach_every_parameter(keep_measured, generator):
    network = small(keep_measured=keep_measured)
    network(seen(generator)).square().mean().backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None or not parameter.grad.any()] == []


def test_the_mask_is_heard_and_not_only_the_sinogram(generator):
    network, given = small(keep_measured=False), seen(generator)
    other = given.clone()
    other[:, 1] = 1
    assert not torch.allclose(network(given), network(other))


def test_samples_do_not_mix(generator):
    network, given = small().train(), seen(generator)
    torch.testing.assert_close(network(given)[:1], network(given[:1]))


def test_dilation_widens_what_a_pixel_is_heard_by():
    # Three dense blocks of five convolutions, and four convolutions around them.
    assert reach((1, 1, 1, 1, 1)) == (19, 19)
    assert reach((1, 2, 4, 2, 1)) == (34, 34)


def test_a_block_is_three_dense_blocks_of_five_convolutions():
    network = RRDB(blocks=2, width=4, growth=2, dilations=(1, 2, 3, 4, 5))
    for block in network.trunk:
        for dense in block.dense:
            assert [layer.dilation for layer in dense.convolutions] == [(dilation, dilation) for dilation in (1, 2, 3, 4, 5)]
            assert [layer.in_channels for layer in dense.convolutions] == [4, 6, 8, 10, 12]
            assert [layer.out_channels for layer in dense.convolutions] == [2, 2, 2, 2, 4]
    assert [len(block.dense) for block in network.trunk] == [3, 3]


def test_untrained_dense_blocks_are_nearly_the_identity_and_a_block_adds_a_fifth_of_theirs(generator):
    torch.manual_seed(0)
    block = RRDB(blocks=1, width=64, growth=32).trunk[0]
    features = torch.rand(1, 64, 9, 8, generator=generator)
    for dense in block.dense:
        assert 0 < (dense(features) - features).norm() < 0.02 * features.norm()
    torch.testing.assert_close(block(features), features + 0.2 * block.dense(features))


def test_state_comes_back_from_a_file(generator):
    network, file = small(), io.BytesIO()
    torch.save(network.state_dict(), file)
    file.seek(0)
    torch.manual_seed(1)
    other, given = RRDB(blocks=1, width=4, growth=2), seen(generator)
    assert not torch.equal(other(given), network(given))
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(other(given), network(given))


@pytest.mark.parametrize(
    "wrong",
    [
        {"blocks": 0},
        {"width": 0},
        {"growth": 0},
        {"dilations": (1, 2, 4, 2)},
        {"dilations": (1, 2, 4, 2, 1, 1)},
        {"dilations": (1, 0, 4, 2, 1)},
        {"dilations": ()},
    ],
)
def test_impossible_networks_are_refused(wrong):
    with pytest.raises(InputError, match="an RRDB network needs"):
        RRDB(**wrong)
