"""The conditional, VGG-like discriminator of IRDM 2020."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mwgan.networks.blocks import normalization as make_normalization


class VGGDiscriminator(nn.Module):
    """Scores (B, 1, h, w) of an image (B, 1, H, W), given the generator's input (B, C, H, W). No activation at the end.

    Four layers of convolution, batch norm, LeakyReLU and max pooling, a fifth with average pooling, then one
    convolution: H and W must be at least 32. Widths double from ``width`` to at most 8 times it (our choice, as in VGG).

    References
    ----------
    IRDM 2020 (arXiv:2003.12259), Methods and Supplementary Figure 3.
    """

    def __init__(self, condition_channels: int = 1, width: int = 64, normalization: str = "batch", negative_slope: float = 0.2) -> None:
        super().__init__()
        widths = [width * min(2**level, 8) for level in range(5)]
        layers: list[nn.Module] = []
        before = 1 + condition_channels
        for level, after in enumerate(widths):
            pool = nn.MaxPool2d(2) if level < 4 else nn.AvgPool2d(2)
            layers += [
                nn.Conv2d(before, after, 3, padding=1, bias=normalization == "none"),
                make_normalization(normalization, after),
                nn.LeakyReLU(negative_slope, inplace=True),
                pool,
            ]
            before = after
        self.features = nn.Sequential(*layers)
        self.score = nn.Conv2d(before, 1, 3, padding=1)

    def forward(self, image: Tensor, condition: Tensor) -> Tensor:
        scores: Tensor = self.score(self.features(torch.cat([image, condition], dim=1)))
        return scores
