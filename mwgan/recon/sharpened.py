"""The volume that atoms of a known width would have been blurred from: non-negative, and sharp enough to tell neighbours apart."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from mwgan.geometry import TiltGeometry
from mwgan.operators import projector_for

STEPS = 300
LEAST = 1.0  # of a pixel's weight: rays and voxels with less have no say


def sharpened(images: Tensor, geometry: TiltGeometry, width: float, noise: float, steps: int = STEPS) -> Tensor:
    """A volume (Y, Z, X) float32 that, blurred by a Gaussian, explains the images down to their noise.

    SIRT on projections that are blurred on the detector, which is what a blur of the volume comes to, non-negative and with
    Nesterov's momentum. It ends where what is left is as strong as the noise: beyond, it would explain the noise. A single atom
    comes out as a voxel or a few; where SIRT shows one ridge, two maxima.

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

    def blurred(rows: Tensor) -> Tensor:
        return (along @ (rows @ across).flatten(1)).reshape(rows.shape)

    size = geometry.detector_size
    volume = rows.new_zeros(len(rows), 1, size, size)
    per_ray = 1 / blurred(projector(torch.ones_like(volume))).clamp(min=LEAST)
    per_voxel = 1 / projector.adjoint(blurred(torch.ones_like(rows))).clamp(min=LEAST)
    ahead, momentum = volume, 1.0
    for _ in range(steps):
        left = blurred(projector(ahead)) - rows
        if float((left**2).mean()) <= noise**2:
            break
        new = (ahead - per_voxel * projector.adjoint(blurred(per_ray * left))).clamp(min=0)
        later = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        ahead, volume, momentum = new + (momentum - 1) / later * (new - volume), new, later
    return volume[:, 0]


def _blur(side: int, width: float) -> Tensor:
    """A Gaussian blur of a row of pixels, with nothing beyond its ends, as a symmetric matrix: faster than filters on short rows."""
    identity = np.eye(side)
    return torch.from_numpy(gaussian_filter1d(identity, width, axis=0, mode="constant") if width > 0 else identity)
