"""The projector on a GPU is that of the CPU, in each of its forms."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from mwgan.geometry import TiltGeometry
from mwgan.operators import ParallelBeam, matrix_free, projector_for
from mwgan.testing import check_projector

pytestmark = pytest.mark.gpu
GEOMETRIES = (
    TiltGeometry.full(64, 2.0),
    TiltGeometry([-90.0, -71.0, -45.0, 0.0, 3.0, 45.0, 60.0, 85.5], 47, 0.4, (0.3, -1.2, 4.9, -0.5, 0.0, 9.0, -0.7, 1.5)),
)
EXACT = {torch.float32: 1e-5, torch.float64: 1e-12}  # share of the whole


class TiltByTilt(ParallelBeam):
    """By torch alone, as where Triton isn't."""

    def _pair(self, like):
        return partial(matrix_free.project, self.geometry), partial(matrix_free.back_project, self.geometry)


FORMS = {
    "auto": ParallelBeam,
    "matrix": partial(ParallelBeam, method="matrix"),
    "matrix_free": partial(ParallelBeam, method="matrix_free"),
    "tilt by tilt": TiltByTilt,
}
every_form = pytest.mark.parametrize("make", FORMS.values(), ids=FORMS.keys())


def apart(result: torch.Tensor, expected: torch.Tensor) -> float:
    """The relative distance, computed on the CPU in float64."""
    one, other = result.cpu().double(), expected.cpu().double()
    return float((one - other).norm() / other.norm())


@every_form
@pytest.mark.parametrize("dtype", EXACT)
@pytest.mark.parametrize("batch", [1, 5, 33])
def test_projections_and_back_projections_are_those_of_the_cpu(make, dtype, batch, device, generator):
    for geometry in GEOMETRIES:
        image = torch.rand(batch, 1, geometry.detector_size, geometry.detector_size, generator=generator, dtype=dtype)
        sinogram = torch.rand(batch, 1, geometry.tilts, geometry.detector_size, generator=generator, dtype=dtype)
        there, here = make(geometry), ParallelBeam(geometry)
        projected, back_projected = there(image.to(device)), there.adjoint(sinogram.to(device))
        assert projected.device.type == back_projected.device.type == device.type
        assert projected.dtype == back_projected.dtype == dtype
        assert apart(projected, here(image)) < EXACT[dtype]
        assert apart(back_projected, here.adjoint(sinogram)) < EXACT[dtype]


@every_form
@pytest.mark.parametrize("dtype", EXACT)
def test_the_adjoint_is_exact(make, dtype, device, generator):
    for geometry in GEOMETRIES:
        projector = make(geometry)
        image = torch.rand(3, 1, geometry.detector_size, geometry.detector_size, generator=generator, dtype=dtype).to(device)
        sinogram = torch.rand(3, 1, geometry.tilts, geometry.detector_size, generator=generator, dtype=dtype).to(device)
        one, other = (projector(image) * sinogram).double().sum(), (image * projector.adjoint(sinogram)).double().sum()
        torch.testing.assert_close(one, other, rtol=EXACT[dtype], atol=0)


@every_form
def test_it_passes_the_checks_of_every_projector(make, device):
    check_projector(make, sizes=(33,), device=device)


def test_gradients_are_the_adjoint_also_under_autocast(device, generator):
    projector = projector_for(GEOMETRIES[0])
    image = torch.rand(2, 1, 64, 64, generator=generator).to(device).requires_grad_()
    sinogram = torch.rand(2, 1, 90, 64, generator=generator).to(device)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        (projector(image) * sinogram).sum().backward()
    assert apart(image.grad, projector.adjoint(sinogram)) < 1e-6


def test_a_size_whose_matrix_does_not_fit_is_projected_without_one(device, generator):
    geometry = TiltGeometry.full(1024, 1.0 if device.type == "cuda" else 15.0)
    projector = ParallelBeam(geometry, matrix_limit_gib=0.3)
    image = torch.rand(1, 1, 1024, 1024, generator=generator)
    sinogram = projector(image.to(device))
    assert projector.matrix_gib == 0
    assert apart(sinogram, ParallelBeam(geometry)(image)) < 1e-5
    assert apart(projector.adjoint(sinogram), ParallelBeam(geometry).adjoint(sinogram.cpu())) < 1e-5
