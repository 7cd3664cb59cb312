"""A conditional discriminator of volumes."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class VolumeDiscriminator(nn.Module):
    """Scores (B, 1, d, h, w) of a volume (B, 1, D, H, W), given the generator's input (B, C, D, H, W). No activation at the end.

    ``layers`` of convolution with a stride of two and LeakyReLU, then one convolution: each score is of a piece of the volume (Isola et
    al., CVPR 2017, in three dimensions). Depth and widths are our choice; sides must be at least ``2 ** layers``.
    """

    def __init__(self, condition_channels: int = 1, width: int = 16, layers: int = 3, negative_slope: float = 0.2) -> None:
        super().__init__()
        stack: list[nn.Module] = []
        before = 1 + condition_channels
        for level in range(layers):
            after = width * 2**level
            stack += [nn.Conv3d(before, after, 4, stride=2, padding=1), nn.LeakyReLU(negative_slope, inplace=True)]
            before = after
        self.features = nn.Sequential(*stack)
        self.score = nn.Conv3d(before, 1, 3, padding=1)

    def forward(self, volume: Tensor, condition: Tensor) -> Tensor:
        scores: Tensor = self.score(self.features(torch.cat([volume, condition], dim=1)))
        return scores
