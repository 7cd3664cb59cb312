"""Augmentation: each sample's pose is sampled from its own seed; a batch is transformed at once, on its device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mwgan.data.canvas import inscribed_disc
from mwgan.errors import InputError


class Pose(NamedTuple):
    """The sampled augmentation of one image; batches stack each field."""

    matrix: Tensor
    """(2, 3) float32: affine map from the result to the image, in units of half its side."""
    noise: Tensor
    """() float32: standard deviation of white noise, relative to the image's range."""


@dataclass(frozen=True)
class Augmentation:
    """The random augmentation of an image before it is projected (Ding 2019, Table 1; IRDM 2020, Supplementary Table 2).

    The papers name the kinds and give no numbers; these are our choice.

    Parameters
    ----------
    pad_resize
        Pad and resize back: shrinks the image to as little as this share of its side, 1 to leave it.
    rotation
        Rotate by any angle.
    flip
        Mirror half of the samples.
    affine
        Largest shear, as a tangent, and largest relative stretch of one side against the other.
    noise_percent
        Largest standard deviation of white noise, in percent of the range [0, 1].
    """

    pad_resize: float = 1.0
    rotation: bool = False
    flip: bool = False
    affine: float = 0.0
    noise_percent: float = 0.0

    def __post_init__(self) -> None:
        if not (0 < self.pad_resize <= 1 and 0 <= self.affine < 1 and 0 <= self.noise_percent <= 100):
            raise InputError(
                "an augmentation needs pad_resize in (0, 1], affine in [0, 1) and noise_percent in [0, 100]: got "
                f"{self.pad_resize}, {self.affine} and {self.noise_percent}"
            )

    def draw(self, rng: np.random.Generator) -> Pose:
        """Sample a pose: shrunk, stretched and sheared, mirrored, then rotated."""
        matrix = np.eye(2)
        if self.pad_resize < 1:
            matrix = matrix / rng.uniform(self.pad_resize, 1.0)
        if self.affine > 0:
            stretch, shear = np.exp(rng.uniform(-self.affine, self.affine) / 2), rng.uniform(-self.affine, self.affine)
            matrix = matrix @ np.array([[stretch, shear], [0.0, 1 / stretch]])
        if self.flip and rng.random() < 0.5:
            matrix = matrix @ np.diag([-1.0, 1.0])
        if self.rotation:
            angle = rng.uniform(0, 2 * np.pi)
            matrix = matrix @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        noise = rng.uniform(0, self.noise_percent / 100) if self.noise_percent > 0 else 0.0
        whole = np.concatenate([matrix, np.zeros((2, 1))], axis=1)
        return Pose(torch.from_numpy(whole.astype(np.float32)), torch.tensor(noise, dtype=torch.float32))


NONE = Augmentation()


@torch.no_grad()
def augment(images: Tensor, pose: Pose, seeds: Tensor) -> Tensor:
    """Transform images (B, 1, N, N) by the poses of a batch, with noise from ``seeds`` (B,); values stay in [0, 1].

    Poses and seeds should be on the CPU, to avoid synchronising with a GPU.

    The background around a shrunk image is empty, and so is everything outside the inscribed disc, which not every
    projection would cover. Images with an identity pose are bit-identical.
    """
    matrices, noise_levels = pose.matrix.cpu(), pose.noise.cpu()
    moved = (matrices != torch.eye(2, 3)).flatten(1).any(dim=1).nonzero().flatten()
    device, size = images.device, images.shape[-1]
    result, disc = images.clone(), _disc(size, images.dtype, device)
    if len(moved):
        rows, matrix = (part.to(device, non_blocking=device.type == "cuda") for part in (moved, matrices[moved].to(images.dtype)))
        result[rows] = _warped(images[rows], matrix) * disc
    for row in noise_levels.nonzero().flatten().tolist():
        generator = torch.Generator(device=device).manual_seed(int(seeds[row]) ^ 1)  # not the acquisition's numbers
        noise = torch.randn(images.shape[1:], generator=generator, device=device, dtype=images.dtype)
        result[row] = (result[row] + noise_levels[row] * noise * disc).clamp(0, 1)
    return result


def _warped(images: Tensor, matrix: Tensor) -> Tensor:
    size = images.shape[-1]
    # torch's grid has -1 and 1 at the centres of the outermost pixels, ours at their outer edges: this only scales shifts.
    grid = torch.cat([matrix[:, :, :2], matrix[:, :, 2:] * size / (size - 1)], dim=2)
    points = nn.functional.affine_grid(grid, list(images.shape), align_corners=True)
    return nn.functional.grid_sample(images, points, mode="bilinear", padding_mode="zeros", align_corners=True).clamp(0, 1)


@lru_cache(maxsize=16)
def _disc(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # cached, and training can't use tensors made in inference mode
        return torch.from_numpy(inscribed_disc(size)).to(device, dtype)


def stack_poses(poses: Sequence[Pose]) -> Pose:
    """Stack the poses of a batch."""
    return Pose(torch.stack([pose.matrix for pose in poses]), torch.stack([pose.noise for pose in poses]))
