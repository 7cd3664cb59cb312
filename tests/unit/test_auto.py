"""The mixture that tilts which were kept out choose."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mwgan.acquisition import Acquisition, GaussianNoise
from mwgan.data import RandomShapes
from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.recon import SIRT, TVM, Auto, DataConsistent, Normalized, load_reconstructor
from mwgan.recon.auto import mix
from mwgan.recon.held_out import errors_on, leave_out, select_held_out
from mwgan.recon.inner_method import auto_in, choose_for_series
from mwgan.recon.missing import wedge_widths_deg
from mwgan.recon.mixture import best_mixture, choose_mixture, networks_inside
from mwgan.recon.named import make_method
from mwgan.series.slice_grid import SliceGrid
from mwgan.trust import Disagreement, Uncertainty, band_scale, uncertainty_of

SIZE = 32


def images(count: int = 2) -> torch.Tensor:
    source = RandomShapes(SIZE, count)
    return torch.from_numpy(np.stack([source.image(index, np.random.default_rng(0)) for index in range(count)])).unsqueeze(1)


def measured(wedge_deg: float = 60.0, percent: float = 2.0, count: int = 2) -> Measurement:
    return Acquisition(SIZE, 3.0, (wedge_deg, wedge_deg), GaussianNoise(percent))(images(count), torch.arange(count))


@pytest.fixture(scope="module")
def auto() -> Auto:
    return Auto(iterations=30)


def test_every_tenth_of_the_measured_tilts_is_kept_out_and_none_at_the_wedge():
    tilts = tuple(float(tilt) for tilt in range(-50, 51, 2))
    measurement = Measurement(torch.ones(1, 1, 51, SIZE), torch.ones(51, dtype=torch.bool), TiltGeometry(tilts, SIZE))
    kept_out = [tilts[index] for index in select_held_out(measurement).flatten().nonzero().flatten().tolist()]
    assert kept_out == [-40.0, -20.0, 0.0, 20.0, 40.0]
    assert (
        not leave_out(measurement, select_held_out(measurement)).measured_tilts[0, 0, :, 0][[tilts.index(tilt) for tilt in kept_out]].any()
    )
    with pytest.raises(InputError, match="2 or more"):
        select_held_out(measurement, every=1)


def test_each_sample_loses_its_own_tilts_and_few_tilts_lose_none():
    both = Acquisition(SIZE, 3.0, (0.0, 100.0))(images(2), torch.arange(2))
    kept_out = select_held_out(both)
    assert kept_out.shape == (2, 1, 60, 1)
    assert bool((kept_out & both.measured_tilts).eq(kept_out).all())
    assert kept_out.sum(dim=2).flatten().tolist() == [
        count // 10 + (count % 10 > 5) for count in both.measured_tilts.sum(dim=2).flatten().tolist()
    ]
    few = Measurement(torch.ones(1, 1, 7, SIZE), torch.ones(7, dtype=torch.bool), TiltGeometry(tuple(range(7)), SIZE))
    assert not select_held_out(few).any()


def test_errors_are_those_of_the_tilts_asked_for():
    measurement = measured(percent=0.0)
    tilts = select_held_out(measurement)
    errors = errors_on(images(), measurement, tilts)
    assert float(errors.abs().max()) < 1e-4
    worse = errors_on(images() + 1, measurement, tilts)
    assert bool((worse != 0).any(dim=3, keepdim=True).eq(tilts & measurement.mask).all())


@pytest.mark.parametrize("strength", [0.0, 2.0])
def test_the_best_mixture_is_the_best_of_all_mixtures(strength):
    generator = torch.Generator().manual_seed(0)
    steps = torch.linspace(0, 1, 101, dtype=torch.float64)
    grid = torch.tensor([(a, b, 1 - a - b) for a in steps for b in steps if a + b <= 1 + 1e-9], dtype=torch.float64)
    network = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    for _ in range(20):
        errors = torch.randn(3, 6, generator=generator, dtype=torch.float64) * torch.rand(3, 1, generator=generator, dtype=torch.float64)
        products = errors @ errors.T
        shares = best_mixture(products[None], torch.tensor([strength]))
        assert float(shares.sum()) == pytest.approx(1.0)
        assert float(shares.min()) >= 0
        found, others = ((of @ products * of).sum(dim=1) + strength * (of - network).square().sum(dim=1) for of in (shares, grid))
        assert float(found) <= float(others.min()) + 1e-6
    same = best_mixture(torch.ones(1, 3, 3, dtype=torch.float64), torch.tensor([strength]))
    assert bool(same.isfinite().all())


def test_the_less_the_data_tell_the_nearer_a_mixture_is_to_the_networks_mean():
    products = torch.diag(torch.tensor([1.0, 2.0, 4.0, 4.0])).double().expand(3, -1, -1)
    shares = best_mixture(products, torch.tensor([0.0, 1.0, 1e6]))
    from_equal = (shares - torch.tensor([0.5, 0.5, 0.0, 0.0])).norm(dim=1)
    assert bool((from_equal[:-1] > from_equal[1:]).all())
    assert float(from_equal[-1]) < 1e-4


def test_networks_that_fail_have_no_part_in_the_wedge_either():
    good, bad = torch.diag(torch.tensor([1.0, 2.0, 4.0, 4.0])).double(), torch.diag(torch.tensor([100.0, 400.0, 1.0, 4.0])).double()
    choice = choose_mixture(torch.stack([good, bad]), torch.tensor([100.0, 100.0]).double(), torch.tensor([60.0, 60.0]), torch.zeros(2))
    assert float(choice.inside[0]) == pytest.approx(0.85)
    assert choice.of_networks()[0].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert choice.shares[1].tolist() == pytest.approx([0.0, 0.0, 0.8, 0.2], abs=0.01)
    assert float(choice.inside[1]) == 0
    assert choice.of_networks()[1].tolist() == [1.0, 0.0]
    assert torch.allclose(choice.errors[0], torch.tensor([0.01, 0.02, 0.04, 0.04]).double().sqrt())
    nothing = choose_mixture(torch.zeros(1, 4, 4).double(), torch.zeros(1).double(), torch.zeros(1), torch.zeros(1))
    assert nothing.shares[0].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert math.isnan(float(nothing.errors[0, 0]))


def test_a_narrow_wedge_of_data_that_tvm_explains_is_filled_by_tvm_and_a_wide_one_never():
    behind, narrow, wide = torch.tensor([1.0, 1.5, 3.0, 6.0]), torch.tensor([30.0]), torch.tensor([60.0])
    assert networks_inside(behind, wide).tolist() == pytest.approx([0.85] * 4)
    assert networks_inside(behind, narrow).tolist() == pytest.approx([0.85, 0.85, 0.425, 0.2125])
    assert networks_inside(behind, torch.tensor([45.0]))[3] < networks_inside(behind, wide)[3]


def test_the_widest_wedge_of_each_sample():
    tilts = tuple(float(tilt) for tilt in range(-90, 90, 3))
    masks = torch.stack([torch.tensor([low <= tilt <= high for tilt in tilts]) for low, high in ((-90, 90), (-60, 60), (-69, 30))])
    measurement = Measurement(torch.ones(3, 1, len(tilts), SIZE), masks[:, None, :, None], TiltGeometry(tilts, SIZE))
    assert wedge_widths_deg(measurement).tolist() == pytest.approx([0.0, 60.0, 81.0])


def test_it_is_no_worse_than_its_parts_and_better_than_the_worst(auto):
    measurement, truth = measured(percent=1.0), images()
    error = lambda tomogram: float((tomogram - truth).square().mean())  # noqa: E731
    mixed = auto(measurement)
    assert float(mixed.min()) >= 0
    parts = sorted(error(part) for part in (auto.networks[0](measurement), auto.tvm(measurement), auto.sirt(measurement)))
    assert error(mixed) < 1.25 * parts[0]
    assert error(mixed) < 0.8 * parts[-1]


def test_one_choice_for_all_slices(auto):
    measurement = measured()
    same = choose_for_series(Normalized(DataConsistent(auto, 0.5)), [measurement.samples(torch.tensor([number])) for number in range(2)])
    inside = auto_in(same)
    assert inside is not None
    assert inside.choice is not None
    assert auto.choice is None
    assert inside.choice.shares.shape == (1, 4)
    pair = same(measurement)
    for number in range(2):
        assert torch.allclose(pair[number : number + 1], same(measurement.samples(torch.tensor([number]))), atol=1e-4)
    sirt = Normalized(SIRT(3))
    assert auto_in(choose_for_series(sirt, [measurement])) is None
    assert isinstance(choose_for_series(TVM(0.1), [measurement]), TVM)


def test_units_change_nothing(auto):
    measurement, method = measured(), Normalized(auto)
    tiny = Measurement(measurement.sinogram * 2.0**-20, measurement.measured, measurement.geometry)
    assert torch.allclose(method(tiny) * 2.0**20, method(measurement), rtol=1e-4, atol=1e-5)


def test_what_nothing_was_measured_of_is_empty(auto):
    measurement = measured()
    empty = Measurement(torch.zeros_like(measurement.sinogram), measurement.measured, measurement.geometry)
    assert not auto(empty).any()


def test_a_mixture_doubts_where_its_parts_differ(auto):
    measurement, truth = measured(percent=1.0), images()
    method = uncertainty_of(Normalized(auto), scale=2.0, floor=0.01)
    assert isinstance(method, Disagreement)
    believed = method(measurement)
    assert torch.allclose(believed.tomogram, Normalized(auto)(measurement), atol=1e-5)
    assert float(believed.deviation.min()) > 0
    error = (believed.tomogram - truth).abs()
    doubted = believed.deviation > believed.deviation.median()
    assert float(error[doubted].mean()) > 2 * float(error[~doubted].mean())
    one = uncertainty_of(Normalized(auto))(measurement).deviation
    tiny = Measurement(measurement.sinogram * 2.0**-20, measurement.measured, measurement.geometry)
    assert torch.allclose(uncertainty_of(Normalized(auto))(tiny).deviation * 2.0**20, one, rtol=1e-3, atol=1e-5)
    assert isinstance(uncertainty_of(SIRT(3)), Uncertainty)


def test_what_is_not_the_mixture_alone_is_asked_again(auto):
    corrected = DataConsistent(Normalized(auto), 0.5)
    assert isinstance(uncertainty_of(corrected), Uncertainty)
    assert band_scale(corrected) is None
    assert band_scale(make_method("auto")) == band_scale(Auto(band_scale=2.6))


def test_filling_the_wedge_costs_hardly_anything_on_kept_out_tilts_of_an_open_field(auto):
    middle = slice(SIZE // 4, SIZE - SIZE // 4)
    narrow = TiltGeometry(measured().geometry.tilt_deg, SIZE // 2)
    closed = measured(percent=0.5)
    cut = closed.with_rows(lambda rows: rows[..., middle], geometry=narrow)
    opened = SliceGrid.of(narrow, None, SIZE).placed(cut)
    for measurement, limited in ((closed, False), (opened, True)):
        tilts = select_held_out(measurement)
        free = auto.choose(measurement)
        tomograms = auto._tomograms(leave_out(measurement, tilts))
        least = mix(tomograms, free._replace(inside=torch.zeros(2)), measurement)
        error, best = (errors_on(one, measurement, tilts).norm() for one in (mix(tomograms, free, measurement), least))
        assert float(error) < 1.1 * float(best) + 0.01 * float((measurement.sinogram * tilts).norm())
        assert bool((free.inside < 0.8).any()) == limited


def test_it_loads_by_name_as_it_is_shipped():
    auto = load_reconstructor("auto")
    assert isinstance(auto, Auto)
    assert [network.name for network in auto.networks] == ["lpd_guided", "lpd"]
    assert auto.band_scale > 1
