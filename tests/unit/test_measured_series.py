from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, rotate

from mwgan.acquisition import GaussianNoise, NoNoise
from mwgan.data import MeasuredSeries, PhantomFaces
from mwgan.data.measured_series import measured_rows
from mwgan.data.source import draw_seed
from mwgan.errors import InputError
from mwgan.evaluation.unseen import check_unseen
from mwgan.geometry import TiltGeometry
from mwgan.operators import ParallelBeam, projector_for
from mwgan.paths import PACKAGE

FINE, COARSE, STEP = 96, 32, 3.0  # pixels of the detector, of the images, and degrees between tilts
TOOTH = PACKAGE.parent / "samples" / "tooth"


@pytest.fixture(scope="module")
def slices() -> np.ndarray:
    """Two slices (2, 96, 96) that are smooth over a few pixels and end well before the detector does."""
    position = np.arange(FINE) - (FINE - 1) / 2
    z, x = np.meshgrid(position, position, indexing="ij")
    first = 1.0 * (((x - 6) / 26) ** 2 + ((z + 4) / 14) ** 2 < 1) - 0.6 * ((x + 4) ** 2 + (z + 6) ** 2 < 36)
    second = 0.7 * ((np.abs(x + 8) < 15) & (np.abs(z - 5) < 24)) + 0.3 * ((x - 14) ** 2 + (z + 14) ** 2 < 64)
    return np.stack([gaussian_filter(image, 2.0) for image in (first, second)]).astype(np.float32)


def write(folder: Path, slices: np.ndarray, tilts=None, axis_offset_px: float = 0.0, gain: float = 1.0) -> dict[str, str]:
    """A series of the slices in ``folder``, as a microscope would write it."""
    tilts = np.arange(-90.0, 90.0, STEP) if tilts is None else tilts
    projector = ParallelBeam(TiltGeometry(tuple(tilts), slices.shape[-1], axis_offset_px))
    rows = projector(torch.from_numpy(slices).unsqueeze(1))[:, 0].numpy()
    with mrcfile.new(folder / "series.mrc", overwrite=True) as file:
        file.set_data(np.ascontiguousarray(gain * rows.swapaxes(0, 1), dtype=np.float32))
    (folder / "series.tlt").write_text("\n".join(f"{tilt:g}" for tilt in tilts))
    return {"series": str(folder / "series.mrc"), "tilts": str(folder / "series.tlt"), "name": "drawn"}


@pytest.fixture
def files(tmp_path, slices) -> dict[str, str]:
    return write(tmp_path, slices)


def image(source: MeasuredSeries, index: int) -> np.ndarray:
    return source.image(index, np.random.default_rng(0))


def binned(pixels: np.ndarray, size: int = COARSE) -> np.ndarray:
    factor = pixels.shape[-1] // size
    return pixels.reshape(size, factor, size, factor).mean(axis=(1, 3))


def off_by(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def misfit(source: MeasuredSeries, index: int, geometry: TiltGeometry) -> float:
    """How far the projections of a truth are from the rows measured of it."""
    truth = torch.from_numpy(image(source, index))[None, None]
    return off_by(projector_for(geometry)(truth)[0, 0].numpy(), source.sinogram(index, geometry))


def test_the_truth_is_the_slice_averaged_to_the_size_with_a_brightest_pixel_of_1(files, slices):
    source = MeasuredSeries(**files, size=COARSE)
    expected = np.stack([binned(pixels) for pixels in slices])
    found = np.stack([image(source, index) for index in range(len(source))])
    assert (found.shape, found.dtype) == ((2, COARSE, COARSE), np.float32)
    assert (found.min(), found.max()) == (0.0, 1.0)
    assert off_by(found, expected / expected.max()) < 0.02


def test_the_rows_are_those_of_the_file_averaged_and_scaled_as_the_truth_is(files):
    source, geometry = MeasuredSeries(**files, size=COARSE), TiltGeometry.full(COARSE, 2 * STEP)
    with mrcfile.open(files["series"]) as file:
        recorded = file.data[::2, 1].reshape(-1, COARSE, 3).mean(axis=2)
    rows = source.sinogram(1, geometry)
    assert (rows.shape, rows.dtype) == ((30, COARSE), np.float32)
    assert off_by(rows / rows.max(), recorded / recorded.max()) < 1e-6
    assert max(misfit(source, index, geometry) for index in range(2)) < 0.02


def test_the_unit_of_the_file_does_not_matter(files, slices, tmp_path):
    geometry = TiltGeometry.full(COARSE, STEP)
    before = MeasuredSeries(**files, size=COARSE)
    rows, truth = before.sinogram(0, geometry), image(before, 0)
    after = MeasuredSeries(**write(tmp_path, slices, gain=250.0), size=COARSE)
    np.testing.assert_allclose(after.sinogram(0, geometry), rows, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(image(after, 0), truth, atol=1e-4)


def test_a_turned_image_is_the_image_rotated_clockwise(files):
    turned = MeasuredSeries(**files, size=FINE, turns=6, slices=[0])
    assert [turned.pose(index) for index in (0, 1, 5)] == [(0, 0.0), (0, 30.0), (0, 150.0)]
    for index in range(6):
        expected = rotate(image(turned, 0), -30.0 * index, reshape=False, order=3)  # of scipy, angles turn against the clock
        assert off_by(image(turned, index), expected) < 0.01
        assert misfit(turned, index, TiltGeometry.full(FINE, STEP)) < 0.02


def test_turning_begins_where_it_is_told_and_takes_the_slices_in_turn(files):
    source = MeasuredSeries(**files, size=COARSE, turns=3, first_turn_deg=6.0)
    assert [source.pose(index) for index in range(len(source))] == [(0, 6.0), (1, 6.0), (0, 66.0), (1, 66.0), (0, 126.0), (1, 126.0)]
    geometry = TiltGeometry.full(COARSE, STEP)
    plain = MeasuredSeries(**files, size=COARSE)
    later, rows = source.sinogram(1, geometry), plain.sinogram(1, geometry)
    ratio = later[0].max() / rows[2].max()  # the brightest pixel of the truths is another
    assert ratio == pytest.approx(1.0, abs=0.05)
    np.testing.assert_allclose(later[:-2], ratio * rows[2:], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(later[-2:], ratio * rows[:2, ::-1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("axis_offset_px", [4.0, -2.3])
def test_an_axis_off_the_centre_of_the_detector_is_brought_there(axis_offset_px, slices, tmp_path):
    files, geometry = write(tmp_path, slices, axis_offset_px=axis_offset_px), TiltGeometry.full(COARSE, STEP)
    printed = MeasuredSeries(**files, size=COARSE, axis_offset_px=axis_offset_px)  # 4 pixels in one, with air at the ends
    assert max(misfit(printed, index, geometry) for index in range(2)) < 0.025
    not_told = MeasuredSeries(**files, size=COARSE)
    assert min(misfit(not_told, index, geometry) for index in range(2)) > 0.05


def test_the_half_circle_may_begin_anywhere(files, slices, tmp_path):
    geometry = TiltGeometry.full(COARSE, STEP)
    before = MeasuredSeries(**files, size=COARSE, turns=2)
    expected = [(before.sinogram(index, geometry), image(before, index)) for index in range(4)]
    after = MeasuredSeries(**write(tmp_path, slices, np.arange(0.0, 180.0, STEP)), size=COARSE, turns=2)
    for index, (rows, truth) in enumerate(expected):
        np.testing.assert_allclose(after.sinogram(index, geometry), rows, atol=1e-3 * rows.max())
        np.testing.assert_allclose(image(after, index), truth, atol=1e-3)


def test_who_it_is_of_and_what_a_record_says(files, slices, tmp_path):
    source = MeasuredSeries(**files, size=COARSE, turns=4, licence="ours")
    assert len(source) == 8
    assert {source.origin(index) for index in range(8)} == {"drawn"}  # one specimen: turns are no independent samples
    assert source.real_sources() == [source]
    record = source.describe()[0]
    assert (record["images"], record["distinct"], record["subjects"], record["licence"]) == (8, 2, 1, "ours")
    with pytest.raises(InputError, match="trained on subjects of drawn"):
        check_unseen("network", [record], [source])
    prints = {source.fingerprint, MeasuredSeries(**files, size=COARSE, turns=2).fingerprint}
    prints.add(MeasuredSeries(**write(tmp_path, slices[[1, 0]]), size=COARSE, turns=4).fingerprint)
    assert len(prints) == 3


def test_measured_rows_are_the_sources_own_with_noise_on_top():
    geometry = TiltGeometry.full(16, 30.0)

    class Rows(PhantomFaces):
        def sinogram(self, index, geometry):
            return np.full((geometry.tilts, geometry.detector_size), 1.0 + index, dtype=np.float32)

    seeds = [draw_seed(0, 0, index) for index in (2, 0)]
    rows = measured_rows(Rows(16, count=3), [2, 0], geometry, NoNoise(), seeds)
    assert rows.shape == (2, 1, 6, 16)
    assert rows[:, 0, 0, 0].tolist() == [3.0, 1.0]
    noisy = measured_rows(Rows(16, count=3), [2, 0], geometry, GaussianNoise(2.0), seeds)
    assert ((noisy - rows).std(dim=(1, 2, 3)) / rows.amax(dim=(1, 2, 3))).tolist() == pytest.approx([0.02, 0.02], rel=0.3)
    alone = measured_rows(Rows(16, count=3), [0], geometry, GaussianNoise(2.0), seeds[1:])
    assert torch.equal(noisy[1:], alone)
    assert measured_rows(PhantomFaces(16, count=3), [0], geometry, NoNoise(), [0]) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"slices": [2]}, "slices 0 to 1, not .2."),
        ({"slices": []}, "slices 0 to 1, not"),
        ({"turns": 7}, "turns that divide 60"),
        ({"first_turn_deg": 2.0}, "a multiple of 3 degrees"),
        ({"series": "nowhere.mrc"}, "nowhere.mrc can't be read"),
    ],
)
def test_what_the_series_does_not_hold_is_refused_on_first_use(changes, message, files):
    source = MeasuredSeries(**{**files, **changes}, size=COARSE)
    with pytest.raises(InputError, match=message):
        len(source)


@pytest.mark.parametrize("arguments", [{"size": 1}, {"size": 32, "turns": 0}])
def test_senseless_sizes_and_turns_are_refused_at_once(arguments, files):
    with pytest.raises(InputError, match="size must be 2 or more and turns 1 or more"):
        MeasuredSeries(**files, **arguments)


@pytest.mark.parametrize("tilts", [np.arange(-90.0, 90.1, 3), np.arange(-60.0, 61.0, 3), np.array([-90.0, -80, -30, 0, 5, 60])])
def test_a_series_that_does_not_cover_the_half_circle_once_and_evenly_is_refused(tilts, slices, tmp_path):
    with pytest.raises(InputError, match="even ones over the whole half circle"):
        len(MeasuredSeries(**write(tmp_path, slices, tilts), size=COARSE))


def test_an_empty_slice_has_no_truth(slices, tmp_path):
    with pytest.raises(InputError, match="an empty slice"):
        image(MeasuredSeries(**write(tmp_path, 0 * slices), size=COARSE), 0)


def test_tilts_that_were_not_measured_are_refused_with_the_steps_to_be_had(files):
    source = MeasuredSeries(**files, size=COARSE)
    with pytest.raises(InputError, match="every 3 degrees from -90: take a tilt step of 3, 6, 9, 12, 15, 18, 30, 36, 45, 60, 90"):
        source.sinogram(0, TiltGeometry.full(COARSE, 2.0))
    for other in (TiltGeometry.full(FINE, STEP), TiltGeometry((0.0,), COARSE, axis_offset_px=1.0)):
        with pytest.raises(InputError, match="32 pixels around the tilt axis"):
            source.sinogram(0, other)


@pytest.mark.parametrize("index", [-1, 2])
def test_images_are_counted_from_0(index, files):
    source = MeasuredSeries(**files, size=COARSE)
    for ask in (lambda: image(source, index), lambda: source.sinogram(index, TiltGeometry.full(COARSE, STEP)), lambda: source.pose(index)):
        with pytest.raises(IndexError):
            ask()


# What all tilts give, cut off at 0, against what was measured: half a percent of that is the cutting, at 128 pixels more than half.
@pytest.mark.parametrize(("size", "percent"), [(64, 2.0), (128, 2.7)])
def test_the_truth_of_the_tooth_agrees_with_its_measured_rows(size, percent):
    tooth = MeasuredSeries(str(TOOTH / "tooth.mrc"), str(TOOTH / "tooth.tlt"), size, "tooth", turns=4, first_turn_deg=7.0)
    geometry = TiltGeometry.full(size, 3.0)
    assert max(misfit(tooth, index, geometry) for index in range(len(tooth))) < percent / 100
    rows = tooth.sinogram(0, geometry)
    assert abs(rows[:, :2].mean()) < 0.005 * rows.max()  # air
    assert rows.sum(axis=1).std() < 0.005 * rows.sum(axis=1).mean()  # every tilt sees all of it
