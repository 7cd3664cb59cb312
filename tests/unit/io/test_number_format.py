import numpy as np
import pytest

from mwgan.io import open_stack
from mwgan.io.number_format import corrected


def disc(level: float, height: float, noise: float = 0.02) -> np.ndarray:
    """Images (3, 40, 50) of a bright disc on a ground of ``level``, with noise in shares of ``height``."""
    z, x = np.mgrid[-1:1:40j, -1:1:50j]
    shape = np.sqrt(np.clip(0.6 - z**2 - x**2, 0, None))
    return level + height * (shape / shape.max() + np.random.default_rng(0).normal(0, noise, (3, 40, 50)))


@pytest.mark.parametrize(("level", "height"), [(2000, 60000), (1000, 40000), (20000, 30000), (32000, 5000)])
def test_counts_beyond_32767_that_had_turned_negative(level, height, write_mrc):
    right = disc(level, height).clip(0, 65535).round().astype("u2")
    stack = open_stack(write_mrc(right.view("i2")))
    np.testing.assert_array_equal(np.asarray(stack.images[:]), right)
    assert "read as unsigned" in stack.notes[-1]


@pytest.mark.parametrize("height", [5000, 30000, 62000])
def test_sixteen_bits_that_start_at_the_lowest_number(height, write_mrc):
    right = disc(1500, height).clip(0, 65535).round().astype("i4")
    right[1] = 32768  # a lost image that was filled with zeros
    stack = open_stack(write_mrc((right - 32768).astype("i2")))
    np.testing.assert_array_equal(np.asarray(stack.images[:]), right)
    assert "32768 is added" in stack.notes[-1]


def test_a_hot_pixel_is_no_bright_region(write_mrc):
    right = disc(3000, 30000).clip(0, None).round().astype("i4")
    right[:, ::7, ::9] = 65535
    stack = open_stack(write_mrc((right - 32768).astype("i2")))
    np.testing.assert_array_equal(np.asarray(stack.images[:]), right)


@pytest.mark.parametrize(("level", "height"), [(0, 1000), (50, 32000), (-500, 3000), (-12000, 30000), (0, 10)])
def test_honest_signed_numbers_stay_as_they_are(level, height, write_mrc):
    data = disc(level, height).clip(-32768, 32767).round().astype("i2")
    stack = open_stack(write_mrc(data))
    assert stack.images.dtype == np.dtype("i2")
    np.testing.assert_array_equal(stack.images[:], data)
    assert stack.notes == ()


@pytest.mark.parametrize("kind", ["u1", "u2", "i4", "f4"])
def test_other_numbers_are_not_looked_at(kind):
    images = disc(0, 200).astype(kind)
    same, note = corrected(images)
    assert same is images
    assert note is None


def test_the_correction_holds_for_every_way_of_indexing(write_mrc):
    right = disc(3000, 30000).clip(0, None).round().astype("i4")
    images = open_stack(write_mrc((right - 32768).astype("i2"), order=">")).images
    np.testing.assert_array_equal(images[1], right[1])
    np.testing.assert_array_equal(images[-1, 3:5], right[-1, 3:5])
    np.testing.assert_array_equal(images[:, 2, 7:9], right[:, 2, 7:9])


def test_bytes_that_start_at_the_lowest_number_without_imods_stamp(write_mrc):
    right = disc(5, 200).clip(0, 255).round().astype("i2")
    stack = open_stack(write_mrc((right - 128).astype("i1")))
    np.testing.assert_array_equal(np.asarray(stack.images[:]), right)
    assert "128 is added" in stack.notes[-1]
