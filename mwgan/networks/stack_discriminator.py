"""The conditional discriminator of Ding 2019's de-artifact model: a dilated convolution stack."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mwgan.networks.blocks import normalization as make_normalization


class StackDiscriminator(nn.Module):
    """Scores (B, 1, h, w) of an image (B, 1, H, W), given the generator's input (B, C, H, W). No activation at the end.

    ``layers`` of convolution dilated by two, batch norm, LeakyReLU and pooling, then one convolution. The last pooling
    takes the maximum, those before it the average. Depth and widths are our choice; H and W must be at least
    ``2 ** layers``.

    References
    ----------
    Ding 2019, "De-artifacts model", Network.
    """

    def __init__(
        self, condition_channels: int = 1, width: int = 64, layers: int = 4, normalization: str = "batch", negative_slope: float = 0.2
    ) -> None:
        super().__init__()
        stack: list[nn.Module] = []
        before = 1 + condition_channels
        for level in range(layers):
            after = width * min(2**level, 8)
            stack += [
                nn.Conv2d(before, after, 3, padding=2, dilation=2, bias=normalization == "none"),
                make_normalization(normalization, after),
                nn.LeakyReLU(negative_slope, inplace=True),
                nn.MaxPool2d(2) if level == layers - 1 else nn.AvgPool2d(2),
            ]
            before = after
        self.features = nn.Sequential(*stack)
        self.score = nn.Conv2d(before, 1, 3, padding=1)

    def forward(self, image: Tensor, condition: Tensor) -> Tensor:
        scores: Tensor = self.score(self.features(torch.cat([image, condition], dim=1)))
        return scores
