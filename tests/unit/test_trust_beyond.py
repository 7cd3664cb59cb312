"""The missing wedge of the Fourier plane: held against what projections see, and what reconstructions put into it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mwgan.data import PhantomFaces
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.metrics import image_metrics
from mwgan.operators import projector_for
from mwgan.recon import TVM, WBP
from mwgan.recon.missing import wedges
from mwgan.trust import added_part, added_share, error_inside_outside, fourier_ring_correlation, frc_inside_outside, wedge_mask

SIZE = 64
FULL = TiltGeometry.full(SIZE, 2.0)


def faces(count: int = 3) -> torch.Tensor:
    source = PhantomFaces(SIZE)
    return torch.from_numpy(np.stack([source.image(index, np.random.default_rng(index)) for index in range(count)])).unsqueeze(1)


def measurement(image: torch.Tensor, measured: torch.Tensor, geometry: TiltGeometry = FULL) -> Measurement:
    return Measurement(projector_for(geometry)(image), measured, geometry)


def empty(geometry: TiltGeometry, measured: torch.Tensor | None = None) -> Measurement:
    everything = torch.ones(geometry.tilts, dtype=torch.bool)
    return Measurement(torch.zeros(1, 1, geometry.tilts, geometry.detector_size), everything if measured is None else measured, geometry)


def ripple(tilt_deg: float, periods: float = 16.0) -> torch.Tensor:
    """A wave packet (1, 1, N, N) that, by the central-slice theorem, is seen from this tilt."""
    position = torch.arange(SIZE) - (SIZE - 1) / 2
    z, x = torch.meshgrid(position, position, indexing="ij")
    along = x * math.cos(math.radians(tilt_deg)) - z * math.sin(math.radians(tilt_deg))
    return (torch.cos(2 * math.pi * periods * along / SIZE) * torch.exp(-(x**2 + z**2) / (2 * (SIZE / 7) ** 2)))[None, None]


def frequency_of(tilt_deg: float, periods: float = 16.0) -> tuple[int, int]:
    """Row and column of the Fourier plane where that packet lies."""
    angle = math.radians(tilt_deg)
    return round(-periods * math.sin(angle)) % SIZE, round(periods * math.cos(angle)) % SIZE


@pytest.mark.parametrize("limits_deg", [(-60.0, 60.0), (-70.0, 30.0), (-20.0, 68.0)])
def test_what_lies_in_the_wedge_is_what_no_measured_projection_sees(limits_deg):
    measured = FULL.measured(limits_deg=limits_deg)
    missing = wedge_mask(empty(FULL, measured))[0, 0]
    low, high = limits_deg
    inside = 0
    for tilt_deg in range(-90, 90, 5):
        if min(abs((tilt_deg - edge + 90) % 180 - 90) for edge in limits_deg) < 9:
            continue  # a packet is a few degrees wide
        rows = projector_for(FULL)(ripple(tilt_deg)).square()
        seen = float(rows[:, :, measured].sum() / rows.sum())
        expected = not low < tilt_deg < high
        assert bool(missing[frequency_of(tilt_deg)]) == expected
        assert seen < 0.05 if expected else seen > 0.95, tilt_deg
        inside += expected
    assert inside >= 4


def test_a_range_of_few_tilts_is_told_from_a_coarse_step():
    narrow = empty(TiltGeometry((-4.0, 0.0, 4.0), SIZE))
    missing = wedge_mask(narrow)[0, 0]
    assert not missing[0].any()  # the untilted projection measures the row of frequencies along x
    assert missing[1:, 0][2:-2].all()
    assert not wedge_mask(empty(TiltGeometry((-60.0, 0.0, 60.0), SIZE))).any()
    assert not wedge_mask(empty(FULL)).any()
    assert wedges([0.0, 2.0, 4.0, -60.0, -2.0, -4.0]) == [(4.0, 120.0, 2.0), (120.0, 176.0, 2.0)]


def test_repeated_exposures_leave_the_wedge_as_it_is():
    tilts = np.arange(-60.0, 61.0, 3.0)
    for repeated in (np.repeat(tilts, 2), np.sort([*tilts, 0.0]), np.repeat(tilts, 2) + np.tile([-0.02, 0.02], 41)):
        ((first, last, step),) = wedges(repeated.tolist())
        assert (first, last, step) == pytest.approx((60.0, 120.0, 3.0), abs=0.05)


def test_a_single_tilt_measures_its_line():
    missing = wedge_mask(empty(TiltGeometry((0.0,), SIZE)))[0, 0]
    assert not missing[0].any()
    assert missing[1:].all()


def test_both_sides_of_the_plane_are_missing_alike_so_that_parts_are_real():
    missing = wedge_mask(empty(FULL, FULL.measured(limits_deg=(-70.0, 30.0))))[0, 0]
    assert torch.equal(missing, missing.flip(0, 1).roll((1, 1), (0, 1)))
    part = torch.fft.ifft2(torch.fft.fft2(torch.randn(SIZE, SIZE)) * missing)
    assert part.imag.abs().max() < 1e-5


def test_a_mask_per_sample_gives_a_wedge_per_sample():
    mask = torch.stack([FULL.measured(wedge) for wedge in (0.0, 40.0, 80.0)]).reshape(3, 1, -1, 1)
    missing = wedge_mask(measurement(faces(), mask))
    assert missing.shape == (3, 1, SIZE, SIZE)
    for index, wedge in enumerate((0.0, 40.0, 80.0)):
        assert torch.equal(missing[index : index + 1], wedge_mask(empty(FULL, FULL.measured(wedge))))
    assert missing.double().mean(dim=(1, 2, 3)).tolist() == sorted(missing.double().mean(dim=(1, 2, 3)).tolist())


def test_a_part_in_the_wedge_is_told_from_one_outside():
    data = empty(FULL, FULL.measured(60.0))
    within, without = ripple(90.0), 2 * ripple(10.0)
    assert torch.allclose(added_part(within + without, data), within, atol=0.02)
    share = within.square().sum() / (within.square().sum() + without.square().sum())
    assert float(added_share(within + without + 5.0, data)) == pytest.approx(float(share), rel=0.01)


def test_a_wbp_adds_nothing_and_a_prior_does():
    image = faces()
    data = measurement(image, FULL.measured(60.0))
    truth, wbp, tvm = (added_share(tomogram, data) for tomogram in (image, WBP()(data), TVM(0.01, 100)(data)))
    assert bool((wbp < 0.1 * truth).all())
    assert bool((wbp < 0.03).all())
    assert bool((tvm > 0.6 * truth).all())
    everything = measurement(image, FULL.measured(0.0))
    assert float(added_share(image, everything).max()) == 0


def test_a_slice_correlates_with_itself_and_not_with_noise():
    image = faces()
    curve = fourier_ring_correlation(3 * image, image)
    assert curve.shape == (3, SIZE // 2)
    assert torch.allclose(curve, torch.ones_like(curve))
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    assert fourier_ring_correlation(noise, image)[:, 10:].mean().abs() < 0.1
    assert float(fourier_ring_correlation(torch.zeros_like(image), image).abs().max()) == 0


def test_correlation_inside_and_outside_are_of_their_regions():
    image = faces()
    data = measurement(image, FULL.measured(60.0))
    found = frc_inside_outside(image - added_part(image, data), image, data)
    assert float(found["frc_inside"].abs().max()) < 1e-6
    assert torch.allclose(found["frc_outside"], torch.ones(3, dtype=torch.float64))
    swapped = frc_inside_outside(added_part(image, data), image, data)
    assert torch.allclose(swapped["frc_inside"], torch.ones(3, dtype=torch.float64))
    noise = added_part(torch.randn(image.shape, generator=torch.Generator().manual_seed(0)), data)
    assert float(frc_inside_outside(image - added_part(image, data) + noise, image, data)["frc_inside"].abs().max()) < 0.2


def test_without_a_wedge_there_is_no_inside():
    found = frc_inside_outside(faces(), faces(), measurement(faces(), FULL.measured(0.0)))
    assert bool(found["frc_inside"].isnan().all())
    assert torch.allclose(found["frc_outside"], torch.ones(3, dtype=torch.float64))


def test_the_error_falls_into_that_of_the_wedge_and_that_of_what_was_measured():
    image = faces()
    seen = measurement(image, FULL.measured(60.0))
    wrong = image + 0.1 * torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    parts = error_inside_outside(wrong, image, seen)
    together = (parts["nrmse_inside"].square() + parts["nrmse_outside"].square()).sqrt()
    assert torch.allclose(together, image_metrics(wrong, image)["nrmse"].double(), rtol=1e-5)
    added = image + added_part(wrong - image, seen)
    assert float(error_inside_outside(added, image, seen)["nrmse_outside"].max()) < 1e-6
    assert torch.allclose(error_inside_outside(added, image, seen)["nrmse_inside"], parts["nrmse_inside"], rtol=1e-4)
    whole = measurement(image, FULL.measured(0.0))
    assert not error_inside_outside(wrong, image, whole)["nrmse_inside"].any()
