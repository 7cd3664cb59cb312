from __future__ import annotations

import sys

import pytest
import torch

from mwgan.errors import InputError, MissingExtraError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.operators import AstraParallelBeam, ParallelBeam
from mwgan.recon import SIRT

UNEVEN = TiltGeometry([-71.0, -40.5, -3.0, 0.0, 10.0, 55.0, 88.0], 48, axis_offset_px=1.3)


@pytest.fixture
def astra():
    return pytest.importorskip("astra", reason="the ASTRA projector needs astra-toolbox")


@pytest.mark.usefixtures("astra")
def test_projection_lies_on_ours_for_uneven_tilts_and_a_shifted_axis(generator):
    image = torch.rand(2, 1, 48, 48, generator=generator)
    ours, theirs = ParallelBeam(UNEVEN)(image), AstraParallelBeam(UNEVEN)(image)
    assert (ours - theirs).norm() < 1e-4 * ours.norm()


@pytest.mark.usefixtures("astra")
def test_adjoint_lies_on_ours_for_uneven_tilts_and_a_shifted_axis(generator):
    sinogram = torch.rand(2, 1, 7, 48, generator=generator)
    ours, theirs = ParallelBeam(UNEVEN).adjoint(sinogram), AstraParallelBeam(UNEVEN).adjoint(sinogram)
    assert (ours - theirs).norm() < 1e-4 * ours.norm()


@pytest.mark.usefixtures("astra")
def test_gradient_is_the_back_projection(generator):
    projector = AstraParallelBeam(UNEVEN)
    image = torch.rand(1, 1, 48, 48, generator=generator, requires_grad=True)
    sinogram = torch.rand(1, 1, 7, 48, generator=generator)
    (projector(image) * sinogram).sum().backward()
    torch.testing.assert_close(image.grad, projector.adjoint(sinogram))


@pytest.mark.usefixtures("astra")
def test_a_reconstruction_takes_it_as_its_projector(geometry, faces):
    measurement = Measurement(ParallelBeam(geometry)(faces), geometry.measured(45.0), geometry)
    ours, theirs = SIRT(10)(measurement), SIRT(10, projector=AstraParallelBeam)(measurement)
    torch.testing.assert_close(theirs, ours, rtol=0.0, atol=1e-3)


def test_cuda_without_a_device_is_refused(astra, geometry, monkeypatch):
    monkeypatch.setattr(astra, "use_cuda", lambda: False)
    with pytest.raises(InputError, match="device='cpu'"):
        AstraParallelBeam(geometry, "cuda")


def test_an_unknown_device_is_refused(geometry):
    with pytest.raises(InputError, match="cpu or cuda"):
        AstraParallelBeam(geometry, "tpu")


def test_without_the_package_the_error_names_the_extra(geometry, monkeypatch):
    monkeypatch.setitem(sys.modules, "astra", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mwgan\[astra\]'"):
        AstraParallelBeam(geometry)
