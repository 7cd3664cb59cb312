"""Projections of atoms: exact, differentiable, in the conventions of the projector of voxels."""

from __future__ import annotations

import pytest
import torch

from mwgan.errors import InputError
from mwgan.geometry import TiltGeometry
from mwgan.operators.atoms import AtomProjector


def atoms(count: int, reach: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    places = (torch.rand(count, 3, dtype=torch.float64) - 0.5) * reach
    return places, torch.rand(count, dtype=torch.float64) + 0.5, torch.rand(count, dtype=torch.float64) + 0.7


def test_an_atom_inside_the_detector_adds_its_mass_to_every_image():
    projector = AtomProjector(TiltGeometry.full(40, 15.0), 30)
    places, masses, widths = atoms(5, 8.0)
    torch.testing.assert_close(projector(places, masses, widths).sum(dim=(1, 2)), masses.sum().expand(12), rtol=1e-5, atol=0)


@pytest.mark.parametrize(("offset", "of_tilts"), [(0.0, ()), (1.25, ()), (0.5, (0.25, -1.0, 0.0))])
def test_spots_lie_where_the_geometry_says(offset, of_tilts):
    geometry = TiltGeometry((-50.0, 0.0, 35.0), 40, offset, of_tilts)
    place = torch.tensor([[6.0, -3.0, 4.0]], dtype=torch.float64)
    images = AtomProjector(geometry, 30)(place, torch.ones(1, dtype=torch.float64), torch.full((1,), 0.9, dtype=torch.float64))
    tilt = torch.deg2rad(torch.tensor(geometry.tilt_deg, dtype=torch.float64))
    column = (images.sum(1) * torch.arange(40)).sum(1)
    moved = torch.tensor(of_tilts or (0.0,) * 3, dtype=torch.float64)
    row = (images.sum(2) * torch.arange(30)).sum(1)
    torch.testing.assert_close(column, 19.5 + offset + moved + 6 * torch.cos(tilt) - 4 * torch.sin(tilt), atol=1e-5, rtol=0)
    torch.testing.assert_close(row, torch.full((3,), 14.5 - 3.0, dtype=torch.float64), atol=1e-5, rtol=0)


def test_gradients_are_those_of_the_images():
    projector = AtomProjector(TiltGeometry((-40.0, 0.0, 33.0), 12), 10, reach=12.0)
    shifts, turns = torch.randn(3, 2, dtype=torch.float64), torch.randn(3, dtype=torch.float64)
    given = [one.requires_grad_() for one in (*atoms(4, 5.0), shifts, turns)]
    assert torch.autograd.gradcheck(projector, tuple(given))


def test_what_is_gathered_is_the_adjoint_of_what_is_added():
    projector = AtomProjector(TiltGeometry.full(24, 20.0), 20)
    places, _, widths = atoms(30, 24.0)  # some fall off the detector
    columns, rows = projector.on_detector(places)
    amounts, images = torch.randn(30, 9, 4, dtype=torch.float64), torch.randn(9, 20, 24, dtype=torch.float64)
    one = (projector.add(columns, rows, widths, amounts) * images).sum()
    other = (projector.gather(columns, rows, widths, images) * amounts).sum()
    torch.testing.assert_close(one, other)


def test_a_gpu_does_the_same():
    """Its way of doing it works on a CPU, too."""
    projector = AtomProjector(TiltGeometry.full(24, 20.0), 20)
    places, _, widths = atoms(30, 24.0)
    columns, rows = projector.on_detector(places)
    amounts, images = torch.randn(30, 9, 4, dtype=torch.float64), torch.randn(9, 20, 24, dtype=torch.float64)
    elsewhere = projector._elsewhere(columns, rows, widths, amounts, torch.zeros_like(images))
    torch.testing.assert_close(elsewhere, projector.add(columns, rows, widths, amounts))
    gathered = projector._gathered_elsewhere(columns, rows, widths, images)
    torch.testing.assert_close(gathered, projector.gather(columns, rows, widths, images))


def test_no_atoms_give_empty_images_and_what_does_not_fit_is_refused():
    projector = AtomProjector(TiltGeometry((0.0, 30.0), 12), 10)
    none = torch.zeros(0, dtype=torch.float64)
    assert projector(none.reshape(0, 3), none, none).abs().max() == 0
    with pytest.raises(InputError, match=r"2 atoms have places \(2, 3\)"):
        projector(torch.zeros(1, 3), torch.ones(2), torch.ones(2))
    with pytest.raises(InputError, match="width must be above 0"):
        projector(torch.zeros(1, 3), torch.ones(1), torch.zeros(1))
