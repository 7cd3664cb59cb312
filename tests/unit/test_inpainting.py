from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mwgan.files.record import TrainedGeometry, TrainingRecord
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.operators import ParallelBeam
from mwgan.recon import WBP, InpaintSinogram, LearnedReconstructor

SIZE, STEP = 32, 2.0
# Measured tilts that the grid of STEP does not have, or not all of.
OFF_GRID = {
    "coarser": np.arange(-60, 61, 3.0),
    "much coarser": np.arange(-63, 64, 7.0),
    "finer": np.arange(-60, 60.1, 1.0),
    "much finer": np.arange(-60, 60.1, 0.5),
    "asymmetric": np.arange(-70, 61, 3.0),
    "asymmetric, on the grid": np.arange(-70, 61, 2.0),
    "few": np.arange(-20, 21, 10.0),
    "irregular": np.sort(np.random.default_rng(0).uniform(-65, 65, 40)),
}
off_grid = pytest.mark.parametrize("tilt_deg", OFF_GRID.values(), ids=OFF_GRID)
# With 4 and 7 degrees, 0 is not on the grid; 4 gives an odd number of tilts; 7 doesn't divide the half circle.
STEPS = [2.0, 4.0, 5.0, 7.0]
every_step = pytest.mark.parametrize("step_deg", STEPS)


def measure(image: Tensor, tilt_deg: Sequence[float], axis_offset_px: float = 0.0, of_tilts: Sequence[float] = ()) -> Measurement:
    """A measurement of every one of these tilts."""
    geometry = TiltGeometry(tuple(tilt_deg), image.shape[-1], axis_offset_px, tuple(of_tilts))
    return Measurement(ParallelBeam(geometry)(image), torch.ones(geometry.tilts, dtype=torch.bool), geometry)


def with_wedge(image: Tensor, step_deg: float = STEP, wedge_deg: float | Tensor = 45.0) -> Measurement:
    """A measurement on the full grid that lacks a wedge."""
    geometry = TiltGeometry.full(image.shape[-1], step_deg)
    return Measurement(ParallelBeam(geometry)(image), geometry.measured(wedge_deg), geometry)


def oracle(task: InpaintSinogram, image: Tensor, measurement: Measurement) -> Callable[[Tensor], Tensor]:
    """The network that knows."""
    return lambda seen: task.target(image, measurement)


def unchanged(seen: Tensor) -> Tensor:
    """The network that does nothing: zeros stay in the gap."""
    return seen[:, :1]


def rows_at(measurement: Measurement, tilt_deg: Sequence[float]) -> Tensor:
    return measurement.sinogram[:, :, [measurement.geometry.tilt_deg.index(float(tilt)) for tilt in tilt_deg]]


def error(tomogram: Tensor, truth: Tensor) -> float:
    return float((tomogram - truth).norm() / truth.norm())


@pytest.mark.parametrize("step_deg", [*STEPS, 0.7, 90.0])
def test_centred_and_stored_are_inverse(step_deg, generator):
    task = InpaintSinogram(6, step_deg)
    sinogram = torch.rand(2, 1, task.geometry.tilts, 6, generator=generator)
    assert torch.equal(task.uncentre(task.centre(sinogram)), sinogram)
    assert torch.equal(task.centre(task.uncentre(sinogram)), sinogram)
    assert not torch.equal(task.centre(sinogram), sinogram)


@every_step
def test_the_centred_order_is_the_half_turn_from_0_to_180_degrees(step_deg, disc):
    image = disc(SIZE, 5, x=7, z=-4)
    task = InpaintSinogram(SIZE, step_deg)
    turned = measure(image, sorted(tilt % 180 for tilt in task.geometry.tilt_deg))
    torch.testing.assert_close(task.centre(ParallelBeam(task.geometry)(image)), turned.sinogram, rtol=1e-4, atol=1e-3)
    assert turned.geometry.tilt_deg[0] < step_deg


@every_step
@pytest.mark.parametrize("wedge_deg", [20.0, 45.0, 100.0])
def test_the_gap_lies_in_one_piece_in_the_middle_and_is_empty(step_deg, wedge_deg, faces):
    task = InpaintSinogram(SIZE, step_deg)
    seen = task.see(with_wedge(faces, step_deg, wedge_deg))
    tilts = task.geometry.tilts
    assert seen.shape == (3, 2, tilts, SIZE)
    gap = (seen[0, 1, :, 0] == 0).nonzero().flatten().tolist()
    assert gap == list(range(gap[0], gap[-1] + 1))
    assert abs(gap[0] - (tilts - 1 - gap[-1])) <= 1
    assert not seen[:, 0, gap].any()
    assert len(gap) == int((~task.geometry.measured(wedge_deg)).sum())


@every_step
def test_it_sees_the_measured_rows_and_where_they_are(step_deg, faces):
    task = InpaintSinogram(SIZE, step_deg)
    measurement = with_wedge(faces, step_deg, torch.tensor([0.0, 45.0, 90.0]))
    seen = task.see(measurement)
    measured = measurement.mask.expand_as(measurement.sinogram)
    assert torch.equal(task.uncentre(seen[:, 1:]), measured.float())
    torch.testing.assert_close(task.uncentre(seen[:, :1]), measurement.sinogram * 2 / SIZE)
    assert torch.equal(task.condition(seen), seen[:, :1])


def test_the_target_is_the_whole_projection_without_noise_or_wedge(faces, generator):
    task, measurement = InpaintSinogram(SIZE, STEP), with_wedge(faces)
    noise = torch.rand(measurement.sinogram.shape, generator=generator)
    noisy = Measurement(measurement.sinogram + noise, measurement.measured, measurement.geometry)
    target = task.target(faces, noisy)
    torch.testing.assert_close(task.uncentre(target), ParallelBeam(task.geometry)(faces) * 2 / SIZE)
    seen = task.see(measurement)
    torch.testing.assert_close(target[seen[:, 1:] > 0], seen[:, :1][seen[:, 1:] > 0])


@every_step
@pytest.mark.parametrize("wedge_deg", [45.0, torch.tensor([0.0, 45.0, 90.0])], ids=["shared", "per sample"])
def test_a_perfect_network_on_the_grid_gives_the_wbp_of_the_complete_sinogram(step_deg, wedge_deg, faces):
    task, measurement = InpaintSinogram(SIZE, step_deg), with_wedge(faces, step_deg, wedge_deg)
    whole = with_wedge(faces, step_deg, 0.0)
    completed = task.complete(oracle(task, faces, measurement), measurement)
    assert completed.geometry == whole.geometry
    assert completed.mask.all()
    torch.testing.assert_close(completed.sinogram, whole.sinogram)
    torch.testing.assert_close(WBP()(completed), WBP()(whole))
    torch.testing.assert_close(task.tomogram(task.target(faces, measurement), measurement), WBP()(whole))


def test_the_tomogram_has_the_window_that_was_asked_for(faces):
    task, measurement = InpaintSinogram(SIZE, STEP, filter="hann"), with_wedge(faces)
    tomogram = task.tomogram(task.target(faces, measurement), measurement)
    torch.testing.assert_close(tomogram, WBP("hann")(with_wedge(faces, wedge_deg=0.0)))


@pytest.mark.parametrize("axis_offset_px", [0.0, 1.25])
@off_grid
def test_a_perfect_network_off_the_grid_gives_nearly_the_tomogram_of_all_tilts(tilt_deg, axis_offset_px, faces):
    task, measurement = InpaintSinogram(SIZE, STEP), measure(faces, tilt_deg, axis_offset_px)
    repaired = task.tomogram(task.target(faces, measurement), measurement)
    complete, measured = WBP()(with_wedge(faces, wedge_deg=0.0)), WBP()(measurement)
    assert error(repaired, faces) < 1.15 * error(complete, faces)
    assert error(repaired, faces) < 0.6 * error(measured, faces)


@off_grid
def test_measured_rows_keep_tilts_and_values_where_the_network_leaves_them(tilt_deg, faces):
    task, measurement = InpaintSinogram(SIZE, STEP), measure(faces, tilt_deg)
    completed = task.complete(unchanged, measurement)
    torch.testing.assert_close(rows_at(completed, tilt_deg), measurement.sinogram, rtol=1e-5, atol=1e-5)
    added = sorted(set(completed.geometry.tilt_deg) - set(measurement.geometry.tilt_deg))
    assert set(added) <= set(task.geometry.tilt_deg)
    assert not rows_at(completed, added).any()
    assert completed.mask.all()


@off_grid
def test_together_with_the_added_rows_no_direction_is_further_away_than_before_or_on_the_grid(tilt_deg, faces):
    completed = InpaintSinogram(SIZE, STEP).complete(unchanged, measure(faces, tilt_deg))
    directions = np.sort(np.mod(completed.geometry.tilt_deg, 180.0))
    gaps = np.diff(np.append(directions, directions[0] + 180.0))
    assert gaps.max() <= max(2 * STEP, 3 * np.median(np.diff(tilt_deg))) + 1e-6


@pytest.mark.parametrize(("low", "high"), [(-60, 60), (-70, 60), (-10, 60)])
@pytest.mark.parametrize("step", [3.0, 2.0, 0.5, 5.0])
def test_nothing_is_interpolated_across_the_wedge(low, high, step, faces):
    task = InpaintSinogram(SIZE, STEP)
    tilts = np.arange(low, high + 1e-6, step)
    on_grid = task.to_grid(measure(faces, tilts))
    assert on_grid.geometry == task.geometry
    assert on_grid.measured.tolist() == [tilts[0] <= tilt <= tilts[-1] for tilt in task.geometry.tilt_deg]
    assert not task.see(measure(faces, tilts))[:, 0][:, ~task.centre(on_grid.mask)[0, 0, :, 0]].any()


def test_tilts_between_those_measured_are_interpolated_linearly(generator):
    task = InpaintSinogram(4, STEP)
    geometry = TiltGeometry((-7.0, -4.0, -1.0, 0.5, 2.0, 3.5, 5.0), 4)
    at_zero, slope = torch.rand(2, 4, generator=generator)
    at = lambda tilts: at_zero + torch.tensor(tilts).reshape(1, 1, -1, 1) * slope  # noqa: E731
    on_grid = task.to_grid(Measurement(at(geometry.tilt_deg), torch.ones(7, dtype=torch.bool), geometry))
    covered = (-6.0, -4.0, -2.0, 0.0, 2.0, 4.0)
    assert [tilt for tilt, here in zip(task.geometry.tilt_deg, on_grid.measured, strict=True) if here] == list(covered)
    torch.testing.assert_close(rows_at(on_grid, covered), at(covered))


@pytest.mark.parametrize(
    "tilt_deg", [np.arange(0, 179, 3.0), np.arange(-90, 91, 3.0), np.arange(100, 279, 3.0), np.arange(-279, -100, 3.0)]
)
def test_opposite_views_count_as_one(tilt_deg, disc):
    image = disc(SIZE, 5, x=7, z=-4)
    task, measurement = InpaintSinogram(SIZE, STEP), measure(image, tilt_deg)
    seen = task.see(measurement)
    assert seen[:, 1].all()
    assert error(seen[:, :1], task.target(image, measurement)) < 0.02


def test_exposures_of_one_tilt_are_seen_as_their_mean(faces):
    tilts = (*np.arange(-60.0, 1.0, 5.0), *np.arange(0.0, 61.0, 5.0))
    once = TiltGeometry(tuple(sorted(set(tilts))), 32)
    rows = ParallelBeam(once)(faces)
    twice = torch.cat([rows[:, :, :13], rows[:, :, 12:]], dim=2)
    twice[:, :, 12] += 1.0
    twice[:, :, 13] -= 1.0
    task = InpaintSinogram(32, 5.0)
    everything = [torch.ones(count, dtype=torch.bool) for count in (once.tilts, len(tilts))]
    expected = task.see(Measurement(rows, everything[0], once))
    found = task.see(Measurement(twice, everything[1], TiltGeometry(tilts, 32)))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("half_turns", [-1, 1])
def test_a_series_taken_from_behind_is_the_same_series(half_turns, faces):
    task, tilts = InpaintSinogram(SIZE, STEP), np.arange(-60, 61, 3.0)
    seen, behind = task.see(measure(faces, tilts)), task.see(measure(faces, tilts + 180.0 * half_turns))
    torch.testing.assert_close(behind, seen, rtol=1e-4, atol=1e-4)


def test_a_series_without_its_gap_on_the_grid_is_seen_as_with_it(faces):
    task, measurement = InpaintSinogram(SIZE, STEP), with_wedge(faces)
    cut = measurement.only_measured()
    assert cut.geometry != measurement.geometry
    torch.testing.assert_close(task.see(cut), task.see(measurement))
    for network in (oracle(task, faces, measurement), unchanged):
        whole, other = task.complete(network, measurement), task.complete(network, cut)
        assert other.geometry == whole.geometry
        torch.testing.assert_close(other.sinogram, whole.sinogram, rtol=1e-5, atol=1e-5)


def test_measured_rows_between_those_of_the_grid_get_what_the_network_changed(faces):
    task, tilts = InpaintSinogram(SIZE, STEP), np.arange(-60, 61, 3.0)
    measurement = measure(faces, tilts)
    bump = 1 + torch.arange(task.geometry.tilts).reshape(1, 1, -1, 1) / 90  # 1 at 0 degrees, 1.5 at 90, linear in between
    completed = task.complete(lambda seen: seen[:, :1] + bump * task.unit, measurement)
    forward = [tilt for tilt in tilts if tilt >= 0]
    expected = 1 + torch.tensor(forward).reshape(1, 1, -1, 1).float() / 180
    torch.testing.assert_close(
        rows_at(completed, forward), rows_at(measurement, forward) + expected.expand(3, 1, -1, SIZE), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(("axis_offset_px", "each_px"), [(-2.0, 0.0), (0.75, 0.0), (-0.5, 0.4)])
def test_an_axis_off_the_middle_is_brought_there(axis_offset_px, each_px, disc):
    image = disc(SIZE, 5, x=4, z=-3)
    task, tilts = InpaintSinogram(SIZE, STEP), np.arange(-60, 61, 2.0)
    of_tilts = each_px * np.random.default_rng(0).choice([-2, -1, 1], len(tilts))
    here, there = measure(image, tilts), measure(image, tilts, axis_offset_px, of_tilts)
    assert error(task.see(there)[:, :1], task.see(here)[:, :1]) < 0.02
    assert torch.equal(task.see(there)[:, 1], task.see(here)[:, 1])
    completed = task.complete(unchanged, there)
    assert completed.geometry.on_axis
    assert error(rows_at(completed, tilts), here.sinogram) < 0.02
    assert error(here.sinogram, there.sinogram) > 0.1


def test_rows_that_fill_the_detector_do_not_ring_when_the_axis_is_moved():
    task, geometry = InpaintSinogram(SIZE, STEP), TiltGeometry(tuple(np.arange(-60, 61, 2.0)), SIZE, 0.5)
    seen = task.see(Measurement(torch.ones(1, 1, geometry.tilts, SIZE), torch.ones(geometry.tilts, dtype=torch.bool), geometry))
    torch.testing.assert_close(seen[:, 0], seen[:, 1] * task.unit)


@pytest.mark.parametrize("tilt_deg", [None, np.arange(-60, 61, 3.0)], ids=["on the grid", "off it"])
def test_a_smaller_detector_keeps_the_networks_unit_and_is_completed_in_its_own_size(tilt_deg, faces):
    small = faces[..., 4:-4, 4:-4]
    task = InpaintSinogram(SIZE, STEP)
    measurement = with_wedge(small) if tilt_deg is None else measure(small, tilt_deg)
    wide = nn.functional.pad(small, (4, 4, 4, 4))
    wider = with_wedge(wide) if tilt_deg is None else measure(wide, tilt_deg)
    # A round part: what lies in its corners falls beside the smaller detector.
    assert error(task.see(measurement)[:, 0, :, 8:-8], task.see(wider)[:, 0, :, 12:-12]) < 0.05
    repaired = task.tomogram(task.target(small, measurement), measurement)
    assert repaired.shape == small.shape
    assert error(repaired, WBP()(with_wedge(small, wedge_deg=0.0))) < 0.03


def test_a_smaller_series_goes_through_a_trained_network(disc):
    class Unchanged(nn.Module):
        def forward(self, seen: Tensor) -> Tensor:
            return seen[:, :1]

    record = TrainingRecord({"_target_": "any"}, {"_target_": "any"}, TrainedGeometry(SIZE, STEP), (0.0, 90.0))
    reconstructor = LearnedReconstructor(Unchanged(), InpaintSinogram(SIZE, STEP), record)
    image = disc(24, 5, x=3, z=-2)
    measurement = measure(image, np.arange(-90, 90, 3.0))
    tomogram = reconstructor(measurement)
    assert tomogram.shape == image.shape
    inside = disc(24, 9)
    assert error(tomogram * inside, WBP()(measurement) * inside) < 0.03


@pytest.mark.parametrize("tilt_deg", [None, np.arange(-60, 61, 3.0)], ids=["on the grid", "off it"])
def test_the_loss_of_a_tomogram_reaches_the_network_through_it(tilt_deg, faces):
    task = InpaintSinogram(SIZE, STEP)
    measurement = with_wedge(faces) if tilt_deg is None else measure(faces, tilt_deg)
    torch.manual_seed(0)
    network = nn.Conv2d(2, 1, 3, padding=1)
    (WBP()(task.complete(network, measurement)) - faces).square().mean().backward()
    assert all(parameter.grad.isfinite().all() and parameter.grad.any() for parameter in network.parameters())


@pytest.mark.parametrize("tilt_deg", [None, np.arange(-60, 61, 3.0)], ids=["on the grid", "off it"])
def test_training_through_it_fills_the_gap(tilt_deg, faces):
    """The gap itself as the parameter: descending on the tomogram's error must bring it closer to the truth."""
    task = InpaintSinogram(SIZE, 5.0)
    measurement = with_wedge(faces, 5.0) if tilt_deg is None else measure(faces, tilt_deg)
    truth = WBP()(with_wedge(faces, 5.0, 0.0))
    seen = task.see(measurement)
    guess = torch.zeros_like(seen[:, :1], requires_grad=True)
    optimizer = torch.optim.Adam([guess], lr=0.05)
    errors = []
    for _ in range(40):
        optimizer.zero_grad()
        filled = torch.where(seen[:, 1:] > 0, seen[:, :1], guess)
        errors.append((WBP()(task.insert(filled, measurement)) - truth).square().mean())
        errors[-1].backward()
        optimizer.step()
    assert errors[-1] < 0.1 * errors[0]
    assert error(guess.detach()[seen[:, 1:] == 0], task.target(faces, measurement)[seen[:, 1:] == 0]) < 0.3


def test_off_the_grid_samples_keep_apart(faces):
    task, measurement = InpaintSinogram(SIZE, STEP), measure(faces, np.arange(-60, 61, 3.0))
    together = task.complete(unchanged, measurement)
    for sample in range(3):
        alone = task.complete(unchanged, measurement.samples(torch.tensor([sample])))
        torch.testing.assert_close(together.sinogram[sample], alone.sinogram[0])
