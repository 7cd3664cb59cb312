"""A residual U-Net for volumes that works at half their resolution, where atoms are still several voxels apart."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ResidualUNet3d(nn.Module):
    """Volumes (B, in, D, H, W) to (B, out, D, H, W), for sides that divide by :attr:`multiple`.

    Every 2 x 2 x 2 voxels become channels, residual blocks follow at half and at a quarter of the resolution, and channels become
    voxels again. There is no normalization, so an output depends only on the input within :attr:`reach` voxels: patches that
    overlap by so much are seamless. Sizes are our choice.

    Parameters
    ----------
    in_channels, out_channels
        Channels of volumes.
    numbers
        Number of the last input channels that are constant over the voxels: their embedding is added to all features.
    width, deep_width
        Channels at half and at a quarter of the resolution.
    blocks
        Residual blocks at the quarter.
    """

    multiple = 4

    def __init__(
        self, in_channels: int = 7, out_channels: int = 1, numbers: int = 4, width: int = 32, deep_width: int = 48, blocks: int = 2
    ) -> None:
        super().__init__()
        self.reach = 4 * (2 * blocks + 1) + 2 * (1 + 2 + 1 + 2)  # of the convolutions, plus up to a cell to its border
        self.volumes = in_channels - numbers
        self.begin, self.told = _convolution(8 * self.volumes, width), nn.Linear(numbers, width)
        self.before = _Block(width)
        self.down, self.told_deep = nn.Conv3d(width, deep_width, 2, stride=2), nn.Linear(numbers, deep_width)
        self.deep = nn.Sequential(*(_Block(deep_width) for _ in range(blocks)))
        self.up = nn.ConvTranspose3d(deep_width, width, 2, stride=2)
        self.merge = _convolution(2 * width, width)
        self.after = _Block(width)
        self.end = nn.Conv3d(width, 8 * out_channels, 1)
        nn.init.zeros_(self.end.weight)  # most of a volume is empty, so start from zero
        nn.init.constant_(self.end.bias, 0.0)  # type: ignore[arg-type]

    def forward(self, volume: Tensor) -> Tensor:
        numbers = volume[:, self.volumes :, 0, 0, 0]
        begun = self.begin(_voxels_to_channels(volume[:, : self.volumes])) + _in_all_voxels(self.told(numbers))
        fine = self.before(nn.functional.silu(begun))
        deep = self.up(self.deep(nn.functional.silu(self.down(fine) + _in_all_voxels(self.told_deep(numbers)))))
        merged = self.after(nn.functional.silu(self.merge(torch.cat([fine, deep], dim=1))))
        return _channels_to_voxels(self.end(merged))


class _Block(nn.Module):
    """The input plus two convolutions of it, initially zero."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.one, self.two = _convolution(width, width), _convolution(width, width)
        nn.init.zeros_(self.two.weight)

    def forward(self, features: Tensor) -> Tensor:
        changed: Tensor = features + self.two(nn.functional.silu(self.one(features)))
        return changed


def _convolution(before: int, after: int) -> nn.Conv3d:
    layer = nn.Conv3d(before, after, 3, padding=1)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def _in_all_voxels(features: Tensor) -> Tensor:
    return features[:, :, None, None, None]


def _voxels_to_channels(volume: Tensor) -> Tensor:
    """(B, C, D, H, W) to (B, 8 C, D / 2, H / 2, W / 2)."""
    batch, channels, depth, height, width = volume.shape
    cells = volume.reshape(batch, channels, depth // 2, 2, height // 2, 2, width // 2, 2)
    return cells.permute(0, 1, 3, 5, 7, 2, 4, 6).reshape(batch, 8 * channels, depth // 2, height // 2, width // 2)


def _channels_to_voxels(features: Tensor) -> Tensor:
    """The inverse."""
    batch, channels, depth, height, width = features.shape
    cells = features.reshape(batch, channels // 8, 2, 2, 2, depth, height, width)
    return cells.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(batch, channels // 8, 2 * depth, 2 * height, 2 * width)
