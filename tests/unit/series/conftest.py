"""A small tilt series whose slices are all there is to know."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mwgan.geometry import TiltGeometry
from mwgan.operators import ParallelBeam
from mwgan.testing.specimen import specimen


class SmallSeries:
    """Slices of the checks' specimen in memory, with the face of a series on disk; ``measured`` may tell their pixels."""

    path = Path("small.mrc")
    voxel_sizes_angstrom = (3.0, 2.0, 2.0)

    def __init__(self, size=24, slices=5, factor=1.0, measured=None, noise=0.02):
        self.geometry = TiltGeometry(tuple(range(-60, 61, 10)), size)
        self.slices, self.measured = slices, measured
        image = specimen(size).repeat(-(-slices // 3), 1, 1, 1)[:slices]
        self.image = image * torch.linspace(0.5, 1, slices).reshape(-1, 1, 1, 1)
        clean = ParallelBeam(self.geometry)(self.image)
        generator = torch.Generator().manual_seed(0)
        self.rows = factor * (clean + noise * clean.max() * torch.randn(clean.shape, generator=generator))
        self.asked = []

    def sinograms(self, start, stop):
        self.asked.append((start, stop))
        return self.rows[start:stop].clone()

    def mask(self, start, stop):
        return None if self.measured is None else self.measured[start:stop]


@pytest.fixture
def small_series():
    return SmallSeries
