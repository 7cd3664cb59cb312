"""U-Net++ (Zhou et al. 2018), the generator of IRDM 2020."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mwgan.networks.blocks import Head, convolution_stack, pad_to_multiple


class UNetPlusPlus(nn.Module):
    """Nested U-Net: (B, in, H, W) to (B, out, H, W) for any H and W (padded with zeros if necessary).

    Node (i, j) is at depth i and takes every earlier node of its depth and the up-sampled node below; each is two
    stacks of convolution, batch norm and SELU. Only the right-most node of the top row is used (no deep supervision).

    Parameters
    ----------
    width
        Channels of the top row; each level below has twice as many. The paper doesn't state it: 32, the width of the
        U-Net++ paper, is our choice for its experiments.
    depth
        Max poolings; the paper has four.
    normalization
        ``batch`` as in the paper, or ``group`` or ``none``.
    residual
        Add the input, times a learned gate, to the output, so that an untrained network is near the identity.
        Our choice; the paper's is off.

    References
    ----------
    IRDM 2020 (arXiv:2003.12259), Methods and Supplementary Figure 2; Zhou et al., DLMIA 2018.
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
        self.nodes = nn.ModuleDict()
        self.ups = nn.ModuleDict()
        for level in range(depth + 1):
            below = in_channels if level == 0 else widths[level - 1]
            self.nodes[f"{level}_0"] = convolution_stack(below, widths[level], normalization)
        for column in range(1, depth + 1):
            for level in range(depth + 1 - column):
                self.ups[f"{level}_{column}"] = nn.ConvTranspose2d(widths[level + 1], widths[level], 2, stride=2)
                self.nodes[f"{level}_{column}"] = convolution_stack((column + 1) * widths[level], widths[level], normalization)
        self.head = Head(width, out_channels, residual)

    def forward(self, image: Tensor) -> Tensor:
        padded, (height, width) = pad_to_multiple(image, 2**self.depth)
        rows: list[list[Tensor]] = []
        for level in range(self.depth + 1):
            above = padded if level == 0 else nn.functional.max_pool2d(rows[level - 1][0], 2)
            rows.append([self.nodes[f"{level}_0"](above)])
        for column in range(1, self.depth + 1):
            for level in range(self.depth + 1 - column):
                raised = self.ups[f"{level}_{column}"](rows[level + 1][column - 1])
                rows[level].append(self.nodes[f"{level}_{column}"](torch.cat([*rows[level], raised], dim=1)))
        output: Tensor = self.head(rows[0][self.depth], padded)
        return output[..., :height, :width]
