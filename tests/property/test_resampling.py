"""What must hold of the way onto the inpainter's grid and back, over tilt lists that nobody picked by hand."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from mwgan.geometry import Measurement, TiltGeometry
from mwgan.recon import InpaintSinogram

# In hundredths of a degree: no microscope tells tilts apart that are closer.
tilt_lists = st.lists(st.integers(-9000, 9000), min_size=1, max_size=12, unique=True).map(
    lambda tilts: [tilt / 100 for tilt in sorted(tilts)]
)
even_series = st.builds(
    lambda low, step, count: [tilt / 100 for tilt in range(low, min(low + step * count, 9000), step)],
    st.integers(-9000, 6000),
    st.integers(25, 2000),
    st.integers(2, 60),
)
# Half a turn and more away too: 0 to 180, or a series taken from behind.
anywhere = st.builds(lambda tilts, shift: [tilt + shift for tilt in tilts], even_series, st.sampled_from([-180.0, -90.0, 0.0, 90.0, 180.0]))
grids = st.builds(InpaintSinogram, st.just(6), st.sampled_from([2.0, 4.0, 7.0, 15.0]))
seeds = st.integers(0, 2**31)


def series(tilt_deg: list[float], seed: int | None) -> Measurement:
    """Random rows at these tilts; rows of ones without a seed."""
    shape = (2, 1, len(tilt_deg), 6)
    rows = torch.ones(shape) if seed is None else torch.rand(shape, generator=torch.Generator().manual_seed(seed))
    return Measurement(rows, torch.ones(len(tilt_deg), dtype=torch.bool), TiltGeometry(tuple(tilt_deg), 6))


@given(task=grids, tilt_deg=tilt_lists | even_series | anywhere, seed=seeds)
def test_measured_rows_survive_a_network_that_leaves_them(task, tilt_deg, seed):
    measurement = series(tilt_deg, seed)
    completed = task.complete(lambda seen: seen[:, :1], measurement)
    own = torch.tensor([tilt in tilt_deg for tilt in completed.geometry.tilt_deg])
    assert int(own.sum()) == len(tilt_deg)
    torch.testing.assert_close(completed.sinogram[:, :, own], measurement.sinogram, rtol=1e-5, atol=1e-5)
    assert not completed.sinogram[:, :, ~own].any()
    assert completed.mask.all()


@given(task=grids, tilt_deg=tilt_lists | even_series | anywhere)
def test_rows_that_are_all_alike_stay_so_where_they_are_seen(task, tilt_deg):
    seen = task.see(series(tilt_deg, None))
    assert set(seen[:, 1].unique().tolist()) <= {0.0, 1.0}
    torch.testing.assert_close(seen[:, 0], seen[:, 1] * task.unit)


@given(task=grids, tilt_deg=even_series, seed=seeds)
def test_a_row_on_the_grid_is_seen_as_it_is(task, tilt_deg, seed):
    on_grid = sorted({*tilt_deg, -30.0, 0.0} if 0.0 in task.geometry.tilt_deg else {*tilt_deg, *task.geometry.tilt_deg[3:5]})
    measurement = series(on_grid, seed)
    there = task.to_grid(measurement)
    for row, tilt in enumerate(task.geometry.tilt_deg):
        if tilt in on_grid:
            assert there.mask[0, 0, row]
            torch.testing.assert_close(there.sinogram[:, :, row], measurement.sinogram[:, :, on_grid.index(tilt)], rtol=1e-4, atol=1e-4)


@given(task=grids, tilt_deg=tilt_lists | even_series, seed=seeds)
def test_a_series_taken_from_behind_is_the_same_series(task, tilt_deg, seed):
    here = series(tilt_deg, seed)
    behind = Measurement(here.sinogram.flip(-1), here.measured, TiltGeometry(tuple(tilt + 180.0 for tilt in tilt_deg), 6))
    torch.testing.assert_close(task.see(behind), task.see(here), rtol=1e-3, atol=1e-3)


@given(task=grids, seed=seeds)
def test_centred_and_stored_are_inverse(task, seed):
    sinogram = series(list(task.geometry.tilt_deg), seed).sinogram
    assert torch.equal(task.uncentre(task.centre(sinogram)), sinogram)
    assert torch.equal(task.centre(task.uncentre(sinogram)), sinogram)
