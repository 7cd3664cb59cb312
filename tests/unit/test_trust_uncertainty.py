"""Uncertainty by disagreement: symmetric methods agree with their mirror images, and what differs is what is told."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mwgan.data import PhantomFaces
from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.operators import projector_for
from mwgan.recon import SIRT, WBP
from mwgan.trust import Uncertainty, contrast
from mwgan.trust.uncertainty import half_turned, mirrored, without_fold

SIZE = 32
ASYMMETRIC = TiltGeometry(tuple(float(tilt) for tilt in range(-66, 48, 3)), SIZE)


def faces(count: int = 2) -> torch.Tensor:
    source = PhantomFaces(SIZE)
    return torch.from_numpy(np.stack([source.image(index, np.random.default_rng(index)) for index in range(count)])).unsqueeze(1)


def measured(image: torch.Tensor, geometry: TiltGeometry = ASYMMETRIC, mask: torch.Tensor | None = None) -> Measurement:
    everything = torch.ones(geometry.tilts, dtype=torch.bool)
    return Measurement(projector_for(geometry)(image), everything if mask is None else mask, geometry)


GEOMETRIES = [ASYMMETRIC, TiltGeometry(ASYMMETRIC.tilt_deg, SIZE, axis_offset_px=1.25), TiltGeometry.full(SIZE, 5.0)]
GEOMETRIES.append(TiltGeometry(GEOMETRIES[-1].tilt_deg, SIZE, axis_offset_px=-0.5))
GEOMETRIES.append(TiltGeometry(GEOMETRIES[-1].tilt_deg, SIZE, 0.0, [0.1 * (number % 7) for number in range(GEOMETRIES[-1].tilts)]))


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_a_mirrored_measurement_is_that_of_the_mirrored_specimen(geometry):
    image = faces()
    for turned, specimen in (
        (mirrored(measured(image, geometry)), image.flip(-1)),
        (half_turned(measured(image, geometry)), image.flip(-2, -1)),
    ):
        assert torch.allclose(projector_for(turned.geometry)(specimen), turned.sinogram, atol=1e-4)


def test_the_mirror_of_a_full_grid_is_that_grid_and_masks_go_along():
    grid = TiltGeometry.full(SIZE, 5.0)
    for mask in (
        grid.measured(limits_deg=(-70.0, 20.0)),
        torch.stack([grid.measured(limits_deg=limits) for limits in ((-90.0, 30.0), (-40.0, 60.0))]).reshape(2, 1, -1, 1),
    ):
        turned = mirrored(measured(faces(), grid, mask))
        assert turned.geometry == grid
        again = mirrored(turned)
        assert torch.equal(again.measured, mask)
        assert torch.equal(again.sinogram, measured(faces(), grid, mask).sinogram)
    limits = mirrored(measured(faces(), grid, grid.measured(limits_deg=(-70.0, 20.0)))).measured
    assert torch.equal(limits, grid.measured(limits_deg=(-20.0, 70.0)))


def test_a_symmetric_method_agrees_with_its_mirror_images():
    believed = Uncertainty([SIRT(10)], folds=0)(measured(faces()))
    assert torch.equal(believed.tomogram, SIRT(10)(measured(faces())))
    assert float(believed.deviation.max()) < 1e-4
    assert float(Uncertainty([SIRT(10)], flips=False, folds=4)(measured(faces())).deviation.max()) > 1e-3


def test_folds_leave_out_each_measured_tilt_once():
    mask = torch.stack([ASYMMETRIC.measured(limits_deg=limits) for limits in ((-66.0, 0.0), (-30.0, 47.0))]).reshape(2, 1, -1, 1)
    data = measured(faces(), mask=mask)
    kept = torch.stack([without_fold(data, fold, 3).measured for fold in range(3)])
    assert torch.equal(kept.sum(dim=0), 2 * mask)
    alone = without_fold(measured(faces()), 1, 3)
    assert alone.geometry.tilt_deg[:4] == (-66.0, -60.0, -57.0, -51.0)  # the rows are gone, not masked
    single = measured(faces(), TiltGeometry((3.0,), SIZE))
    assert without_fold(single, 0, 2).measured.all()


def test_the_deviation_is_the_root_mean_square_of_what_the_others_differ():
    first, second, third = torch.full((3, 1, 1, 1, 1), 0.0).unbind(0)
    members = [first + 1.0, second + 3.0, third - 1.0]
    data = Measurement(torch.zeros(1, 1, 1, 2), torch.ones(1, dtype=torch.bool), TiltGeometry((0.0,), 2))
    answers = [lambda _, value=value: value.expand(1, 1, 2, 2) for value in members]
    believed = Uncertainty(answers, flips=False, folds=0)(data)
    assert torch.equal(believed.tomogram, torch.ones(1, 1, 2, 2))
    assert torch.allclose(believed.deviation, torch.full((1, 1, 2, 2), 2.0))
    scaled = Uncertainty(answers, flips=False, folds=0, scale=1.5, floor=0.1)(data)
    assert torch.allclose(scaled.deviation, torch.full((1, 1, 2, 2), 3.15))


def test_nothing_is_drawn_and_units_go_along():
    data = measured(faces())
    first, again = Uncertainty([WBP()])(data), Uncertainty([WBP()])(data)
    assert torch.equal(first.deviation, again.deviation)
    scaled = Uncertainty([WBP()])(Measurement(100 * data.sinogram, data.measured, data.geometry))
    assert torch.allclose(scaled.deviation, 100 * first.deviation, rtol=1e-3, atol=1e-3)
    assert torch.allclose(contrast(scaled.tomogram), 100 * contrast(first.tomogram), rtol=1e-4)


@pytest.mark.parametrize(
    "options", [{"reconstructors": []}, {"flips": False, "folds": 0}, {"folds": 1}, {"folds": -1}, {"scale": 0.0}, {"floor": -1.0}]
)
def test_settings_that_mean_nothing_are_refused(options):
    with pytest.raises(InputError):
        Uncertainty(**{"reconstructors": [WBP()], **options})
