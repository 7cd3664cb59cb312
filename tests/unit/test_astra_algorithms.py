from __future__ import annotations

import sys

import pytest
import torch

from mwgan.errors import InputError, MissingExtraError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.operators import ParallelBeam
from mwgan.recon import SART, SIRT, WBP, Astra, Reconstructor

ALGORITHMS = {
    "fbp": {},
    "sirt": {"iterations": 60},
    "sart": {"iterations": 5},
    "art": {"iterations": 10, "relaxation": 0.3},
    "cgls": {"iterations": 15},
}


@pytest.fixture
def astra():
    return pytest.importorskip("astra", reason="these algorithms need astra-toolbox")


def measured(size, axis_offset_px, disc, step_deg=3.0, wedge_deg=0.0):
    geometry = TiltGeometry(TiltGeometry.full(size, step_deg).tilt_deg, size, axis_offset_px)
    image = disc(size, 6, x=6, z=-4)
    return image, Measurement(ParallelBeam(geometry)(image), geometry.measured(wedge_deg), geometry)


@pytest.mark.usefixtures("astra")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(("size", "axis_offset_px"), [(32, 0.0), (33, 1.5)])
def test_its_tomogram_lies_on_ours(algorithm, size, axis_offset_px, disc):
    image, measurement = measured(size, axis_offset_px, disc)
    tomogram = Astra(algorithm, **ALGORITHMS[algorithm])(measurement)
    assert tomogram.shape == (1, 1, size, size)
    truth = image.flatten()
    assert torch.corrcoef(torch.stack([tomogram.flatten(), truth]))[0, 1] > 0.95
    for turned in (tomogram.flip(2), tomogram.flip(3), tomogram.transpose(2, 3)):
        assert torch.corrcoef(torch.stack([turned.flatten(), truth]))[0, 1] < 0.5
    inside = disc(size, 4, x=6, z=-4) == 1
    assert tomogram[inside].mean().item() == pytest.approx(1.0, abs=0.03)


@pytest.mark.usefixtures("astra")
@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (Astra("fbp"), WBP()),
        (Astra("sirt", iterations=8, relaxation=0.7), SIRT(8, relaxation=0.7)),
        (Astra("sirt", iterations=8, non_negative=False), SIRT(8, non_negative=False)),
        (Astra("sart", iterations=3, relaxation=0.3), SART(3, subsets=1000, relaxation=0.3)),
    ],
)
def test_what_we_have_too_comes_out_the_same_with_a_wedge_and_in_any_units(theirs, ours, disc):
    _, measurement = measured(32, 0.0, disc, wedge_deg=50.0)
    expected = ours(measurement)
    assert (theirs(measurement) - expected).norm() < 0.01 * expected.norm()
    dimmed = Measurement(1e-3 * measurement.sinogram, measurement.measured, measurement.geometry)
    torch.testing.assert_close(1e3 * theirs(dimmed), theirs(measurement), rtol=1e-3, atol=1e-4)


@pytest.mark.usefixtures("astra")
def test_samples_with_different_wedges_come_back_in_their_order(geometry, faces):
    sinogram = ParallelBeam(geometry)(faces[:1]).expand(3, -1, -1, -1) * torch.tensor([1.0, 2.0, 3.0]).reshape(3, 1, 1, 1)
    measurement = Measurement(sinogram, geometry.measured(torch.tensor([60.0, 30.0, 60.0])), geometry)
    torch.testing.assert_close(Astra("fbp")(measurement), WBP()(measurement), rtol=0.0, atol=1e-3)


def test_nothing_is_left_behind_in_astra(astra, disc, monkeypatch):
    deleted = []
    for kind in (astra.data2d, astra.algorithm, astra.projector):
        monkeypatch.setattr(kind, "delete", lambda ids, delete=kind.delete: (deleted.append(ids), delete(ids)))
    _, measurement = measured(32, 0.0, disc, step_deg=10.0)
    two = Measurement(measurement.sinogram.expand(2, -1, -1, -1), measurement.measured, measurement.geometry)
    Astra("cgls", iterations=1)(two)
    assert len(deleted) == 4, "two algorithms, the two images that they share, the projector"


@pytest.mark.parametrize(
    ("algorithm", "options", "message"),
    [
        ("magic", {}, "one of fbp, sirt, sart, art, cgls, not 'magic'"),
        ("fbp", {"iterations": 3}, "fbp takes filter, not iterations"),
        ("cgls", {"non_negative": True}, "cgls takes iterations, not non_negative"),
        ("sirt", {"filter": "hann"}, "not filter"),
        ("sirt", {"iterations": 0}, "number of iterations must be 1 to"),
        ("sart", {"relaxation": 2.0}, r"in \(0, 2\), not 2.0"),
        ("fbp", {"filter": "gauss"}, "not 'gauss'"),
    ],
)
def test_what_it_does_not_take_is_refused(algorithm, options, message):
    with pytest.raises(InputError, match=message):
        Astra(algorithm, **options)


def test_without_the_package_the_error_names_the_remedy(monkeypatch, geometry):
    monkeypatch.setitem(sys.modules, "astra", None)
    with pytest.raises(MissingExtraError, match=r"ASTRA's sirt needs .*pip install 'mwgan\[astra\]'"):
        Astra()(Measurement(torch.zeros(1, 1, 36, 32), geometry.measured(), geometry))


def test_it_has_the_face_of_a_reconstructor():
    assert isinstance(Astra(), Reconstructor)


@pytest.mark.usefixtures("astra")
@pytest.mark.parametrize("unit", [2.0**-110, 2.0**100])
def test_a_detectors_units_change_nothing(unit, disc):
    _, measurement = measured(32, 0.0, disc)
    scaled = Measurement(measurement.sinogram * unit, measurement.measured, measurement.geometry)
    assert torch.equal(Astra("cgls", iterations=5)(scaled), Astra("cgls", iterations=5)(measurement) * unit)
