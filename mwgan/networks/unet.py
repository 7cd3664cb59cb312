"""A plain U-Net (Ronneberger et al. 2015): the ablation of U-Net++, and the cheapest network that is good enough."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mwgan.networks.blocks import Head, convolution_stack, pad_to_multiple


class UNet(nn.Module):
    """U-Net: (B, in, H, W) to (B, out, H, W) for any H and W (padded with zeros if necessary).

    Parameters are those of :class:`mwgan.networks.UNetPlusPlus`.
    """

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        width: int = 32,
        depth: int = 4,
        normalization: str = "batch",
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.depth = depth
        widths = [width * 2**level for level in range(depth + 1)]
        self.down = nn.ModuleList(
            convolution_stack(in_channels if level == 0 else widths[level - 1], widths[level], normalization) for level in range(depth + 1)
        )
        self.ups = nn.ModuleList(nn.ConvTranspose2d(widths[level + 1], widths[level], 2, stride=2) for level in range(depth))
        self.merge = nn.ModuleList(convolution_stack(2 * widths[level], widths[level], normalization) for level in range(depth))
        self.head = Head(width, out_channels, residual)

    def forward(self, image: Tensor) -> Tensor:
        padded, (height, width) = pad_to_multiple(image, 2**self.depth)
        features = padded
        skips = []
        for level, block in enumerate(self.down):
            features = block(features if level == 0 else nn.functional.max_pool2d(features, 2))
            skips.append(features)
        for level in reversed(range(self.depth)):
            features = self.merge[level](torch.cat([skips[level], self.ups[level](features)], dim=1))
        output: Tensor = self.head(features, padded)
        return output[..., :height, :width]
