"""The projector without a matrix in plain torch, tilt by tilt: for devices without compiled kernels."""

from __future__ import annotations

import torch
from torch import Tensor

from mwgan.geometry import TiltGeometry
from mwgan.operators.footprint import pixel_footprint


def project(geometry: TiltGeometry, image: Tensor) -> Tensor:
    """Slices (B, 1, N, N) to sinograms (B, 1, A, N): every pixel adds to the detector pixels under it."""
    batch, size = image.shape[0], geometry.detector_size
    columns = image.flatten(1).t().contiguous()
    rows = []
    for tilt_index in range(geometry.tilts):
        detector, weight = pixel_footprint(geometry, tilt_index, image.dtype, image.device)
        row = image.new_zeros(size, batch)
        for offset in range(3):
            row.index_add_(0, detector[offset], weight[offset, :, None] * columns)
        rows.append(row)
    return torch.stack(rows).permute(2, 0, 1).unsqueeze(1).contiguous()


def back_project(geometry: TiltGeometry, sinogram: Tensor) -> Tensor:
    """Sinograms (B, 1, A, N) to back-projections (B, 1, N, N): every pixel gathers from the detector under it."""
    batch, size = sinogram.shape[0], geometry.detector_size
    rows = sinogram[:, 0].permute(1, 2, 0).contiguous()
    image = sinogram.new_zeros(size * size, batch)
    for tilt_index in range(geometry.tilts):
        detector, weight = pixel_footprint(geometry, tilt_index, sinogram.dtype, sinogram.device)
        for offset in range(3):
            image.addcmul_(weight[offset, :, None], rows[tilt_index].index_select(0, detector[offset]))
    return image.t().reshape(batch, 1, size, size)
