"""A series that was written is read back with its tilts, pixels and their size."""

import mrcfile
import numpy as np
import pytest

from mwgan.errors import InputError
from mwgan.io import open_series
from mwgan.io.series_writer import write_series

TILTS = [-40.25, -10.5, 0.0, 33.125]
IMAGES = np.random.default_rng(0).normal(3, 2, (4, 6, 10)).astype(np.float32)


def test_what_was_written_is_read_back(tmp_path):
    file = tmp_path / "s.mrc"
    write_series(file, file, iter(IMAGES), IMAGES.shape, TILTS, (4.0, 2.5))
    series = open_series(file)
    assert series.image_tilt_deg.tolist() == TILTS
    assert series.notes[0] == "tilts from the file itself"
    assert series.pixel_sizes_angstrom == pytest.approx((4.0, 2.5))
    assert np.array_equal(np.asarray(series.images), IMAGES)


def test_it_is_a_valid_stack_of_images_with_statistics(tmp_path):
    file = tmp_path / "s.mrc"
    write_series(file, file, iter(IMAGES), IMAGES.shape, TILTS, None)
    with mrcfile.open(file) as opened:
        assert opened.is_image_stack()
        assert float(opened.header.dmean) == pytest.approx(float(IMAGES.mean()), rel=1e-5)
        assert float(opened.header.rms) == pytest.approx(float(IMAGES.std()), rel=1e-5)
    assert mrcfile.validate(file)


def test_a_place_that_cannot_be_written_to_is_said(tmp_path):
    with pytest.raises(InputError, match="can't be written"):
        write_series(tmp_path / "none" / "s.mrc", tmp_path / "s.mrc", iter(IMAGES), IMAGES.shape, TILTS, None)
