"""Input and target of a network for atoms: volumes made from all images, and each atom as a narrow Gaussian at its position."""

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
BULK = 2.0  # voxels: a blur in which single atoms disappear, for the density of the bulk
SMOOTH = 1.0  # voxels: a sharpened volume consists of points, and a residual mostly of noise
SHARPENING_WIDTH = 0.9  # of an atom's width, which is overestimated where atoms are missing
TYPICAL_WIDTH, TYPICAL_NOISE = 1.7, 0.05  # in voxels, and relative to the images' brightness: about the middle of the training range


class AtomSeries(NamedTuple):
    """All images of a particle, their blur and their noise."""

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
        Iterations of the two input volumes, both accelerated and non-negative.
    target_width
        Standard deviation in voxels of the Gaussians of the target.
    """

    whole_volumes = True
    """It takes an :class:`AtomSeries`, not slices one by one."""

    def __init__(self, sirt_steps: int = 12, sharpening_steps: int = 40, target_width: float = 1.2) -> None:
        if min(sirt_steps, sharpening_steps) < 1 or not target_width > 0:
            raise InputError(
                f"steps must be 1 or more and the target's width above 0, not {sirt_steps}, {sharpening_steps} and {target_width}"
            )
        self.sirt_steps, self.sharpening_steps, self.target_width = sirt_steps, sharpening_steps, target_width

    def see(self, series: AtomSeries) -> Tensor:
        """The generator's input (1, :data:`CHANNELS`, Y, Z, X).

        SIRT's volume; the sharpened volume; SIRT's residual, back-projected. All three in units of the bulk's density, compressed by
        the inverse hyperbolic sine, which limits peaks and noise. Then four constant channels: width, noise, missing wedge and
        tilt step.
        """
        images, geometry, width, noise = series
        projector = projector_for(geometry)
        plain = sharpen_volume(images, geometry, 0.0, noise, self.sirt_steps)
        sharp = _smooth(sharpen_volume(images, geometry, SHARPENING_WIDTH * width, noise, self.sharpening_steps), SMOOTH)
        residual = images.permute(1, 0, 2).unsqueeze(1).float() - projector(plain.unsqueeze(1))
        residual = _smooth(projector.adjoint(residual.contiguous())[:, 0] / geometry.tilts, SMOOTH)
        # Not below the noise: images without atoms must not become arbitrarily bright.
        bulk = max(_self_weighted_mean(_smooth(plain, BULK)), noise / geometry.detector_size, 1e-30)
        brightness = max(_self_weighted_mean(images, noise), noise, 1e-30)
        numbers = (
            width - TYPICAL_WIDTH,
            math.log10(max(noise / brightness, 1e-4) / TYPICAL_NOISE),
            geometry.gap_deg / 90,
            (180 - geometry.gap_deg) / geometry.tilts / 3,
        )
        volumes = torch.asinh(torch.stack([plain, sharp, residual]) / bulk)
        constant = volumes.new_tensor(numbers).reshape(-1, 1, 1, 1).expand(-1, *volumes.shape[1:])
        return torch.cat([volumes, constant]).unsqueeze(0)

    def condition(self, seen: Tensor) -> Tensor:
        """The sharpened volume (B, 1, Y, Z, X), for the discriminator and for logged images."""
        return seen[:, 1:2]

    def tomogram(self, output: Tensor, series: AtomSeries) -> Tensor:
        """The generator's output as a volume (Y, Z, X)."""
        return output[0, 0].clamp(min=0)

    def target(self, places: npt.NDArray[np.float64], masses: npt.NDArray[np.float64], shape: tuple[int, int, int]) -> Tensor:
        """A volume (Y, Z, X) of atoms at ``places`` (K, 3), x, y, z in voxels from the middle of the first voxel.

        The heaviest of ``masses`` (K,) has a peak of 1.
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


def _smooth(volume: Tensor, by: float) -> Tensor:
    return torch.from_numpy(gaussian_filter(volume.cpu().numpy(), by)).to(volume)


def _self_weighted_mean(values: Tensor, noise: float = 0.0) -> float:
    """The mean of values weighted by themselves, without the contribution of white noise."""
    clean = values.double() if noise else values.double().clamp(min=0)
    return float(((clean**2).sum() - noise**2 * clean.numel()) / clean.sum().clamp(min=1e-30))
