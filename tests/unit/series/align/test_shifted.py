"""A raw series handed to a reconstruction with its shifts: whole pixels move, what is left is in the geometry."""

from dataclasses import replace

import mrcfile
import numpy as np
import pytest
import torch
from moved_bodies import projected

from mwgan.errors import InputError
from mwgan.geometry import Measurement
from mwgan.recon import SIRT, WBP
from mwgan.series.align import Alignment
from mwgan.series.align.shifted import ShiftedSeries, switches_for
from mwgan.series.look import LookedAt, Switches
from mwgan.series.measured import measurement_of

TILTS = np.arange(-72.0, 73.0, 6.0)
SIZE, ROW = 48, 24
NONE = Switches(background="none", outliers="keep", invert="no")


@pytest.fixture
def moved(tmp_path):
    """``moved(shifts, axis, behind)``: a raw series of shifts (A, 2), looked at, and its alignment."""

    def make(shifts, axis="y", behind=()):
        images = projected(SIZE, TILTS, shifts)
        flipped = np.isin(np.arange(len(TILTS)), behind)
        images[flipped] = images[flipped, :, ::-1]
        tilts = np.where(flipped, np.where(TILTS > 0, TILTS - 180, TILTS + 180), TILTS)
        raw = np.rot90(images, 1, axes=(1, 2)) if axis == "x" else images
        with mrcfile.new(tmp_path / "raw.mrc", np.ascontiguousarray(raw, np.float32), overwrite=True) as file:
            file.set_image_stack()
            file.voxel_size = 8.0
        count = len(TILTS)
        numbers, pairs = list(range(1, count + 1)), [(float(along), float(across)) for along, across in shifts]
        alignment = Alignment(numbers, count, (SIZE, SIZE), TILTS.tolist(), axis, 0.0, pairs, flipped.tolist(), [1.0] * count, (SIZE, SIZE))
        return LookedAt(tmp_path / "raw.mrc", tilts.tolist(), switches_for(alignment, NONE)), alignment

    return make


def shifts(most=4.0, along=True):
    found = np.random.default_rng(5).uniform(-most, most, (len(TILTS), 2))
    return found if along else found * [0.0, 1.0]


def slice_of(series, method):
    return method(measurement_of(series, ROW, ROW + 1))[0, 0].numpy()


def off(found, expected):
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


@pytest.mark.parametrize(("axis", "behind"), [("y", ()), ("x", ()), ("y", (0, 3, 20))])
def test_no_image_is_interpolated_across_the_axis_and_the_volume_is_that_of_still_images(moved, axis, behind):
    looked_at, alignment = moved(shifts(along=False), axis, behind)
    series = ShiftedSeries(looked_at, alignment)
    assert max(map(abs, series.geometry.tilt_offset_px)) <= 0.5
    upright = np.rot90(looked_at.first.images, -1, axes=(1, 2)) if axis == "x" else np.asarray(looked_at.first.images)
    rows = series.sinograms(ROW, ROW + 1)[0, 0].numpy()
    for row, image, over, (_, across) in zip(rows, upright, alignment.flipped, alignment.shifts_px, strict=True):
        line = image[ROW, ::-1] if over else image[ROW]
        assert row[6:-6] == pytest.approx(np.roll(line, -round(across))[6:-6], abs=1e-5 * float(line.max()))  # pixels as they were
    still = ShiftedSeries(*moved(np.zeros((len(TILTS), 2))))
    assert still.geometry.on_axis
    for method in (WBP("hann"), SIRT(30)):
        truth = slice_of(still, method)
        whole = Measurement(*_of(series, ROW), replace(series.geometry, tilt_offset_px=()))
        assert off(slice_of(series, method), truth) < 0.06
        assert off(slice_of(series, method), truth) < 0.6 * off(method(whole)[0, 0].numpy(), truth)


def _of(series, row):
    measurement = measurement_of(series, row, row + 1)
    return measurement.sinogram, measurement.measured


def test_images_are_read_between_rows_and_what_they_do_not_show_is_not_measured(moved):
    looked_at, alignment = moved(shifts())
    series = ShiftedSeries(looked_at, alignment)
    still = ShiftedSeries(*moved(np.zeros((len(TILTS), 2))))
    assert off(slice_of(series, SIRT(30)), slice_of(still, SIRT(30))) < 0.06
    down = np.array(alignment.shifts_px)[:, 0]
    assert torch.equal(series.mask(0, 1)[0, 0].any(dim=1), torch.from_numpy(down >= 0))
    assert series.mask(ROW, ROW + 1) is None or not bool(series.mask(ROW, ROW + 1)[:, :, :, :6].all())


def test_binned_data_lie_where_the_others_do(moved):
    looked_at, alignment = moved(shifts())
    series, binned = ShiftedSeries(looked_at, alignment), ShiftedSeries(looked_at, alignment, 5)  # 3 pixels are left over
    assert binned.sinograms(0, 1).shape == (1, 1, len(TILTS), 9)
    assert binned.slices == 9
    assert binned.voxel_sizes_angstrom == (40.0, 40.0, 40.0)
    assert binned.geometry.axis_offset_px == pytest.approx(0.3)
    assert np.allclose(binned.geometry.tilt_offset_px, np.array(series.geometry.tilt_offset_px) / 5)


def test_a_turned_axis_is_interpolated_for_that_alone(moved):
    looked_at, alignment = moved(shifts(along=False))
    turned = ShiftedSeries(looked_at, replace(alignment, axis_angle_deg=1.5))
    assert "rotation of 1.50 degrees" in turned.notes[-1]
    assert "only along the axis" in ShiftedSeries(looked_at, alignment).notes[-1]
    whole, fractions = replace(alignment, axis_angle_deg=1.5).by_whole_pixels()
    image = looked_at.image(7)
    back = np.fft.ifft(np.fft.fft(whole.placed(7, image)) * np.exp(2j * np.pi * np.fft.fftfreq(SIZE) * fractions[7])).real
    expected = replace(alignment, axis_angle_deg=1.5).placed(7, image)
    inside = (slice(6, -6), slice(8, -8))
    assert off(back[inside], expected[inside]) < 0.02


def test_images_may_be_left_out_and_tilts_that_were_refined_change_places(moved):
    looked_at, alignment = moved(shifts())
    tilts = [*alignment.tilt_deg[:2][::-1], *alignment.tilt_deg[2:]]
    series = ShiftedSeries(looked_at, replace(alignment, tilt_deg=tilts), max_tilt_deg=66.0)
    assert series.geometry.tilt_deg[0] == -66.0
    assert series.image_numbers.tolist() == [0, *range(2, len(TILTS) - 1)]
    with pytest.raises(InputError, match="no image of"):
        ShiftedSeries(looked_at, replace(alignment, tilt_deg=[70.0] * len(TILTS)), max_tilt_deg=60.0)


def test_another_series_and_two_places_of_the_axis_are_refused(moved):
    looked_at, alignment = moved(shifts())
    with pytest.raises(InputError, match="same tilts and size"):
        ShiftedSeries(looked_at, replace(alignment, raw_shape=(40, 48)))
    with pytest.raises(InputError, match="binning"):
        ShiftedSeries(looked_at, alignment, 25)
    for said in (Switches(axis_offset=1.0), Switches(tilt_axis="x")):
        with pytest.raises(InputError, match="--aligned-by"):
            switches_for(alignment, said)
    assert switches_for(alignment, Switches()) == Switches(tilt_axis="y", aligned=False)
