"""Residual-in-residual dense blocks with dilated convolutions: the sinogram inpainting generator of Ding 2019."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mwgan.errors import InputError

RESIDUAL_SCALE = 0.2  # as in ESRGAN: scale of residual branches, which keeps deep stacks without norms stable


class RRDB(nn.Module):
    """Completes a wedge-centred sinogram: (B, 2, A, N), the sinogram and where it was measured, to (B, 1, A, N).

    No normalization and no change of resolution. The papers don't state the dilations; ours is a choice.

    Parameters
    ----------
    blocks
        Residual-in-residual dense blocks, each of three dense blocks of five convolutions (23 in ESRGAN).
    width, growth
        Channels of the trunk, and those that each convolution of a dense block adds.
    dilations
        Dilation of the five convolutions of a dense block: the reach along tilt and detector without pooling.
    keep_measured
        Return measured rows unchanged. Without it the network may denoise them, and alter their content.

    References
    ----------
    Ding 2019, Fig. 6 and "Network"; Wang et al., ESRGAN, ECCV workshops (2018): the blocks.
    """

    def __init__(
        self,
        blocks: int = 23,
        width: int = 64,
        growth: int = 32,
        dilations: Sequence[int] = (1, 2, 4, 2, 1),
        keep_measured: bool = True,
    ) -> None:
        super().__init__()
        if blocks < 1 or min(width, growth) < 1 or len(dilations) != 5 or min(dilations) < 1:
            raise InputError(
                f"an RRDB network needs 1 or more blocks, a width and growth of 1 or more and five dilations of 1 or more: "
                f"got {blocks}, {width}, {growth} and {list(dilations)}"
            )
        self.keep_measured = keep_measured
        self.first = nn.Conv2d(2, width, 3, padding=1)
        self.trunk = nn.Sequential(*(_ResidualInResidual(width, growth, dilations) for _ in range(blocks)))
        self.after_trunk = nn.Conv2d(width, width, 3, padding=1)
        self.last = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(width, 1, 3, padding=1))

    def forward(self, seen: Tensor) -> Tensor:
        shallow = self.first(seen)
        measured_rows = seen[:, :1]
        # The measured part bypasses the network, which only has to add to it.
        output: Tensor = measured_rows + self.last(shallow + self.after_trunk(self.trunk(shallow)))
        return torch.where(seen[:, 1:2] > 0.5, measured_rows, output) if self.keep_measured else output


class _ResidualInResidual(nn.Module):
    """Three dense blocks, scaled and added to the input."""

    def __init__(self, width: int, growth: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.dense = nn.Sequential(*(_Dense(width, growth, dilations) for _ in range(3)))

    def forward(self, features: Tensor) -> Tensor:
        result: Tensor = features + RESIDUAL_SCALE * self.dense(features)
        return result


class _Dense(nn.Module):
    """Five densely connected convolutions; the last one's output is scaled and added to the input."""

    def __init__(self, width: int, growth: int, dilations: Sequence[int]) -> None:
        super().__init__()
        outputs = [growth] * 4 + [width]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(width + rank * growth, after, 3, padding=dilation, dilation=dilation)
            for rank, (after, dilation) in enumerate(zip(outputs, dilations, strict=True))
        )
        for name, weight in self.convolutions.named_parameters():  # a tenth of He's weights, as in ESRGAN: nearly the identity
            if name.endswith("bias"):
                nn.init.zeros_(weight)
            else:
                nn.init.kaiming_normal_(weight, a=0.2)
                weight.data.mul_(0.1)

    def forward(self, features: Tensor) -> Tensor:
        seen = features
        for convolution in self.convolutions[:-1]:
            seen = torch.cat([seen, nn.functional.leaky_relu(convolution(seen), 0.2)], dim=1)
        result: Tensor = features + RESIDUAL_SCALE * self.convolutions[-1](seen)
        return result
