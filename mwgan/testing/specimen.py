"""The images that methods, networks and projectors are checked on: smooth, known everywhere, and like no mirror image of themselves."""

from __future__ import annotations

import torch
from torch import Tensor

from mwgan.geometry import Measurement, TiltGeometry
from mwgan.operators import ParallelBeam

# Blobs as (x, z, width along x, width along z, value), positions and widths in units of half the image's side; a list a slice. Slices
# are of different brightness, so that what one takes over from another shows.
SLICES = (
    ((0.0, 0.0, 0.30, 0.22, 0.5), (0.22, -0.30, 0.10, 0.07, 0.5), (-0.30, -0.05, 0.07, 0.12, 0.4)),
    ((0.05, 0.10, 0.20, 0.28, 0.3), (-0.25, 0.25, 0.12, 0.06, 0.3), (0.30, 0.12, 0.07, 0.07, -0.1)),
    ((-0.08, -0.05, 0.24, 0.24, 0.15), (0.10, 0.32, 0.08, 0.10, 0.1), (0.28, -0.16, 0.09, 0.06, 0.12)),
)


def specimen(size: int, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu") -> Tensor:
    """Three slices (3, 1, size, size) in [0, 1], empty beyond 0.8 of the inscribed circle."""
    position = (torch.arange(size, dtype=torch.float64) - (size - 1) / 2) / (size / 2)
    x, z = position[None, :], position[:, None]
    slices = []
    for blobs in SLICES:
        drawn = [
            value * torch.exp(-(((x - middle_x) / wide) ** 2) - ((z - middle_z) / high) ** 2)
            for middle_x, middle_z, wide, high, value in blobs
        ]
        slices.append(torch.stack(drawn).sum(dim=0).clamp(0, 1) * (x**2 + z**2 < 0.64))
    return torch.stack(slices).unsqueeze(1).to(device, dtype)


def measurement(image: Tensor, geometry: TiltGeometry, wedge_deg: float | Tensor = 0.0) -> Measurement:
    """What our own projector measures of it, without noise."""
    return Measurement(ParallelBeam(geometry)(image), geometry.measured(wedge_deg), geometry)


def turned(image: Tensor) -> dict[str, Tensor]:
    """The image as it would look turned or mirrored: by what was done to it."""
    return {
        "upside down": image.flip(2),
        "mirrored left to right": image.flip(3),
        "turned by half a turn": image.flip(2, 3),
        "with rows and columns exchanged": image.transpose(2, 3),
        "turned by a quarter": image.transpose(2, 3).flip(2),
        "turned by a quarter the other way": image.transpose(2, 3).flip(3),
        "mirrored about the other diagonal": image.transpose(2, 3).flip(2, 3),
    }


def shift_of(tomogram: Tensor, image: Tensor) -> tuple[float, float]:
    """How far (z, x) a tomogram lies from where its image is, in pixels: the peak of their correlation, up to about a pixel."""
    moves = []
    for dim in (2, 3):
        before, there, after = (float((tomogram * image.roll(step, dim)).sum()) for step in (-1, 0, 1))
        curve = before - 2 * there + after
        moves.append((before - after) / (2 * curve) if curve < 0 else 1.0)
    return moves[0], moves[1]
