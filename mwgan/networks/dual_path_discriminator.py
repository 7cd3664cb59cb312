"""The conditional discriminator of Ding 2019's inpainting: a slow path for the whole sinogram, a fast one for its details."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mwgan.errors import InputError

GROUPS = 4


class DualPathDiscriminator(nn.Module):
    """Scores (B, 1, h, w) of a sinogram (B, 1, A, N), given the generator's input (B, C, A, N). No activation at the end.

    After a common first convolution, whose kernel is wider than high as a sinogram is, both paths halve the resolution
    three times: the slow one dilated by 2, 4 and 8, so that a score depends on most of the sinogram, the fast one undilated.
    Group norm of four groups. Layer counts, kernels and dilations are our choice where the paper's figure is not legible.

    Parameters
    ----------
    condition_channels
        Channels C concatenated with the sinogram.
    width
        Channels of every layer (64 in the paper): a multiple of 4.
    first_kernel
        (tilts, detector) of the first convolution, both odd.

    References
    ----------
    Ding 2019, "Network" and Fig. 7.
    """

    def __init__(
        self, condition_channels: int = 1, width: int = 64, first_kernel: tuple[int, int] = (5, 7), negative_slope: float = 0.2
    ) -> None:
        super().__init__()
        high, wide = first_kernel
        if width % GROUPS or high % 2 == 0 or wide % 2 == 0:
            raise InputError(f"the width must be a multiple of {GROUPS} and the first kernel odd: got {width} and {high} x {wide}")
        self.first = nn.Sequential(
            nn.Conv2d(1 + condition_channels, width, (high, wide), padding=(high // 2, wide // 2)), nn.LeakyReLU(negative_slope)
        )
        self.slow = nn.Sequential(*(_layer(width, dilation, negative_slope) for dilation in (2, 4, 8)))
        self.fast = nn.Sequential(*(_layer(width, 1, negative_slope) for _ in range(3)))
        self.merge = nn.Sequential(
            nn.Conv2d(2 * width, width, 3, padding=1, bias=False), nn.GroupNorm(GROUPS, width), nn.LeakyReLU(negative_slope)
        )
        self.score = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, sinogram: Tensor, condition: Tensor) -> Tensor:
        features = self.first(torch.cat([sinogram, condition], dim=1))
        scores: Tensor = self.score(self.merge(torch.cat([self.slow(features), self.fast(features)], dim=1)))
        return scores


def _layer(width: int, dilation: int, negative_slope: float) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(width, width, 3, stride=2, padding=dilation, dilation=dilation, bias=False),
        nn.GroupNorm(GROUPS, width),
        nn.LeakyReLU(negative_slope),
    )
