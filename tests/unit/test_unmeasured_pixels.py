"""Detector pixels that were not measured: no method reads what stands there, and each knows that nothing was measured."""

from __future__ import annotations

import pytest
import torch

from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.methods import known_methods
from mwgan.operators import ParallelBeam
from mwgan.recon import SART, SIRT, TVM, WBP, DataConsistent, from_arrays
from mwgan.recon.named import make_method
from mwgan.recon.unmeasured import between_measured, bridge_gaps
from mwgan.testing.specimen import specimen
from mwgan.trust import Uncertainty, noise_deviation, noise_residual, relative_residual
from mwgan.trust.uncertainty import half_turned, mirrored, without_fold

SIZE = 32
GEOMETRY = TiltGeometry(tuple(range(-60, 61, 5)), SIZE)
FAST = {"iterations": 3}
IMAGE = specimen(SIZE)
SINOGRAM = ParallelBeam(GEOMETRY)(IMAGE)
USABLE = [name for name, entry in known_methods().items() if entry.reconstructor is not None and not entry.lacks]


def holes(samples: int = 1) -> torch.Tensor:
    """A border filled up on some tilts, a block, a hot pixel and a whole tilt; with several samples each has a border of its own."""
    mask = torch.ones(samples, 1, GEOMETRY.tilts, SIZE, dtype=torch.bool)
    for sample in range(samples):
        mask[sample, :, 15:, : 4 + sample] = False
    mask[:, :, 6:8, 12:16] = False
    mask[:, :, 3, 25] = False
    mask[:, :, 20] = False
    return mask


def measured(mask: torch.Tensor, junk: float = 0.0) -> Measurement:
    return Measurement(torch.where(mask, SINOGRAM, junk), mask, GEOMETRY)


def method(name):
    settings = {"iterations": 3} if "iterations" in str(known_methods()[name].reconstructor) or name in ("tvm", "sirt", "sart") else {}
    return make_method(name, settings)


@pytest.mark.parametrize("name", USABLE)
@pytest.mark.parametrize("samples", [1, 3], ids=["shared", "of each"])
def test_no_method_reads_what_was_not_measured(name, samples):
    mask, run = holes(samples), method(name)
    plain = measured(mask)
    found = run(plain)
    assert bool(found.isfinite().all())
    torch.testing.assert_close(run(measured(mask, junk=7.0)), found, rtol=0, atol=0)
    whole = run(Measurement(plain.sinogram, mask.any(dim=3, keepdim=True).expand(3, -1, -1, -1), GEOMETRY))
    assert float((whole - found).norm()) > 1e-3 * float(found.norm())  # and none takes the zeros there for data


@pytest.mark.parametrize("make", [WBP, lambda: SIRT(50), lambda: SART(10), lambda: TVM(0.003, 150), lambda: DataConsistent(WBP(), 0.05)])
def test_a_hole_costs_less_than_zeros_in_it(make):
    mask = holes()
    zeros = Measurement(SINOGRAM * mask, torch.ones(GEOMETRY.tilts, dtype=torch.bool), GEOMETRY)
    complete = Measurement(SINOGRAM, torch.ones(GEOMETRY.tilts, dtype=torch.bool), GEOMETRY)
    best, masked, filled = (float((make()(one) - IMAGE).norm() / IMAGE.norm()) for one in (complete, measured(mask), zeros))
    assert masked < best + 0.25 * (filled - best)


@pytest.mark.parametrize("name", ["wbp", "sart", "tvm", "lpd", "joint"])
def test_a_slice_s_pixels_are_its_own(name):
    mask, run = holes(3), method(name)
    together = run(measured(mask))
    alone = run(measured(mask).samples(torch.tensor([1])))
    torch.testing.assert_close(alone, together[1:2], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["wbp", "sirt", "tvm", "lpd", "irdm"])
def test_pixels_that_were_all_measured_are_whole_tilts(name):
    tilts = holes().any(dim=3).flatten()
    by_pixel = Measurement(SINOGRAM, tilts.reshape(1, 1, -1, 1).expand(-1, -1, -1, SIZE), GEOMETRY)
    torch.testing.assert_close(method(name)(by_pixel), method(name)(Measurement(SINOGRAM, tilts, GEOMETRY)), rtol=1e-4, atol=1e-5)


def test_residual_and_noise_are_of_measured_pixels_alone():
    generator = torch.Generator().manual_seed(0)
    noise = 0.2 * torch.randn(SINOGRAM.shape, generator=generator)
    mask = holes()
    noisy = Measurement(SINOGRAM + noise, mask, GEOMETRY)
    expected = (noise * mask).flatten(1).norm(dim=1) / ((SINOGRAM + noise) * mask).flatten(1).norm(dim=1)
    torch.testing.assert_close(relative_residual(IMAGE, noisy), expected, rtol=1e-3, atol=1e-5)
    whole = Measurement(SINOGRAM + noise, torch.ones(GEOMETRY.tilts, dtype=torch.bool), GEOMETRY)
    torch.testing.assert_close(noise_deviation(noisy), noise_deviation(whole), rtol=0.1, atol=0)
    ratio = relative_residual(IMAGE, noisy) / noise_residual(noisy)
    assert bool(((ratio > 0.7) & (ratio < 1.3)).all())


def test_uncertainty_turns_the_mask_with_the_data():
    mask = holes()
    given = measured(mask)
    for turn in (mirrored, half_turned):
        once = turn(given)
        assert torch.equal(once.sinogram != 0, once.mask & (once.sinogram != 0))
        assert int(once.mask.sum()) == int(mask.sum())
        twice = turn(once)
        assert torch.equal(twice.mask, mask)
        assert torch.equal(twice.sinogram, given.sinogram)
    folds = [without_fold(given, fold, 4) for fold in range(4)]
    assert sum(GEOMETRY.tilts - 1 - fold.geometry.tilts for fold in folds) == GEOMETRY.tilts - 1  # the tilt without data counts nowhere
    believed = Uncertainty([WBP()])(given)
    torch.testing.assert_close(Uncertainty([WBP()])(measured(mask, 9.0)).deviation, believed.deviation, rtol=0, atol=0)


def test_the_mirror_image_of_a_full_grid_stays_on_it_with_its_pixels():
    grid = TiltGeometry.full(SIZE, 30.0)
    mask = torch.rand(1, 1, grid.tilts, SIZE, generator=torch.Generator().manual_seed(1)) > 0.3
    given = Measurement(ParallelBeam(grid)(IMAGE), mask, grid)
    turned = mirrored(given)
    assert turned.geometry == grid
    complete = Measurement(ParallelBeam(grid)(IMAGE.flip(3)), turned.mask, grid)
    torch.testing.assert_close(turned.sinogram, complete.sinogram, rtol=1e-4, atol=1e-4)


def test_holes_are_bridged_and_ends_held():
    rows = torch.tensor([[[[9.0, 1.0, 9.0, 3.0, 9.0, 9.0]]]])
    mask = torch.tensor([[[[False, True, False, True, False, False]]]])
    assert bridge_gaps(rows, mask).flatten().tolist() == [1.0, 1.0, 2.0, 3.0, 3.0, 3.0]
    assert between_measured(mask).flatten().tolist() == [False, True, True, True, False, False]
    empty = torch.zeros_like(mask)
    assert bridge_gaps(torch.zeros_like(rows), empty).flatten().tolist() == [0.0] * 6
    assert not between_measured(empty).any()


def test_methods_that_know_no_masks_say_so():
    mine = from_arrays(lambda sinogram, tilts: sinogram[:1].repeat(SIZE, 0))
    with pytest.raises(InputError, match="can't leave out single pixels"):
        mine(measured(holes()))
    assert mine(measured(holes().any(dim=3, keepdim=True).expand(-1, -1, -1, SIZE))).shape == (3, 1, SIZE, SIZE)


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(InputError, match=r"\(3, 1, 25, 32\), not \(2, 1, 25, 32\)"):
        Measurement(SINOGRAM, holes(2), GEOMETRY)
