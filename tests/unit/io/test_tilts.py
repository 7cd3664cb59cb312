"""Where the tilts of a series come from, and what becomes of those beyond 90 degrees, repeated or left out."""

import struct

import numpy as np
import pytest
import torch

from mwgan.errors import InputError
from mwgan.geometry import TiltGeometry
from mwgan.io import open_series
from mwgan.io.tilt_series import UnknownTiltsError, flipped_about
from mwgan.io.tilts import to_half_circle
from mwgan.operators import ParallelBeam

TILTS = (-40.0, -20.0, 0.0, 20.0, 40.0)


def in_header(tilts):
    return {"exttyp": b"SERI", "counts": (2, 1), "extended": b"".join(struct.pack("<h", round(100 * tilt)) for tilt in tilts)}


def write(path, tilts):
    path.write_text("".join(f"{tilt}\n" for tilt in tilts))


def mdoc(tilts, pixel=7.5):
    return f"PixelSpacing = {pixel}\n" + "".join(f"[ZValue = {number}]\nTiltAngle = {tilt}\n" for number, tilt in enumerate(tilts))


@pytest.mark.parametrize("given", ["-40:40:20", "40:-40:20", "-40:40:-20", TILTS, np.array(TILTS), list(TILTS)])
def test_a_range_or_numbers(given, counts, write_mrc):
    series = open_series(write_mrc(counts), given)
    assert series.geometry.tilt_deg == TILTS
    first = 4 if isinstance(given, str) and given.startswith("40") else 0
    np.testing.assert_array_equal(series.sinograms(0, 1)[0, 0, 0].numpy(), counts[first, 0])


@pytest.mark.parametrize(
    "given", ["-40:40:0", "0:1e9:1", "-40:40:15", "-4000:4000:2000", (), (0, 1, 2, 3, float("nan")), (0, 1, 2, 3, 999)]
)
def test_ranges_and_numbers_that_do_not_fit(given, counts, write_mrc):
    with pytest.raises(InputError):
        open_series(write_mrc(counts), given)


def test_the_file_itself_tells_them(counts, write_mrc):
    series = open_series(write_mrc(counts, **in_header(TILTS)))
    assert series.geometry.tilt_deg == TILTS
    assert "tilts from the file itself" in series.notes


def test_an_alignments_list_beside_it_comes_first_and_an_mdoc_is_more_exact(counts, write_mrc, tmp_path):
    path = write_mrc(counts, **in_header(TILTS))
    write(tmp_path / "series.rawtlt", TILTS)
    (tmp_path / "series.mrc.mdoc").write_text(mdoc([tilt + 0.004 for tilt in TILTS]))
    assert "tilts from series.mrc.mdoc" in open_series(path).notes
    write(tmp_path / "series.tlt", [tilt + 0.5 for tilt in TILTS])
    series = open_series(path)
    assert series.geometry.tilt_deg[0] == -39.5
    assert series.warnings == []


@pytest.mark.parametrize("name", ["series.mdoc", "series.rawtlt", "series.tlt", "series.mrc.mdoc"])
def test_any_of_them_will_do(name, counts, write_mrc, tmp_path):
    path = write_mrc(counts)
    (tmp_path / name).write_text(mdoc(TILTS) if name.endswith("mdoc") else "\n".join(map(str, TILTS)))
    assert open_series(path).geometry.tilt_deg == TILTS


def test_an_aligned_stack_has_the_list_of_its_series(counts, write_mrc, tmp_path):
    write(tmp_path / "grid1.tlt", TILTS)
    assert open_series(write_mrc(counts, "grid1_ali.mrc")).geometry.tilt_deg == TILTS


def test_the_pixel_size_may_stand_in_the_mdoc(counts, write_mrc, tmp_path):
    (tmp_path / "series.mdoc").write_text(mdoc(TILTS))
    assert open_series(write_mrc(counts, spacing=(0.0, 0.0))).voxel_size_angstrom == 7.5
    assert open_series(write_mrc(counts, spacing=(1.0, 1.0)), TILTS).voxel_size_angstrom == 7.5
    assert open_series(write_mrc(counts)).voxel_size_angstrom == 10.0


def test_where_nothing_tells_them_the_remedy_is_named_and_what_was_passed_over(counts, write_mrc, tmp_path):
    path = write_mrc(counts)
    with pytest.raises(UnknownTiltsError, match=r"the tilts of .* are unknown: give them by --tilts FILE or --tilts FIRST:LAST:STEP"):
        open_series(path)
    write(tmp_path / "series.tlt", TILTS[:4])
    (tmp_path / "series.mdoc").write_text("[ZValue = 0]\n")
    with pytest.raises(UnknownTiltsError, match=r"series\.tlt holds 4 tilts for 5 images.*") as raised:
        open_series(path)
    assert "no TiltAngle" in str(raised.value)
    assert open_series(path, TILTS).geometry.tilt_deg == TILTS  # what lies beside it spoils nothing


def test_a_list_that_contradicts_the_file_is_told(counts, write_mrc, tmp_path):
    exposed = (0.0, 20.0, -20.0, 40.0, -40.0)
    path = write_mrc(counts, **in_header(exposed))
    series = open_series(path, TILTS)
    assert series.geometry.tilt_deg == TILTS
    assert "image 1 has a tilt of -40 degrees, and by the file itself one of 0" in series.warnings[0]
    write(tmp_path / "series.tlt", TILTS)
    assert open_series(path).warnings == series.warnings
    assert open_series(path, exposed).warnings  # by the list beside it, then


def test_angles_of_a_whole_turn_come_to_plus_and_minus_ninety():
    turned, behind = to_half_circle([300.0, 0.0, 60.0, 90.0, -90.0, 91.0, 180.0, -179.0, 270.0, 269.0, 359.9, -360.0])
    np.testing.assert_allclose(turned, [-60, 0, 60, 90, -90, -89, 0, 1, -90, 89, -0.1, 0], atol=1e-9)
    assert behind.tolist() == [False, False, False, False, False, True, True, True, False, True, False, False]


@pytest.mark.parametrize(("offset", "tolerance"), [(0.0, 1e-6), (1.5, 1e-6), (-4.0, 1e-6), (0.8, 0.02)])
@pytest.mark.parametrize("axis", ["x", "y"])
def test_views_from_behind_are_flipped_about_the_tilt_axis(offset, tolerance, axis, disc, write_mrc):
    tilts = tuple(np.arange(0.0, 180.0, 12.0))
    image = disc(48, 9, x=5, z=-4) + disc(48, 3, x=-6, z=6, value=0.5)
    rows = ParallelBeam(TiltGeometry(tilts, 48, axis_offset_px=offset))(image)[0, 0].numpy()
    images = np.stack([rows, 2 * rows], axis=1 if axis == "y" else 2).astype("f4")
    series = open_series(write_mrc(images), tilts, tilt_axis=axis, axis_offset_px=offset)
    assert max(map(abs, series.geometry.tilt_deg)) <= 90
    assert int(series.image_flipped.sum()) == 7
    expected = ParallelBeam(series.geometry)(image)[0, 0]
    found = series.sinograms(0, 2)[:, 0]
    for factor in (1, 2):
        assert (found[factor - 1] - factor * expected).norm() <= tolerance * factor * expected.norm()


def test_a_flip_repeats_the_last_pixel_beyond_the_detector():
    row = np.arange(8.0, dtype=np.float32)
    np.testing.assert_array_equal(flipped_about(row, 0.0), row[::-1])
    np.testing.assert_array_equal(flipped_about(row, 1.0), [7, 7, 7, 6, 5, 4, 3, 2])  # about 4.5 instead of 3.5
    np.testing.assert_array_equal(flipped_about(row, -0.5), [6, 5, 4, 3, 2, 1, 0, 0])


def test_two_exposures_of_one_tilt_are_both_kept(counts, write_mrc):
    series = open_series(write_mrc(counts), (0, -20, -40, 0, 20))
    assert series.geometry.tilt_deg == (-40, -20, 0, 0, 20)
    np.testing.assert_array_equal(series.sinograms(0, 1)[0, 0].numpy(), counts[[2, 1, 0, 3, 4], 0])
    assert "more than one image at 0 degrees: all are used" in series.notes


@pytest.mark.parametrize("exclude", ["2,4", "2, 4", "2,4,", [2, 4], (4, 2)])
def test_images_are_left_out_by_their_number_from_one(exclude, counts, write_mrc):
    series = open_series(write_mrc(counts), TILTS, exclude=exclude)
    assert series.geometry.tilt_deg == (-40, 0, 40)
    np.testing.assert_array_equal(series.sinograms(0, 1)[0, 0].numpy(), counts[[0, 2, 4], 0])
    assert series.image_numbers.tolist() == [0, 2, 4]


@pytest.mark.parametrize("exclude", ["0", "6", "1-6", "3-2", "two", "-1", "1.5", "1-5"])
def test_numbers_that_no_image_has_are_refused(exclude, counts, write_mrc):
    with pytest.raises(InputError, match=r"numbers between 1 and 5|all 5 images are left out"):
        open_series(write_mrc(counts), TILTS, exclude=exclude)


def test_broken_images_can_be_left_out(counts, write_mrc):
    broken = counts.astype("f4")
    broken[1], broken[3, 0, 0] = np.nan, np.inf
    path = write_mrc(broken)
    with pytest.raises(InputError, match=r"55 pixels that are NaN or infinite, the first in image 2: .*--exclude 2,4"):
        open_series(path, TILTS)
    assert bool(torch.isfinite(open_series(path, TILTS, exclude="2,4").sinograms(0, 6)).all())


@pytest.mark.parametrize("images", [1, 2])
def test_too_few_tilts_are_read_and_told(images, counts, write_mrc):
    series = open_series(write_mrc(counts[:images]), TILTS[:images])
    assert series.sinograms(0, 6).shape == (6, 1, images, 9)
    assert "are too few for a reconstruction" in series.warnings[0]


def test_one_row_is_one_slice(counts, write_mrc):
    series = open_series(write_mrc(counts[:, :1]), TILTS)
    assert series.slices == 1
    np.testing.assert_array_equal(series.sinograms(0, 1)[0, 0].numpy(), counts[:, 0])
