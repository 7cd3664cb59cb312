"""An alignment as it is kept: where it puts pixels, what IMOD is message, what is refused of a file."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mwgan.errors import InputError
from mwgan.series.align import Alignment, read_alignment


def one(**given) -> Alignment:
    fields = {
        "images": [2],
        "of_images": 3,
        "raw_shape": (20, 30),
        "tilt_deg": [0.0],
        "tilt_axis": "y",
        "axis_angle_deg": 0.0,
        "shifts_px": [(2.0, -3.0)],
        "flipped": [False],
        "scale": [1.0],
        "shape": (20, 30),
    }
    return Alignment(**(fields | given))


def spot(row, column, shape=(20, 30)):
    image = np.zeros(shape, np.float32)
    image[row, column] = 1.0
    return image


def brightest(image):
    return tuple(int(place) for place in np.unravel_index(image.argmax(), image.shape))


def test_content_moves_by_minus_its_shift():
    assert brightest(one().placed(0, spot(10, 10))) == (8, 13)


def test_a_tilt_axis_along_x_is_turned_along_y():
    alignment = one(tilt_axis="x", shape=(30, 20), shifts_px=[(0.0, 0.0)])
    assert brightest(alignment.placed(0, spot(4, 7))) == (7, 15)
    assert np.array_equal(alignment.placed(0, spot(4, 7)), np.rot90(spot(4, 7), -1))


def test_a_view_from_behind_is_turned_over():
    alignment = one(flipped=[True], shifts_px=[(0.0, 0.0)])
    assert np.array_equal(alignment.placed(0, spot(4, 7)), spot(4, 7)[:, ::-1])


def test_what_was_not_measured_is_nought_and_what_moves_nowhere_is_left_bit_for_bit():
    image = np.random.default_rng(0).normal(5, 1, (20, 30)).astype(np.float32)
    moved = one().placed(0, image)
    assert (moved[:, :3] == 0).all()
    assert (moved[18:] == 0).all()
    assert (moved[:18, 3:] != 0).all()
    assert np.array_equal(one(shifts_px=[(0.0, 0.0)]).placed(0, image), image)


def test_binning_averages_what_was_moved():
    image = np.random.default_rng(0).normal(5, 1, (20, 30)).astype(np.float32)
    whole, binned = one().placed(0, image), one(binning=2).placed(0, image)
    assert binned.shape == one(binning=2).aligned_shape == (10, 15)
    assert binned[2, 5] == pytest.approx(whole[4:6, 10:12].mean(), rel=1e-5)
    assert binned[2, 1] == 0  # half of it was not measured


def test_a_crop_shows_the_same_pixels():
    image = np.random.default_rng(0).normal(5, 1, (20, 30)).astype(np.float32)
    cut = one(shape=(10, 30), first_px=(3 - 9.5 + 4.5, 0.0)).placed(0, image)
    assert cut == pytest.approx(one().placed(0, image)[3:13], abs=1e-4)


@pytest.mark.parametrize("given", [{}, {"axis_angle_deg": 5.0}, {"tilt_axis": "x", "shape": (30, 20)}, {"flipped": [True]}])
def test_imod_is_told_where_raw_pixels_go(given):
    alignment = one(**given)
    a11, a12, a21, a22, dx, dy = map(float, alignment.xf_lines()[0].split())
    row, column = 9.0, 14.0
    x, y = column - (30 - 1) / 2, row - (20 - 1) / 2  # IMOD counts from the middle, x before y
    xo, yo = a11 * x + a12 * y + dx, a21 * x + a22 * y + dy
    index = np.array([yo, xo]) + (np.array(alignment.shape) - 1) / 2
    matrix, offset = alignment.matrix_and_offset(0)
    assert matrix @ index + offset == pytest.approx([row, column], abs=2e-3)


def test_what_was_written_is_read_back(tmp_path):
    file = tmp_path / "a.json"
    file.write_text(json.dumps(replace(one(), facts={"notes": ["x"]}).as_dict()))
    assert read_alignment(file) == one()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda message: [], "can't be read"),
        (lambda message: {**message, "kind": "other"}, "is not an alignment"),
        (lambda message: {key: value for key, value in message.items() if key != "scale"}, "lacks scale"),
        (lambda message: {**message, "tilt_deg": [0.0, 1.0]}, "another length"),
        (lambda message: {**message, "shifts_px": [[float("nan"), 0.0]]}, "invalid numbers"),
        (lambda message: {**message, "images": [4]}, "lacks"),
        (lambda message: {**message, "tilt_axis": "z"}, "its tilt axis"),
        (lambda message: {**message, "binning": 0}, "invalid numbers"),
        (lambda message: {**message, "shape": "wide"}, "damaged"),
    ],
)
def test_files_that_are_no_alignment_are_refused_in_a_sentence(tmp_path, spoil, message):
    file = tmp_path / "a.json"
    file.write_text(json.dumps(spoil(one().as_dict())))
    with pytest.raises(InputError, match=message):
        read_alignment(file)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="can't be read"):
        read_alignment(tmp_path / "none.json")
