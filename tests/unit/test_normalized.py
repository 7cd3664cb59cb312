import torch

from mwgan.geometry import Measurement, TiltGeometry
from mwgan.operators import ParallelBeam
from mwgan.recon import TVM
from mwgan.recon.normalized import Normalized


def _measurement(scale, faces):
    geometry = TiltGeometry.full(faces.shape[-1], 6.0)
    return Measurement(scale * ParallelBeam(geometry)(faces), geometry.measured(60.0), geometry)


def test_intensity_units_do_not_change_the_tomogram(faces):
    method = Normalized(TVM(weight=0.02, iterations=50))
    unit, counts = (method(_measurement(scale, faces)) for scale in (1.0, 5e4))
    torch.testing.assert_close(counts / 5e4, unit, rtol=1e-3, atol=1e-3)
    assert not torch.allclose(TVM(weight=0.02, iterations=50)(_measurement(5e4, faces)) / 5e4, unit, atol=1e-3)


def test_what_counts_as_one_is_near_one_for_phantom_faces(faces):
    scale = Normalized(TVM()).scale(_measurement(1.0, faces))
    assert scale.shape == (len(faces), 1, 1, 1)
    assert 0.7 < float(scale.mean()) < 1.3


def test_an_empty_slice_stays_empty():
    empty = torch.zeros(1, 1, 32, 32)
    assert float(Normalized(TVM(iterations=5))(_measurement(1.0, empty)).abs().max()) == 0.0
