"""The network for volumes of atoms, and its use on whole volumes."""

from __future__ import annotations

import pytest
import torch

from mwgan.networks import ResidualUNet3d
from mwgan.recon.learned_atoms import in_parts


@pytest.fixture
def network():
    torch.manual_seed(0)
    made = ResidualUNet3d(in_channels=5, numbers=2, width=4, deep_width=6, blocks=1).double()
    with torch.no_grad():  # as after a training: nothing of it is 0 any more
        for weight in made.parameters():
            weight.copy_(0.2 * torch.randn(weight.shape, dtype=torch.double))
    return made.eval()


def seen(*sides):
    volume = torch.randn(1, 3, *sides, dtype=torch.double, generator=torch.Generator().manual_seed(1))
    return torch.cat([volume, torch.tensor([0.3, -0.4]).double().reshape(1, 2, 1, 1, 1).expand(1, 2, *sides)], dim=1)


def test_a_volume_comes_out_as_large_as_it_came_in(network):
    assert network(seen(8, 12, 16)).shape == (1, 1, 8, 12, 16)


def test_an_untrained_network_shows_nothing_but_one_value():
    assert ResidualUNet3d()(torch.randn(1, 7, 8, 8, 8)).flatten(2).std() < 1e-6


@torch.no_grad()
def test_nothing_beyond_its_reach_matters(network):
    volume = seen(8, 8, 128)
    other = volume.clone()
    other[:, :3, :, :, 0] += 1
    changed = (network(other) - network(volume)).abs().amax(dim=(0, 1, 2, 3)).nonzero().flatten()
    assert 8 < changed.max() <= network.reach


@torch.no_grad()
def test_what_is_alike_in_all_voxels_has_a_say(network):
    volume = seen(8, 8, 8)
    other = volume.clone()
    other[:, 3] += 1
    assert (network(other) - network(volume)).abs().max() > 1e-3


@torch.no_grad()
@pytest.mark.parametrize("core", [4, 10, 20])
def test_parts_have_no_seam(network, core):
    volume = seen(22, 26, 47)  # sides that don't divide by 4
    whole = in_parts(network, volume, 1000)
    assert whole.shape == (1, 1, 22, 26, 47)
    assert (in_parts(network, volume, core) - whole).abs().max() < 1e-10
