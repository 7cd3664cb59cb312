"""Deconvolution by the width of an atom: a non-negative volume, sharp enough to separate neighbouring atoms."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from mwgan.geometry import TiltGeometry
from mwgan.operators import projector_for

STEPS = 300
LEAST = 1.0  # of a pixel's weight: rays and voxels with less are damped


def sharpen_volume(images: Tensor, geometry: TiltGeometry, width: float, noise: float, steps: int = STEPS) -> Tensor:
    """A volume (Y, Z, X) float32 that, blurred by a Gaussian, explains the images down to their noise.

    Non-negative SIRT with Nesterov's momentum, whose projections are blurred on the detector, which equals a blur of the volume. It
    stops when the residual is as strong as the noise: further steps would fit the noise. An atom becomes one voxel or a few, and two
    neighbours that SIRT shows as one ridge become two maxima.

    Parameters
    ----------
    images
        (A, Y, N).
    geometry
        Their tilts and detector.
    width
        Standard deviation of the blur in pixels, a little less than that of an atom; 0 leaves it out.
    noise
        Standard deviation of the noise of a pixel; 0 continues to the last step.
    steps
        At most.
    """
    projector = projector_for(geometry)

    rows = images.permute(1, 0, 2).unsqueeze(1).float().contiguous()  # (Y, 1, A, N)
    along, across = (_blur(side, width).to(rows) for side in (len(rows), rows.shape[-1]))

    def blur(rows: Tensor) -> Tensor:
        return (along @ (rows @ across).flatten(1)).reshape(rows.shape)

    size = geometry.detector_size
    volume = rows.new_zeros(len(rows), 1, size, size)
    per_ray = 1 / blur(projector(torch.ones_like(volume))).clamp(min=LEAST)
    per_voxel = 1 / projector.adjoint(blur(torch.ones_like(rows))).clamp(min=LEAST)
    ahead, momentum = volume, 1.0
    for _ in range(steps):
        residual = blur(projector(ahead)) - rows
        if float((residual**2).mean()) <= noise**2:
            break
        new = (ahead - per_voxel * projector.adjoint(blur(per_ray * residual))).clamp(min=0)
        later = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        ahead, volume, momentum = new + (momentum - 1) / later * (new - volume), new, later
    return volume[:, 0]


def _blur(side: int, width: float) -> Tensor:
    """A Gaussian blur of a row of pixels, with nothing beyond its ends, as a symmetric matrix: faster than filters on short rows."""
    identity = np.eye(side)
    return torch.from_numpy(gaussian_filter1d(identity, width, axis=0, mode="constant") if width > 0 else identity)
