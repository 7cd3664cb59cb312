"""What a look sees in a series, what it corrects, and that it leaves a good one alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ellipses import TILTS, images, written
from scipy.ndimage import rotate

from mwgan.errors import InputError
from mwgan.io import open_series
from mwgan.paths import samples_dir
from mwgan.series.look import LookedAt, Switches, as_background, as_offset, look_files, write_look


def looked_at(folder, stack, tilts=TILTS, **switches):
    return LookedAt(*written(folder, stack, tilts), Switches(**switches))


def sinograms(found: LookedAt) -> np.ndarray:
    series = found.open()
    return series.sinograms(0, series.slices).numpy()


@pytest.mark.parametrize("percent", [0.3, 2.0, 5.0])
@pytest.mark.parametrize(("size", "rows", "step"), [(64, 1, 3.0), (80, 12, 3.0), (120, 40, 2.0)])
def test_a_good_series_is_left_bit_for_bit(size, rows, step, percent, tmp_path):
    tilts = np.arange(-60, 60 + step / 2, step)
    found = looked_at(tmp_path, images(size, rows, tilts, percent=percent), tilts)
    assert found.seen.notes == []
    assert found.warnings == []
    opened = open_series(*written(tmp_path, images(size, rows, tilts, percent=percent), tilts))
    assert found.open().repairs is None
    assert found.open().mask(0, 1) is None
    assert np.array_equal(sinograms(found), opened.sinograms(0, opened.slices).numpy())
    assert found.open().geometry == opened.geometry


def test_the_measured_needle_has_its_axis_fitted_and_nothing_else(tmp_path):
    found = LookedAt(samples_dir() / "needle.mrc", samples_dir() / "needle.tlt")
    assert found.warnings == []
    assert found.seen.axis_offset_px == pytest.approx(0.25, abs=0.1)
    assert found.open().repairs is None


@pytest.mark.parametrize("offset", [-5.3, -0.6, 1.0, 3.0])
@pytest.mark.parametrize("rows", [4, 40])
def test_the_axis_is_found_to_a_quarter_of_a_pixel(offset, rows, tmp_path):
    found = looked_at(tmp_path, images(rows=rows, offset=offset))
    assert found.seen.axis_offset_px == pytest.approx(offset, abs=0.25)
    assert found.warnings == []
    assert found.open().geometry.axis_offset_px == found.seen.axis_offset_px
    assert looked_at(tmp_path, images(offset=offset), axis_offset=0.5).seen.axis_offset_px == 0.5


def test_an_axis_is_found_where_the_specimen_leaves_the_field(tmp_path):
    stack = images(120, offset=4.0)[:, :, 30:90]
    seen = looked_at(tmp_path, stack).seen
    assert seen.open_sides == ["left", "right"]
    assert seen.axis_offset_px == pytest.approx(4.0, abs=1.5)
    assert seen.axis_offset_from == "reconstruction"


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_a_background_is_taken_off(share, tmp_path):
    clean = images()
    level = share * clean.max()
    found = looked_at(tmp_path, clean + level)
    assert found.seen.background == pytest.approx(level, rel=0.02)
    assert found.warnings == []
    assert np.abs(sinograms(found)[:, 0] - clean.swapaxes(0, 1)).max() < 0.02 * level + 1e-3
    kept = looked_at(tmp_path, clean + level, background="none")
    assert "--background auto" in kept.warnings[0]
    assert kept.open().repairs is None
    assert sinograms(looked_at(tmp_path, clean + level, background=float(level))).mean() == pytest.approx(clean.mean(), rel=1e-3)
    drifting = clean + level * np.linspace(0.5, 1.5, len(clean))[:, None, None]
    assert sinograms(looked_at(tmp_path, drifting, background="edge")).mean() == pytest.approx(clean.mean(), rel=0.02)


def test_images_of_nothing_but_noise_are_told(tmp_path):
    noise = np.random.default_rng(0).standard_normal((len(TILTS), 16, 64))
    found = looked_at(tmp_path, (100 + 3 * noise).astype(np.float32))
    assert ["no specimen stands out" in warning for warning in found.warnings] == [True]
    assert "and nothing stands out from it" in found.seen.notes[0]


@pytest.mark.parametrize("depth", [0.2, 1.0])
def test_bright_field_is_told_and_inverted(depth, tmp_path):
    clean = images(percent=0.0)
    absorbed = clean / clean.max() * depth
    counts = np.random.default_rng(0).poisson(5000 * np.exp(-absorbed)).astype(float)
    found = looked_at(tmp_path, counts)
    assert len(found.warnings) == 1
    assert "bright field" in found.warnings[0]
    assert np.corrcoef(sinograms(found).ravel(), absorbed.swapaxes(0, 1).ravel())[0, 1] > 0.95
    assert sinograms(found).mean() == pytest.approx(absorbed.mean(), rel=0.1)
    kept = looked_at(tmp_path, counts, invert="no")
    assert "--invert yes" in kept.warnings[0]
    assert kept.open().repairs is None
    negative = looked_at(tmp_path, -images())
    assert not negative.seen.logarithm
    assert sinograms(negative).mean() == pytest.approx(images().mean(), rel=0.02)


def test_images_in_another_order_than_their_tilts_are_told(tmp_path):
    exposed = np.argsort(np.abs(TILTS), kind="stable")
    assert "another order" in " ".join(looked_at(tmp_path, images()[exposed]).warnings)
    assert looked_at(tmp_path, images()[exposed], TILTS[exposed]).warnings == []
    shuffled = np.random.default_rng(0).permutation(len(TILTS))
    assert looked_at(tmp_path, images()[shuffled]).seen.out_of_order
    swapped = images()
    swapped[[5, 30]] = swapped[[30, 5]]
    assert looked_at(tmp_path, swapped).seen.strangers == [6, 31]
    halves = np.r_[np.flatnonzero(TILTS <= 0)[::-1], np.flatnonzero(TILTS > 0)]
    assert "one side from 0 on, then the other" in " ".join(looked_at(tmp_path, images()[halves]).warnings)


@pytest.mark.parametrize("percent", [2.0, 4.0, 6.0])
def test_orders_that_series_are_taken_in_are_told_in_much_noise(percent, tmp_path):
    rising = np.arange(len(TILTS))
    middle = len(TILTS) // 2
    up, down = rising[middle:], rising[:middle][::-1]
    by_two = [middle]
    for place in range(0, middle, 2):
        by_two += [*up[1 + place : 3 + place], *down[place : place + 2]]
    taken = {
        "in the order one side from 0 on, then the other": np.r_[up, down],
        "in the order 0 to the highest, then from the lowest on": np.r_[up, down[::-1]],
        "in the order 0, then both sides in turn by 2": np.array(by_two),
    }
    for name, order in taken.items():
        found = looked_at(tmp_path, images(percent=percent)[order])
        assert found.seen.fits_better == name
        assert len(found.warnings) == 1
        assert looked_at(tmp_path, images(percent=percent)[order], TILTS[order]).warnings == []


@pytest.mark.parametrize("step", [2 / 3, 1.5])
def test_tilts_of_another_step_are_told(step, tmp_path):
    tilts = np.arange(-48, 49, 2.0)
    found = looked_at(tmp_path, images(tilts=tilts, percent=1.0), step * tilts)
    assert "times as far apart" in found.seen.fits_better
    assert len(found.warnings) == 1


def test_an_image_that_was_lost_keeps_the_order_of_the_others(tmp_path):
    exposed = np.argsort(np.abs(TILTS), kind="stable")
    stack = images()[exposed]
    stack[7] = 0
    assert looked_at(tmp_path, stack).seen.fits_better == "in the order 0, then both sides in turn"
    assert looked_at(tmp_path, stack, TILTS[exposed]).warnings == []


def test_a_tilt_axis_off_the_centre_and_round_things_are_in_order(tmp_path):
    assert looked_at(tmp_path, images(offset=5.0, percent=5.0)).seen.fits_better is None
    places = np.linspace(-1, 1, 64)
    disc = 30 * np.sqrt(np.clip(0.36 - places**2, 0, None))
    for seed in range(5):
        stack = disc + np.random.default_rng(seed).normal(0, 1, (len(TILTS), 8, 64))
        assert looked_at(tmp_path, stack).warnings == []


@pytest.mark.parametrize("tilts", [np.arange(0.0, 180.0, 4.0), np.arange(-90.0, 270.0, 8.0)])
def test_views_from_behind_are_looked_at_as_they_were_taken(tilts, tmp_path):
    """Before they are flipped: what they are flipped about is found so."""
    found = looked_at(tmp_path, images(tilts=tilts, offset=4.0), tilts)
    assert found.warnings == []
    assert found.seen.axis_offset_px == pytest.approx(4.0, abs=0.25)
    centred = images(tilts=(tilts + 90) % 180 - 90)
    opened = found.open()
    behind = ((tilts + 90) % 360 >= 180)[opened.image_numbers]
    order = opened.image_numbers
    middle = slice(10, 70)
    assert np.abs(sinograms(found)[6, 0][~behind][:, middle].mean() / centred.swapaxes(0, 1)[6][order][~behind][:, middle].mean() - 1) < 0.1


def test_tilts_in_radians_are_told(tmp_path):
    found = looked_at(tmp_path, images(), np.radians(TILTS))
    assert "are these radians?" in found.warnings[0]
    with pytest.raises(InputError, match="are these radians"):
        LookedAt(*written(tmp_path, images(), np.radians(TILTS)), strict=True)


def test_hot_pixels_are_replaced(tmp_path):
    clean, rng = images(), np.random.default_rng(1)
    spoilt = clean.copy()
    for _ in range(12):
        spoilt[rng.integers(len(clean)), rng.integers(12), rng.integers(80)] = clean.max() * rng.uniform(2, 50)
    found = looked_at(tmp_path, spoilt)
    assert 10 <= found.seen.outliers <= 12
    assert found.warnings == []
    assert np.abs(sinograms(found)[:, 0] - clean.swapaxes(0, 1)).max() < 0.5 * clean.max()
    kept = looked_at(tmp_path, spoilt, outliers="keep")
    assert "--outliers replace" in kept.warnings[0]
    assert np.array_equal(sinograms(kept)[:, 0], spoilt.swapaxes(0, 1).astype(np.float32))


def test_dead_images_are_left_out_and_dark_ones_told(tmp_path):
    stack = images()
    stack[[3, 17]] = 0
    found = looked_at(tmp_path, stack)
    assert found.seen.dead == [4, 18]
    assert found.warnings == []
    assert found.open().geometry.tilts == len(TILTS) - 2
    stack = images()
    stack[9] *= 0.1
    assert "image 10 is far darker" in " ".join(looked_at(tmp_path, stack).warnings)


def test_images_that_were_normalised_one_by_one_are_told(tmp_path):
    stack = images()
    alike = (stack - stack.mean(axis=(1, 2), keepdims=True)) / stack.std(axis=(1, 2), keepdims=True)
    assert looked_at(tmp_path, alike).seen.normalised == "mean and spread"
    stretched = (stack - stack.min(axis=(1, 2), keepdims=True)) / np.ptp(stack, axis=(1, 2), keepdims=True)
    assert looked_at(tmp_path, stretched).seen.normalised == "darkest and brightest pixel"


def test_filled_borders_were_not_measured(tmp_path):
    clean, rng = images(rows=24), np.random.default_rng(2)
    shifted = clean.copy()
    for image in shifted:
        width = int(rng.integers(1, 7))
        image[:, :width] = 0
    found = looked_at(tmp_path, shifted)
    assert found.seen.filled_share > 0.02
    assert found.warnings == []
    mask = found.open().mask(0, 24)
    assert mask.shape == (24, 1, len(TILTS), 80)
    assert np.array_equal(~mask[:, 0].numpy(), (shifted == 0).swapaxes(0, 1))
    turned = rotate(clean, 3.0, axes=(2, 1), reshape=False, order=1)
    mask = looked_at(tmp_path, turned).open().mask(0, 24)
    assert 0.005 < float((~mask).float().mean()) < 0.2
    empty = images(percent=0.0)
    assert looked_at(tmp_path, empty).seen.filled_share == 0


def test_the_axis_may_run_along_x(tmp_path):
    stack = np.ascontiguousarray(images(64, 64)[::2].swapaxes(1, 2))
    found = looked_at(tmp_path, stack, TILTS[::2])
    assert found.seen.tilt_axis == "x"
    assert "--tilt-axis y" in found.warnings[0]
    assert "--tilt-axis x" in looked_at(tmp_path, stack, TILTS[::2], tilt_axis="y").warnings[0]


def test_a_measured_axis_along_x_is_found_by_what_it_explains(tmp_path):
    """The needle's masses change by the diffraction of its crystals as much along the axis as across it."""
    series = open_series(samples_dir() / "needle.mrc", samples_dir() / "needle.tlt")
    turned = np.ascontiguousarray(np.asarray(series.images, dtype=float).swapaxes(1, 2))
    found = looked_at(tmp_path, turned, series.image_tilt_deg)
    assert found.seen.tilt_axis == "x"
    assert found.seen.axis_offset_px == pytest.approx(0.25, abs=0.1)


def test_images_that_are_not_aligned_are_told(tmp_path):
    rng, stack = np.random.default_rng(3), images()
    drifting = np.stack([np.roll(image, int(rng.integers(-5, 6)), axis=1) for image in stack])
    found = looked_at(tmp_path, drifting)
    assert "don't seem to be aligned" in " ".join(found.warnings)
    assert found.seen.axis_offset_px == 0


def test_a_slab_is_no_background(tmp_path):
    path = 1 / np.cos(np.radians(TILTS))
    stack = images() + 3000 * path[:, None, None]
    found = looked_at(tmp_path, stack)
    assert found.seen.open_sides == ["left", "right"]
    assert found.seen.background == 0
    assert "--width" in found.warnings[0]


def test_few_and_small_images_are_looked_at_too(tmp_path):
    for tilts in ([0.0], [-10.0, 0.0, 10.0]):
        looked_at(tmp_path, images(16, 2, np.array(tilts)), np.array(tilts))
    assert "every image is constant" in " ".join(looked_at(tmp_path, np.zeros((5, 4, 16)), np.arange(5.0) * 9).warnings)


def test_binning_and_ranges_keep_what_was_found(tmp_path):
    stack = images(offset=3.0) + 500.0
    found = looked_at(tmp_path, stack)
    series = found.open(binning=2, max_tilt_deg=30)
    assert series.geometry.axis_offset_px == pytest.approx(1.5, abs=0.15)
    assert abs(float(series.sinograms(0, 1)[..., :4].mean())) < 40


def test_what_was_seen_is_drawn_and_written(tmp_path):
    series, tilts = written(tmp_path, images(offset=2.0) + 500.0)
    found = LookedAt(series, tilts)
    write_look(found.found, tmp_path / "look.png", series)
    picture, record = look_files(tmp_path / "look.png")
    assert picture.stat().st_size > 5000
    message = json.loads(record.read_text())
    assert message["axis_offset_px"] == pytest.approx(2.0, abs=0.25)
    assert message["background"] == pytest.approx(500, rel=0.1)


@pytest.mark.parametrize("text", ["some", "nan", "inf", ""])
def test_what_is_no_level_and_no_offset_is_refused(text):
    with pytest.raises(InputError, match="--background is auto, none, edge or a number"):
        as_background(text)
    with pytest.raises(InputError, match="--axis-offset is auto or a number"):
        as_offset(text)
    assert as_background("12.5") == 12.5
    assert as_offset("-1") == -1.0


def test_what_was_computed_without_noise_has_no_filled_borders(tmp_path):
    """Nor does a background that stands in it hide behind them."""
    clean = images(rows=6, percent=0.0)
    clean[:, :, :3] = 0  # exactly 0, as its surroundings are
    for stack in (clean, clean[:, :1], clean + 0.3 * clean.max()):
        found = looked_at(tmp_path, stack)
        assert found.seen.filled_share == 0
        assert found.warnings == []
        assert np.abs(sinograms(found)[:, 0] - clean.swapaxes(0, 1)[: stack.shape[1]]).max() < 0.01 * clean.max()


def test_weak_bright_field_is_told_in_noise(tmp_path):
    absorbed = images(percent=0.0)
    counts = np.random.default_rng(0).poisson(1000 * np.exp(-0.15 * absorbed / absorbed.max())).astype(float)
    for rows in (2, 12):
        assert "bright field" in " ".join(looked_at(tmp_path, counts[:, :rows]).warnings)


def test_a_background_is_found_where_sides_of_some_images_were_filled(tmp_path):
    stack = images(rows=24) + 2000.0
    for place in range(0, len(stack), 3):
        stack[place, :, :8] = 0
    found = looked_at(tmp_path, stack)
    assert found.seen.background == pytest.approx(2000, rel=0.02)
    assert found.warnings == []


def test_counts_that_are_alike_by_chance_are_no_filled_borders(tmp_path):
    stack = np.round(500 + images(64, 64) / 300 + np.random.default_rng(0).normal(0, 0.8, (len(TILTS), 64, 64)))
    found = looked_at(tmp_path, stack, background="none")
    assert found.seen.filled_share == 0


def test_images_of_which_a_whole_side_was_not_measured_are_looked_at_like_the_others(tmp_path):
    stack = images(rows=40)
    stack[::3, :, :9] = 0
    stack[1::3, :, -7:] = 0
    found = looked_at(tmp_path, stack)
    assert found.warnings == []
    assert abs(found.seen.axis_offset_px) < 0.25
    assert np.isfinite(found.seen.background)


def test_a_raw_series_is_not_asked_to_be_aligned(tmp_path):
    rng, stack = np.random.default_rng(3), images()
    drifting = np.stack([np.roll(image, int(rng.integers(-5, 6)), axis=1) for image in stack])
    found = looked_at(tmp_path, drifting, aligned=False)
    assert found.warnings == []
    assert found.seen.axis_offset_from == "nothing"
