import numpy as np
import pytest

from mwgan.io import open_series
from mwgan.io.bands import Bands
from mwgan.io.lazy import Pages, TiltAxisFirst
from mwgan.io.tilt_series import TiltSeries

SHAPE = (7, 10, 12)
IMAGES = np.arange(np.prod(SHAPE)).reshape(SHAPE).astype("i4")


class Counted:
    """Images that count how often one is read."""

    def __init__(self, images):
        self.images, self.shape, self.dtype, self.reads = images, images.shape, images.dtype, 0

    def __getitem__(self, key):
        self.reads += 1
        return self.images[key]


@pytest.mark.parametrize("along_x", [False, True])
@pytest.mark.parametrize("kind", ["u1", ">i2", "f4", "f8"])
def test_slices_are_rows_or_columns_of_the_images_in_their_order(along_x, kind):
    images, order = IMAGES.astype(kind), [3, 0, 6, 2]
    bands = Bands(images, order, along_x, band_bytes=500)
    expected = images[order].swapaxes(1, 2) if along_x else images[order]
    for start, stop in [(0, 2), (2, 5), (1, 3), (5, 9), (9, 10), (0, 10)]:
        np.testing.assert_array_equal(bands(start, stop), expected[:, start:stop])


@pytest.mark.parametrize("along_x", [False, True])
def test_the_file_is_passed_through_once_for_each_band(along_x):
    counted = Counted(IMAGES)
    slices, detector = (12, 10) if along_x else (10, 12)
    bands = Bands(counted, range(7), along_x, band_bytes=5 * 7 * detector * 4)
    for start in range(slices):
        bands(start, start + 1)
    assert counted.reads == 7 * -(-slices // 5)


def test_a_block_larger_than_the_memory_for_bands_is_read_all_the_same():
    bands = Bands(IMAGES, range(7), True, band_bytes=1)
    np.testing.assert_array_equal(bands(2, 9), IMAGES[:, :, 2:9].swapaxes(1, 2))


def test_a_mapped_series_is_the_same_along_either_axis(write_mrc, counts):
    along_y = open_series(write_mrc(counts), range(5)).sinograms(0, 6)
    turned = write_mrc(np.ascontiguousarray(counts.swapaxes(1, 2)), "turned.mrc")
    for band_bytes in (1, 200, 1 << 20):
        along_x = TiltSeries(turned, range(5), "x", band_bytes=band_bytes)
        np.testing.assert_array_equal(np.concatenate([along_x.sinograms(k, k + 2) for k in (0, 2, 4)]), along_y)


@pytest.mark.parametrize(
    "key", [2, -1, (3, slice(2, 5)), (0, slice(None), slice(1, 9)), (slice(1, 4), 3), (slice(None), slice(0, 2), 5), (1, 2, 3), slice(2, 6)]
)
def test_lazy_images_index_as_arrays_do(key):
    pages = Pages(lambda index: IMAGES[index], SHAPE, IMAGES.dtype)
    np.testing.assert_array_equal(pages[key], IMAGES[key])
    for axis in range(3):
        turned = TiltAxisFirst(np.moveaxis(IMAGES, 0, axis), axis)
        assert turned.shape == SHAPE
        np.testing.assert_array_equal(turned[key], IMAGES[key])
