"""Blocks shared by several networks."""

from __future__ import annotations

import torch
from torch import nn

from mwgan.errors import InputError


def normalization(name: str, channels: int) -> nn.Module:
    """``batch`` as in the papers; ``group`` (groups of at most 8 channels) and ``none`` don't depend on the batch."""
    if name == "batch":
        return nn.BatchNorm2d(channels)
    if name == "group":
        return nn.GroupNorm(max(1, channels // 8), channels)
    if name == "none":
        return nn.Identity()
    raise InputError(f"normalization is batch, group or none, not {name!r}")


def convolution_stack(inputs: int, outputs: int, norm: str) -> nn.Sequential:
    """Two stacks of 3 x 3 convolution, normalization and SELU (IRDM 2020, Methods): (B, in, H, W) to (B, out, H, W)."""
    layers: list[nn.Module] = []
    for before in (inputs, outputs):
        layers += [nn.Conv2d(before, outputs, 3, padding=1, bias=norm == "none"), normalization(norm, outputs), nn.SELU(inplace=True)]
    return nn.Sequential(*layers)


class Head(nn.Module):
    """Maps features to the output (B, out, H, W); with ``residual``, plus the input times a learned gate.

    A plain residual must reproduce a noisy background with opposite sign to remove it; a gate just closes. The
    gates start nearly open and the rest at zero, so that an untrained network is nearly the identity.
    """

    OPEN = 4.0  # sigmoid(4) = 0.98

    def __init__(self, width: int, outputs: int, residual: bool) -> None:
        super().__init__()
        self.outputs, self.residual = outputs, residual
        self.convolution = nn.Conv2d(width, 2 * outputs if residual else outputs, 1)
        if residual:
            assert self.convolution.bias is not None
            nn.init.zeros_(self.convolution.weight)
            nn.init.zeros_(self.convolution.bias)
            nn.init.constant_(self.convolution.bias[outputs:], self.OPEN)

    def forward(self, features: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.convolution(features)
        if not self.residual:
            return output
        value, gate = output.chunk(2, dim=1)
        return value + gate.sigmoid() * image[:, : self.outputs]


def pad_to_multiple(image: torch.Tensor, multiple: int) -> tuple[torch.Tensor, tuple[int, int]]:
    """Pad (B, C, H, W) with zeros at the bottom and right to multiples of ``multiple``; also return the old (H, W)."""
    height, width = image.shape[-2:]
    grown = torch.nn.functional.pad(image, (0, -width % multiple, 0, -height % multiple))
    return grown, (height, width)
