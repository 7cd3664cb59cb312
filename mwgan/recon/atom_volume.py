"""What a network for atoms sees of a whole measurement, and what it should give: each atom as a narrow Gaussian at its place."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import TiltGeometry
from mwgan.operators import projector_for
from mwgan.recon.sharpening import sharpen_volume

CHANNELS = 7
BULK = 2.0  # voxels, by which single atoms are smoothed away where the density of the bulk is wanted
SMOOTH = 1.0  # voxels: a sharpened volume holds points, and what is left mostly noise
A_LITTLE_LESS = 0.9  # of an atom's width, which is estimated too large where atoms are missing
TYPICAL_WIDTH, TYPICAL_NOISE = 1.7, 0.05  # in voxels and of the images' brightness: about the middle of what is trained on


class AtomSeries(NamedTuple):
    """All images of a particle, and the two numbers that tell how blurred and how noisy they are."""

    images: Tensor
    """(A, Y, N) line integrals."""
    geometry: TiltGeometry
    width: float
    """Standard deviation of an atom in pixels."""
    noise: float
    """Standard deviation of a pixel's noise."""


class ShowAtoms:
    """The task of a network for volumes of atoms.

    Parameters
    ----------
    sirt_steps, sharpening_steps
        Of the two volumes that it sees, both accelerated and non-negative.
    target_width
        Standard deviation in voxels of the Gaussians that it should give.
    """

    whole_volumes = True
    """It takes an :class:`AtomSeries`, not slices one by one."""

    def __init__(self, sirt_steps: int = 12, sharpening_steps: int = 40, target_width: float = 1.2) -> None:
        if min(sirt_steps, sharpening_steps) < 1 or not target_width > 0:
            raise InputError(f"steps are 1 or more and the target's width above 0, not {sirt_steps}, {sharpening_steps} and {target_width}")
        self.sirt_steps, self.sharpening_steps, self.target_width = sirt_steps, sharpening_steps, target_width

    def see(self, series: AtomSeries) -> Tensor:
        """The generator's input (1, :data:`CHANNELS`, Y, Z, X).

        SIRT's volume; the volume that knows an atom's width; what SIRT's leaves of the images, projected back: of all three, in units
        of the bulk's density, the inverse hyperbolic sine, which takes the height off peaks and noise. Then, alike in all voxels,
        width, noise, missing wedge and how far apart tilts are.
        """
        images, geometry, width, noise = series
        projector = projector_for(geometry)
        plain = sharpen_volume(images, geometry, 0.0, noise, self.sirt_steps)
        sharp = _smoothed(sharpen_volume(images, geometry, A_LITTLE_LESS * width, noise, self.sharpening_steps), SMOOTH)
        left = images.permute(1, 0, 2).unsqueeze(1).float() - projector(plain.unsqueeze(1))
        left = _smoothed(projector.adjoint(left.contiguous())[:, 0] / geometry.tilts, SMOOTH)
        # Where hardly anything stands out of the noise, in units of the noise: no atoms must not become endlessly bright.
        bulk = max(_self_weighted(_smoothed(plain, BULK)), noise / geometry.detector_size, 1e-30)
        brightness = max(_self_weighted(images, noise), noise, 1e-30)
        numbers = (
            width - TYPICAL_WIDTH,
            math.log10(max(noise / brightness, 1e-4) / TYPICAL_NOISE),
            geometry.gap_deg / 90,
            (180 - geometry.gap_deg) / geometry.tilts / 3,
        )
        volumes = torch.asinh(torch.stack([plain, sharp, left]) / bulk)
        alike = volumes.new_tensor(numbers).reshape(-1, 1, 1, 1).expand(-1, *volumes.shape[1:])
        return torch.cat([volumes, alike]).unsqueeze(0)

    def condition(self, seen: Tensor) -> Tensor:
        """The volume that knows an atom's width (B, 1, Y, Z, X), for the discriminator and for the eye."""
        return seen[:, 1:2]

    def tomogram(self, output: Tensor, series: AtomSeries) -> Tensor:
        """The generator's output as a volume (Y, Z, X)."""
        return output[0, 0].clamp(min=0)

    def target(self, places: npt.NDArray[np.float64], masses: npt.NDArray[np.float64], shape: tuple[int, int, int]) -> Tensor:
        """Atoms at ``places`` (K, 3), x, y, z in voxels from the middle of the first voxel, in a volume (Y, Z, X).

        The heaviest of ``masses`` (K,) is 1 high.
        """
        profiles = [
            np.exp(-0.5 * ((np.arange(side) - places[:, axis, None]) / self.target_width) ** 2)
            for side, axis in zip(shape, (1, 2, 0), strict=True)
        ]
        heights = masses / max(float(masses.max(initial=0.0)), 1e-30)
        along, down, across = (torch.from_numpy(one.astype(np.float32)) for one in profiles)
        weighted = (along * torch.from_numpy(heights.astype(np.float32))[:, None]).T  # (Y, K)
        planes = down[:, :, None] * across[:, None, :]  # (K, Z, X)
        return (weighted @ planes.flatten(1)).reshape(shape)


def _smoothed(volume: Tensor, by: float) -> Tensor:
    return torch.from_numpy(gaussian_filter(volume.cpu().numpy(), by)).to(volume)


def _self_weighted(values: Tensor, noise: float = 0.0) -> float:
    """The mean of values that each count as much as they are large; white noise adds nothing to it."""
    clean = values.double() if noise else values.double().clamp(min=0)
    return float(((clean**2).sum() - noise**2 * clean.numel()) / clean.sum().clamp(min=1e-30))
