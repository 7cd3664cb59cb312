"""Converts batches to and from the layout of the GPU kernels (:mod:`mwgan.operators.gpu_kernels`), and launches them."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor

from mwgan.geometry import TiltGeometry

LANES = 32  # largest number of slices that share a weight
VALUES = 512  # sums per program


@lru_cache(maxsize=1)
def is_available() -> bool:
    """Whether Triton, which compiles the kernels, is installed: it comes with torch for CUDA on Linux."""
    return find_spec("triton") is not None


def project(geometry: TiltGeometry, image: Tensor) -> Tensor:
    """Slices (B, 1, N, N) to sinograms (B, 1, A, N)."""
    from mwgan.operators.gpu_kernels import project_tilts

    batch, size, tilts = len(image), geometry.detector_size, geometry.tilts
    slices = image.detach()[:, 0]
    lines = torch.stack([slices.permute(1, 2, 0), slices.permute(2, 1, 0)])
    rows = image.new_empty(tilts, size, batch)
    cosines, sines, shifts, is_steep = _directions(geometry, image.device)
    alongs, acrosses = torch.where(is_steep, -sines, cosines), torch.where(is_steep, cosines, -sines)
    across, lanes = _blocks(batch)
    grid = (tilts, -(-size // across), -(-batch // lanes))
    with torch.cuda.device_of(image):  # type: ignore[no-untyped-call]
        project_tilts[grid](lines, rows, alongs, acrosses, shifts, is_steep, size, batch, across, lanes)
    return rows.permute(2, 0, 1).unsqueeze(1).contiguous()


def back_project(geometry: TiltGeometry, sinogram: Tensor) -> Tensor:
    """Sinograms (B, 1, A, N) to back-projections (B, 1, N, N)."""
    from mwgan.operators.gpu_kernels import back_project_rows

    batch, size, tilts = len(sinogram), geometry.detector_size, geometry.tilts
    rows = sinogram.detach()[:, 0].permute(1, 2, 0).contiguous()
    image = sinogram.new_empty(size, size, batch)
    cosines, sines, shifts, _ = _directions(geometry, sinogram.device)
    across, lanes = _blocks(batch)
    grid = (size, -(-size // across), -(-batch // lanes))
    with torch.cuda.device_of(sinogram):  # type: ignore[no-untyped-call]
        back_project_rows[grid](rows, image, cosines, sines, shifts, tilts, size, batch, across, lanes)
    return image.permute(2, 0, 1).unsqueeze(1).contiguous()


def _blocks(batch: int) -> tuple[int, int]:
    """Numbers of pixels of a line, and of slices, per program: powers of two."""
    lanes = min(LANES, 1 << (batch - 1).bit_length())
    return VALUES // lanes, lanes


@lru_cache(maxsize=32)
def _directions(geometry: TiltGeometry, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Cosine, sine and shift of every tilt, and whether it is steep: cached on the device, as a transfer would synchronise."""
    tilt = np.deg2rad(np.asarray(geometry.tilt_deg))
    cosines, sines = np.cos(tilt), np.sin(tilt)
    parts = (cosines, sines, np.asarray(geometry.offsets_px, dtype=np.float64), np.abs(sines) > np.abs(cosines))
    with torch.inference_mode(False):  # they are cached, and training can't use tensors made in inference mode
        cosine, sine, shift, is_steep = (torch.from_numpy(part).to(device) for part in parts)
    return cosine, sine, shift, is_steep
