"""What a page shows of a volume: means of it, and the WBP of the same data in the same place."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mwgan.geometry import TiltGeometry
from mwgan.operators import ParallelBeam
from mwgan.recon import WBP
from mwgan.series.measured import measurement_of
from mwgan.series.slice_grid import SliceGrid
from mwgan.series.views import Bins, binned_volume, binned_wbp, bins_for, wbp_slice
from mwgan.testing.specimen import specimen


@pytest.mark.parametrize(
    ("whole", "most", "expected"),
    [
        ((10, 10, 10), 1000, Bins(1, 1)),
        ((100, 100, 100), 125_000, Bins(2, 2)),
        ((2048, 2048, 2048), 4_500_000, Bins(12, 13)),
        ((1_000_000, 8, 8), 100_000, Bins(640, 1)),
        ((1, 1000, 1000), 10_000, Bins(1, 10)),
        ((64, 1, 1000), 5000, Bins(1, 13)),
    ],
)
def test_bins_are_as_small_as_the_page_allows(whole, most, expected):
    bins = bins_for(whole, most)
    assert bins == expected
    assert math.prod(bins.shape(whole)) <= most


def test_a_binned_volume_is_made_of_means_about_the_middle():
    volume = np.random.default_rng(0).random((7, 9, 11), np.float32)
    found = binned_volume(volume.__getitem__, volume.shape, Bins(2, 3))
    assert found.shape == (3, 3, 3)
    assert found[0, 0, 0] == pytest.approx(volume[0:2, 0:3, 1:4].mean(), rel=1e-6)
    assert found[2, 1, 2] == pytest.approx(volume[4:6, 3:6, 7:10].mean(), rel=1e-6)
    np.testing.assert_array_equal(binned_volume(volume.__getitem__, volume.shape, Bins(1, 1)), volume)


class Slices:
    """Slices in memory about an axis that is off the middle, some pixels unmeasured."""

    path, voxel_sizes_angstrom, slices = "s.mrc", None, 4

    def __init__(self, measured=None, size=65, offset=5.0, of_tilts=()):
        self.geometry = TiltGeometry(tuple(range(-90, 90, 3)), size, offset, of_tilts)
        self.rows, self.measured = ParallelBeam(self.geometry)(specimen(size)[:1].repeat(4, 1, 1, 1)), measured

    def sinograms(self, start, stop):
        return self.rows[start:stop]

    def mask(self, start, stop):
        return None if self.measured is None else self.measured[start:stop]


@pytest.mark.parametrize(("thickness", "width", "of_tilts"), [(65, 65, ()), (30, 90, ()), (65, 65, [-3.0, 1.0, 2.0] * 20)])
def test_wbp_of_binned_data_lies_where_the_binned_wbp_does(thickness, width, of_tilts):
    series = Slices(of_tilts=of_tilts)
    grid = SliceGrid.of(series.geometry, thickness, width)
    whole, bins = (4, thickness, width), Bins(2, 2)
    full = grid.cropped(WBP()(grid.placed(measurement_of(series, 0, 4))))[:, 0].numpy()
    np.testing.assert_array_equal(wbp_slice(series, grid, 1, "cpu"), full[1])
    small = binned_wbp(series, grid, whole, bins, "cpu")
    expected = binned_volume(full.__getitem__, whole, bins)
    assert small.shape == expected.shape == bins.shape(whole)
    off = np.linalg.norm(small - expected) / np.linalg.norm(expected)
    assert off < 0.25
    assert np.linalg.norm(small - np.roll(expected, 1, axis=2)) / np.linalg.norm(expected) > 1.5 * off
    np.testing.assert_array_equal(binned_wbp(series, grid, whole, Bins(1, 1), "cpu"), full)


def test_a_bin_with_an_unmeasured_pixel_counts_for_nothing():
    measured = torch.ones(4, 1, 60, 65, dtype=torch.bool)
    measured[1, :, 20:, :9] = False
    found = []
    for junk in (0.0, 1e4):
        series = Slices(measured)
        series.rows = torch.where(measured, series.rows, junk)
        found.append(binned_wbp(series, SliceGrid.of(series.geometry), (4, 65, 65), Bins(2, 2), "cpu"))
    np.testing.assert_array_equal(*found)
