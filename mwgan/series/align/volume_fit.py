"""Iterative fit of a volume to aligned images: each round of an alignment continues the previous one."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from mwgan.geometry import TiltGeometry
from mwgan.operators import projector_for
from mwgan.recon.base import batch_innermost
from mwgan.series.align.pose import Array
from mwgan.series.align.warp import Mask, Stack

SEEN = 1e-3  # of a ray's weight: pixels with less total weight stay empty


class VolumeFit:
    """Non-negative least squares, unweighted, by accelerated gradient steps: ``min ||M (A x - b)||``, x >= 0.

    Unweighted, because only then the residual is orthogonal to everything that a volume can explain, and the gradient
    with respect to the shifts is that of the data alone. A step is scaled by each pixel's total ray weight; with Nesterov's
    momentum 20 steps achieve as much as a few hundred of SIRT.

    Parameters
    ----------
    tilt_deg
        (A,).
    size
        Detector pixels.
    margin
        Pixels by which slices exceed the detector on either side, for specimens that reach beyond it.

    References
    ----------
    Beck and Teboulle, SIAM J. Imaging Sci. 2 (2009) 183–202.
    """

    def __init__(self, tilt_deg: Array, size: int, margin: int = 0) -> None:
        self.geometry = TiltGeometry(tuple(map(float, tilt_deg)), size + 2 * margin)
        self._projector, self._margin = projector_for(self.geometry), margin
        self._volume: Tensor | None = None

    @torch.no_grad()
    def improve(self, images: Stack, known: Mask, steps: int) -> Stack:
        """Projections (A, Y, X) of the volume after so many more steps on the images; pixels that aren't ``known`` don't count."""
        size = self.geometry.detector_size
        data, mask = self._rows(images), self._rows(known.astype(np.float32))
        whole = bool(mask.all())
        data = batch_innermost(data if whole else data * mask)
        lengths = self._projector(torch.ones(1, 1, size, size))
        seen = self._projector.adjoint(lengths if whole else batch_innermost(lengths * mask))
        per_pixel = torch.where(seen > SEEN, 1.0 / seen.clamp(min=SEEN), 0.0)
        volume = batch_innermost(torch.zeros(len(data), 1, size, size)) if self._volume is None else self._volume
        ahead, momentum = volume.clone(), 1.0
        for _ in range(steps):
            misfit = self._projector(ahead).sub_(data)
            if not whole:
                misfit *= mask
            better = ahead.addcmul_(self._projector.adjoint(misfit), per_pixel, value=-1).clamp_(min=0)
            following = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
            ahead = better + (momentum - 1) / following * (better - volume)
            volume, momentum = better, following
        self._volume = volume
        return self._images(self._projector(volume))

    @torch.no_grad()
    def projected(self, tilt_deg: Array) -> Stack:
        """Projections (A, Y, X) of the current volume at other tilts (A,).

        Raises
        ------
        RuntimeError
            If it hasn't been fitted yet.
        """
        if self._volume is None:
            raise RuntimeError("the volume hasn't been fitted yet")
        geometry = TiltGeometry(tuple(map(float, tilt_deg)), self.geometry.detector_size)
        return self._images(projector_for(geometry)(self._volume))

    def _rows(self, images: np.ndarray) -> Tensor:
        """Images (A, Y, X) as sinograms (Y, 1, A, N)."""
        rows = torch.from_numpy(np.ascontiguousarray(images.swapaxes(0, 1))).unsqueeze(1)
        return pad(rows, (self._margin, self._margin)) if self._margin else rows

    def _images(self, sinograms: Tensor) -> Stack:
        rows = sinograms[:, 0].numpy()
        inner = rows[..., self._margin : rows.shape[-1] - self._margin]
        return np.ascontiguousarray(inner.swapaxes(0, 1))
