"""Files in, an alignment out: the direction of the axis, series that are aligned already, tilts in any order."""

import mrcfile
import numpy as np
import pytest
from moved_bodies import errors, noisy, projected

from mwgan.errors import InputError
from mwgan.io import open_series
from mwgan.series import align_series
from mwgan.series.align import aligned_files, write_aligned
from mwgan.series.align.upright import axis_of_raw, read_upright
from mwgan.series.look import Switches

TILTS = np.arange(-72.0, 73.0, 8.0)
SIZE = 48
SHIFTS = np.random.default_rng(4).uniform(-3, 3, (len(TILTS), 2))


def write(path, images, tilts=TILTS):
    with mrcfile.new(path, np.ascontiguousarray(images, np.float32)) as file:
        file.set_image_stack()
        file.voxel_size = 8.0
    path.with_suffix(".rawtlt").write_text("".join(f"{tilt}\n" for tilt in tilts))
    return path


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """A raw series on a background, in the order of its exposure, its axis along y."""
    folder = tmp_path_factory.mktemp("raw")
    images = noisy(projected(SIZE, TILTS, SHIFTS), 1.0)
    order = np.argsort(np.abs(TILTS), kind="stable")
    return write(folder / "raw.mrc", 50 + images[order], TILTS[order])


@pytest.fixture(scope="module")
def aligned(raw):
    return align_series(raw)


def test_shifts_are_found_of_images_in_any_order_on_a_background(raw, aligned):
    found = aligned.alignment
    along, across, angle = errors(np.array(found.shifts_px), found.axis_angle_deg, SHIFTS, 0.0, TILTS)
    assert max(along, across) < 0.15
    assert abs(angle) < 0.7
    assert found.tilt_deg == TILTS.tolist()
    assert found.images[0] == int(np.flatnonzero(np.argsort(np.abs(TILTS), kind="stable") == 0)[0]) + 1
    assert aligned.after.of_data < aligned.before.of_data / 2


def test_what_is_written_needs_no_more_alignment(aligned, tmp_path):
    output = tmp_path / "ali.mrc"
    write_aligned(aligned, output, {"crop": False})
    series = open_series(output)
    assert series.image_tilt_deg.tolist() == TILTS.tolist()
    assert series.pixel_sizes_angstrom == (8.0, 8.0)
    again = align_series(output)
    assert not np.any(again.alignment.shifts_px)
    assert "pixels are unchanged" in " ".join(again.notes)
    assert all(file.stat().st_size for file in aligned_files(output))
    assert len(output.with_suffix(".xf").read_text().splitlines()) == len(TILTS)


def test_an_axis_along_x_is_found_and_turned(tmp_path):
    turned = np.rot90(noisy(projected(SIZE, TILTS, SHIFTS), 1.0), 1, axes=(1, 2))
    path = write(tmp_path / "x.mrc", turned)
    assert axis_of_raw(open_series(path)) == "x"
    assert read_upright(path, switches=Switches(tilt_axis="x")).images[3] == pytest.approx(np.rot90(turned[3], -1), abs=1.0)


def test_crop_leaves_rows_that_all_images_have_measured(raw):
    cropped = align_series(raw, crop=True, finds_angle=False).alignment
    lost = np.ptp(np.array(cropped.shifts_px)[:, 0])
    assert SIZE - lost - 2 <= cropped.shape[0] <= SIZE - lost + 1
    ones = np.ones((SIZE, SIZE), np.float32)
    middle = slice(SIZE // 2 - 5, SIZE // 2 + 5)
    assert all((cropped.placed(place, ones)[:, middle] > 0.9).all() for place in range(len(TILTS)))


@pytest.mark.parametrize(
    ("options", "message"), [({"binning": 30}, "binning"), ({"binning": 0}, "binning"), ({"exclude": "5-19"}, "5 or more")]
)
def test_what_cannot_be_done_is_said(raw, options, message):
    with pytest.raises(InputError, match=message):
        align_series(raw, **options)
