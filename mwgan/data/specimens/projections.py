"""Projections of supersampled specimens: data that don't come from the grid of the reconstruction."""

from __future__ import annotations

from dataclasses import replace

import torch

from mwgan.data.canvas import Array
from mwgan.geometry import TiltGeometry
from mwgan.operators import projector_for


def projected(rendering: Array, geometry: TiltGeometry) -> Array:
    """The rows (Y, A, N) on a detector of N pixels, from slices sampled ``finer`` times finer than it: (finer Y, finer N, finer N).

    Line integrals in detector pixels, averaged over the area of each pixel.
    """
    slices, size, _ = rendering.shape
    finer = size // geometry.detector_size
    of_tilts = tuple(offset * finer for offset in geometry.tilt_offset_px)
    fine = replace(geometry, detector_size=size, axis_offset_px=geometry.axis_offset_px * finer, tilt_offset_px=of_tilts)
    thick = torch.from_numpy(rendering).reshape(slices // finer, finer, size, size).mean(dim=1)
    rows = projector_for(fine)(thick.unsqueeze(1))[:, 0]
    found: Array = (rows.reshape(*rows.shape[:-1], geometry.detector_size, finer).mean(dim=-1) / finer).numpy()
    return found
