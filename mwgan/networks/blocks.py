"""Blocks that several networks share."""

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


def pad_to_multiple(image: torch.Tensor, multiple: int) -> tuple[torch.Tensor, tuple[int, int]]:
    """Grow (B, C, H, W) below and right with zeros until both sides divide by ``multiple``; also the old (H, W)."""
    height, width = image.shape[-2:]
    grown = torch.nn.functional.pad(image, (0, -width % multiple, 0, -height % multiple))
    return grown, (height, width)
