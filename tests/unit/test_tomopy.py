from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mwgan.errors import InputError, MissingExtraError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.operators import ParallelBeam
from mwgan.recon import WBP, Reconstructor, TomoPy


@pytest.fixture
def calls(monkeypatch) -> list[SimpleNamespace]:
    """Stands in for the package: notes every call, and returns slices filled with the number of tilts it was given."""
    noted = []

    def recon(sinogram, theta, **arguments):
        noted.append(SimpleNamespace(sinogram=sinogram, theta=theta, **arguments))
        size = sinogram.shape[2]
        return np.full((len(sinogram), size, size), float(len(theta)), dtype=np.float32)

    monkeypatch.setitem(sys.modules, "tomopy", SimpleNamespace(recon=recon))
    return noted


@pytest.fixture
def ray_tracer(monkeypatch) -> None:
    """Stands in for the package with a WBP that counts the axis as TomoPy's ray tracers do: from the detector's edge."""

    def recon(sinogram, theta, center, **arguments):
        order = np.argsort(theta)
        rows = torch.from_numpy(sinogram[:, order]).unsqueeze(1)
        geometry = TiltGeometry(np.rad2deg(theta[order]), sinogram.shape[2], center - sinogram.shape[2] / 2)
        return WBP()(Measurement(rows, torch.ones(geometry.tilts, dtype=torch.bool), geometry))[:, 0].numpy()

    monkeypatch.setitem(sys.modules, "tomopy", SimpleNamespace(recon=recon))


@pytest.mark.parametrize("algorithm", ["gridrec", "art", "sirt", "tv"])
@pytest.mark.parametrize("size", [40, 41])
@pytest.mark.parametrize("axis_offset_px", [0.0, 1.5])
def test_its_tomogram_lies_on_ours(algorithm, size, axis_offset_px, disc):
    pytest.importorskip("tomopy", reason="TomoPy comes from conda-forge")
    geometry = TiltGeometry(TiltGeometry.full(size, 2.0).tilt_deg, size, axis_offset_px)
    image = disc(size, 7, x=8, z=-5)
    tomogram = TomoPy(algorithm, ncore=1)(Measurement(ParallelBeam(geometry)(image), geometry.measured(), geometry))
    assert tomogram.shape == (1, 1, size, size)
    truth = image.flatten().numpy()
    assert np.corrcoef(tomogram.flatten().numpy(), truth)[0, 1] > 0.95
    for turned in (tomogram.flip(2), tomogram.flip(3), tomogram.transpose(2, 3)):
        assert np.corrcoef(turned.flatten().numpy(), truth)[0, 1] < 0.5
    inside = disc(size, 5, x=8, z=-5) == 1
    assert tomogram[inside].mean().item() == pytest.approx(1.0, abs=0.1)


@pytest.mark.usefixtures("ray_tracer")
@pytest.mark.parametrize("size", [32, 33])
def test_a_shifted_axis_and_the_order_of_the_tilts_are_translated(size, disc):
    geometry = TiltGeometry(TiltGeometry.full(size, 5.0).tilt_deg, size, axis_offset_px=1.5)
    measurement = Measurement(ParallelBeam(geometry)(disc(size, 6, x=4, z=-3)), geometry.measured(45.0), geometry)
    torch.testing.assert_close(TomoPy("sirt")(measurement), WBP()(measurement), rtol=0.0, atol=1e-4)


def test_it_is_given_the_measured_tilts_in_radians_with_their_own_rows(calls, generator):
    geometry = TiltGeometry([-80.0, -30.0, 0.0, 45.0], 16, axis_offset_px=1.5)
    sinogram = torch.rand(2, 1, 4, 16, generator=generator)
    measured = torch.tensor([False, True, True, True])
    tomogram = TomoPy("sirt", {"num_iter": 7}, ncore=1)(Measurement(sinogram, measured, geometry))
    (call,) = calls
    order = np.argsort(call.theta)
    np.testing.assert_allclose(np.rad2deg(call.theta[order]), [-30.0, 0.0, 45.0], atol=1e-9)
    np.testing.assert_array_equal(call.sinogram[:, order], sinogram[:, 0, 1:].numpy())
    assert (call.algorithm, call.num_iter, call.ncore, call.sinogram_order) == ("sirt", 7, 1, True)
    assert torch.equal(tomogram, torch.full((2, 1, 16, 16), 3.0))


def test_samples_with_different_wedges_come_back_in_their_order(calls, geometry):
    measured = geometry.measured(torch.tensor([60.0, 30.0, 60.0, 0.0]))
    tomogram = TomoPy("sirt")(Measurement(torch.ones(4, 1, 36, 32), measured, geometry))
    tilts = measured.sum(dim=2).flatten()
    assert len(calls) == 3, "samples that share their tilts go together"
    assert torch.equal(tomogram, tilts.float().reshape(4, 1, 1, 1).expand(4, 1, 32, 32))


def test_algorithms_that_multiply_get_no_negative_line_integrals(calls, geometry, generator):
    sinogram = torch.randn(1, 1, 36, 32, generator=generator)
    measurement = Measurement(sinogram, geometry.measured(), geometry)
    TomoPy("mlem")(measurement)
    TomoPy("sirt")(measurement)
    assert calls[0].sinogram.min() >= 0
    assert calls[1].sinogram.min() < 0


def test_without_the_package_the_error_names_the_remedy(monkeypatch, geometry):
    monkeypatch.setitem(sys.modules, "tomopy", None)
    with pytest.raises(MissingExtraError, match="conda install -c conda-forge tomopy"):
        TomoPy()(Measurement(torch.zeros(1, 1, 36, 32), geometry.measured(), geometry))


@pytest.mark.parametrize("algorithm", ["magic", "fbp"])
def test_an_algorithm_that_is_none_is_refused(algorithm):
    with pytest.raises(InputError, match="gridrec"):
        TomoPy(algorithm)


@pytest.mark.parametrize(
    ("algorithm", "options"),
    [
        ("sirt", {"reg_par": 0.1}),
        ("sirt", {"num_iter": 0}),
        ("sirt", {"num_iter": 2.5}),
        ("gridrec", {"filter_name": "boxcar"}),
        ("tv", {"reg_par": float("nan")}),
        ("tikh", {"reg_par": 0.1}),
    ],
)
def test_options_it_does_not_take_are_refused(algorithm, options):
    with pytest.raises(InputError, match=next(iter(options)) + "|filter"):
        TomoPy(algorithm, options)


def test_no_cores_are_refused():
    with pytest.raises(InputError, match="at least 1 core"):
        TomoPy(ncore=0)


def test_it_has_the_face_of_a_reconstructor():
    assert isinstance(TomoPy(), Reconstructor)
