import mrcfile
import numpy as np
import pytest

from mwgan.errors import InputError
from mwgan.io import TiltSeries, read_tilts


@pytest.fixture
def series(tmp_path):
    rng = np.random.default_rng(0)
    data = rng.integers(0, 1000, size=(5, 6, 9)).astype(np.uint16)
    with mrcfile.new(tmp_path / "series.mrc") as file:
        file.set_data(data)
        file.voxel_size = 12.5
    (tmp_path / "series.tlt").write_text("-40\n-20\n0\n20\n40\n")
    return data, tmp_path / "series.mrc", tmp_path / "series.tlt"


def test_a_slice_is_one_row_of_every_image(series):
    data, path, tilts = series
    opened = TiltSeries(path, tilts)
    assert opened.geometry.tilt_deg == (-40, -20, 0, 20, 40)
    assert (opened.slices, opened.geometry.detector_size, opened.voxel_size_angstrom) == (6, 9, 12.5)
    block = opened.sinograms(2, 4)
    assert block.shape == (2, 1, 5, 9)
    np.testing.assert_array_equal(block[0, 0].numpy(), data[:, 2, :])


def test_a_tilt_axis_along_x_turns_rows_and_columns(series):
    data, path, tilts = series
    opened = TiltSeries(path, tilts, tilt_axis="x")
    assert (opened.slices, opened.geometry.detector_size) == (9, 6)
    np.testing.assert_array_equal(opened.sinograms(7, 8)[0, 0].numpy(), data[:, :, 7])


def test_tilts_in_any_order_are_sorted_with_their_images(series):
    data, path, tilts = series
    tilts.write_text("0\n20\n-20\n40\n-40\n")
    opened = TiltSeries(path, tilts)
    assert opened.geometry.tilt_deg == (-40, -20, 0, 20, 40)
    np.testing.assert_array_equal(opened.sinograms(0, 1)[0, 0].numpy(), data[[4, 2, 0, 1, 3], 0, :])


def test_binning_averages_pixels_and_keeps_the_axis_where_it_was(series):
    data, path, tilts = series
    opened = TiltSeries(path, tilts, axis_offset_px=1.0, binning=2)
    assert (opened.slices, opened.geometry.detector_size, opened.voxel_size_angstrom) == (3, 4, 25.0)
    expected = data[:, 2:4, :8].astype(float).reshape(5, 2, 4, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(opened.sinograms(1, 2)[0, 0].numpy(), expected, rtol=1e-6)
    # The axis lies on pixel 4 + 1 of 9; binned by two, that is (5 - 0.5) / 2 of 4, off the new centre of 1.5.
    assert opened.geometry.axis_offset_px == pytest.approx((5 - 0.5) / 2 - 1.5)


def test_a_tilt_limit_leaves_tilts_out(series):
    data, path, tilts = series
    opened = TiltSeries(path, tilts, max_tilt_deg=20)
    assert opened.geometry.tilt_deg == (-20, 0, 20)
    np.testing.assert_array_equal(opened.sinograms(0, 1)[0, 0].numpy(), data[1:4, 0, :])
    tilts.write_text("30\n40\n50\n60\n70\n")
    with pytest.raises(InputError, match="no tilt within"):
        TiltSeries(path, tilts, max_tilt_deg=20)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-40\n-20\n0\n20\n", "5 images but .* 4 tilts"),
        ("-40\n-20\nnan\n20\n40\n", "finite"),
        ("-40\n-20\ninf\n20\n40\n", "finite"),
        ("-40\n-20\nzero\n20\n40\n", "line 3: 'zero' is not a tilt"),
        ("", "empty"),
    ],
)
def test_tilts_that_do_not_fit_are_refused(series, text, message):
    _, path, tilts = series
    tilts.write_text(text)
    with pytest.raises(InputError, match=message):
        TiltSeries(path, tilts)


def test_a_missing_tilt_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.tlt can't be read"):
        read_tilts(tmp_path / "nowhere.tlt")


def test_a_truncated_file_is_refused(series):
    _, path, tilts = series
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="cut short"):
        TiltSeries(path, tilts)


@pytest.mark.parametrize("content", [b"", b"short", b"not an MRC file " * 200])
def test_what_is_not_mrc_is_refused(series, content):
    _, path, tilts = series
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"series\.mrc"):
        TiltSeries(path, tilts)


def test_pixels_that_are_not_numbers_are_refused(series, tmp_path):
    data, _, tilts = series
    broken = data.astype(np.float32)
    broken[3, 1, 1] = np.nan
    with mrcfile.new(tmp_path / "nan.mrc") as file:
        file.set_data(broken)
    with pytest.raises(InputError, match="1 pixels that are NaN or infinite, the first in image 4"):
        TiltSeries(tmp_path / "nan.mrc", tilts)


def test_an_old_header_without_identification_is_read(series):
    data, path, tilts = series
    content = bytearray(path.read_bytes())
    content[208:216] = bytes(8)  # neither map identification nor machine stamp, as some microscopes write
    path.write_bytes(bytes(content))
    np.testing.assert_array_equal(TiltSeries(path, tilts).sinograms(0, 1)[0, 0].numpy(), data[:, 0, :])
