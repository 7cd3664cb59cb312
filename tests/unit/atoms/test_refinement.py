"""Refinement: its gradients, that it comes to the truth, and what of the whole it leaves alone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from gold_case import SIGMA, SIZE, VOXEL

from mwgan.atoms.floor import floor_of
from mwgan.atoms.model import AtomModel, Linearised, Step
from mwgan.atoms.refinement import MassPrior, fix_gauge, refine
from mwgan.geometry import TiltGeometry
from mwgan.operators.atoms import AtomProjector

GEOMETRY = TiltGeometry(tuple(np.arange(-60.0, 61, 12)), 30)
PROJECTOR = AtomProjector(GEOMETRY, 24, reach=6.0)


def model(count: int = 6) -> AtomModel:
    generator = torch.Generator().manual_seed(0)
    places = (torch.rand(count, 3, dtype=torch.float64, generator=generator) - 0.5) * 14
    masses = torch.rand(count, dtype=torch.float64, generator=generator) + 0.5
    made = AtomModel.of(places, masses, 1.5, GEOMETRY.tilts)
    shifts = 0.3 * torch.randn(GEOMETRY.tilts, 2, dtype=torch.float64, generator=generator)
    return replace(made, shifts=shifts, turns_deg=0.5 * torch.randn(GEOMETRY.tilts, dtype=torch.float64, generator=generator))


def step(like: AtomModel, seed: int = 0) -> Step:
    generator = torch.Generator().manual_seed(seed)
    sizes = ((len(like), 4), (1,), (GEOMETRY.tilts, 3))
    return Step(*(torch.randn(*size, dtype=torch.float64, generator=generator) for size in sizes))


def test_a_small_step_changes_the_images_as_it_says_and_the_gradient_is_the_adjoint():
    here = Linearised(model(), PROJECTOR, None, True, True)
    small = step(model())
    ahead, back = (here.moved(Step(*(part * way for part in small.parts))).images(PROJECTOR) for way in (1e-5, -1e-5))
    torch.testing.assert_close((ahead - back) / 2e-5, here.change(small), atol=1e-6, rtol=1e-6)
    misfit = torch.randn(GEOMETRY.tilts, 24, 30, dtype=torch.float64)
    assert float((here.change(small) * misfit).sum()) == pytest.approx(small.dot(here.gradient(misfit)))
    held = Linearised(model(), PROJECTOR, None, False, False)
    assert held.gradient(misfit).images.abs().max() == 0


def test_displaced_atoms_come_back(easy):
    true = torch.from_numpy(easy.particle.positions / VOXEL)
    projector = AtomProjector(easy.geometry, SIZE, 5.0)
    clean = AtomModel.of(true, torch.ones(len(true), dtype=torch.float64), SIGMA / VOXEL, easy.geometry.tilts)
    shifted = replace(
        clean, places=true + 0.5 * torch.randn(true.shape, dtype=torch.float64), masses=clean.masses * 0.7, widths=clean.widths * 1.3
    )
    found = refine(shifted, clean.images(projector), projector, fits_images=False, steps=25).model
    assert float((found.places - true).abs().max()) < 0.01
    assert float((found.masses - 1).abs().max()) < 0.01
    assert float(found.widths[0]) == pytest.approx(SIGMA / VOXEL, rel=1e-3)


def test_a_prior_holds_masses_where_the_data_say_little():
    true = model()
    images = true.images(PROJECTOR)
    free = refine(true, images, PROJECTOR, torch.full_like(images, 1e-6), prior=None, steps=3).model
    prior = MassPrior(torch.full_like(true.masses, 2.0), torch.full_like(true.masses, 0.1))
    held = refine(true, images, PROJECTOR, torch.full_like(images, 1e-6), prior=prior, steps=8).model
    torch.testing.assert_close(free.masses, true.masses, atol=1e-3, rtol=0)
    torch.testing.assert_close(held.masses, prior.means, atol=1e-2, rtol=0)


def test_gauging_changes_no_image():
    turned = model()
    turned = replace(turned, turns_deg=turned.turns_deg + 3.0, shifts=turned.shifts + 1.5)
    rested = fix_gauge(turned, PROJECTOR)
    torch.testing.assert_close(rested.images(PROJECTOR), turned.images(PROJECTOR), atol=1e-8, rtol=1e-7)
    assert abs(float(rested.turns_deg.mean())) < 1e-12
    assert abs(float(rested.shifts[:, 1].mean())) < 1e-12


def test_the_floor_is_the_inverse_of_fishers_information():
    free = model()
    weights = torch.full((GEOMETRY.tilts, 24, 30), 25.0, dtype=torch.float64)
    floor = floor_of(free, PROJECTOR, weights)

    def images(numbers: torch.Tensor) -> torch.Tensor:
        return replace(free, places=numbers[:, :3], masses=numbers[:, 3]).images(PROJECTOR).flatten()

    jacobian = torch.autograd.functional.jacobian(images, torch.cat([free.places, free.masses[:, None]], dim=1)).reshape(-1, 24)
    expected = torch.linalg.inv(25 * jacobian.T @ jacobian).diagonal().sqrt().reshape(6, 4).numpy()
    np.testing.assert_allclose(floor.places, expected[:, :3], rtol=5e-3)
    np.testing.assert_allclose(floor.masses, expected[:, 3], rtol=5e-3)


def test_where_there_are_too_many_overlaps_are_left_out_and_that_is_said(monkeypatch):
    weights = torch.full((GEOMETRY.tilts, 24, 30), 25.0, dtype=torch.float64)
    whole = floor_of(model(), PROJECTOR, weights)
    monkeypatch.setattr("mwgan.atoms.floor.MOST", 3)
    alone = floor_of(model(), PROJECTOR, weights)
    assert (whole.overlaps, alone.overlaps) == (True, False)
    assert np.all(alone.places <= whole.places * (1 + 1e-9))
    one = model().only(torch.tensor([0]))
    power = 25 * GEOMETRY.tilts / (4 * math.pi * (1.5**2 + 1 / 12))
    assert floor_of(one, PROJECTOR, weights).masses[0] == pytest.approx(power**-0.5, rel=1e-3)
