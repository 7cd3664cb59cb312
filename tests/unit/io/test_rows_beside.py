"""Rows of the slices beside each slice of a series."""

import torch

from mwgan.io.neighbours import around, neighbour_rows


def test_each_slice_has_those_before_and_after_it():
    rows = torch.arange(6.0).reshape(6, 1, 1, 1).expand(6, 1, 2, 3)
    beside = neighbour_rows(rows, slice(1, 5), 2)
    assert beside.shape == (4, 4, 2, 3)
    # Of slice 1 the first of the two before it is missing, of slice 4 the second after it: their own stand in.
    assert beside[:, :, 0, 0].tolist() == [[1, 0, 2, 3], [0, 1, 3, 4], [1, 2, 4, 5], [2, 3, 5, 4]]


def test_pixels_that_were_not_measured_of_a_neighbour_are_the_slices_own():
    rows = torch.arange(3.0).reshape(3, 1, 1, 1).expand(3, 1, 1, 2)
    mask = torch.ones(3, 1, 1, 2, dtype=torch.bool)
    mask[0, 0, 0, 1] = False
    assert neighbour_rows(rows, slice(1, 2), 1, mask).tolist() == [[[[0.0, 1.0]], [[2.0, 2.0]]]]


def test_what_is_read_ends_where_the_series_ends():
    assert around(0, 4, 2, 10) == (0, 6)
    assert around(8, 10, 2, 10) == (6, 10)
