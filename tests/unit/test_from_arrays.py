from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.transform import iradon

from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.operators import ParallelBeam
from mwgan.recon import from_arrays
from mwgan.testing import check_reconstructor


def scikit_image(sinogram, tilt_deg):
    return iradon(sinogram.T, tilt_deg, circle=True) * len(tilt_deg) / 36


@pytest.fixture
def measurement(geometry, faces) -> Measurement:
    return Measurement(ParallelBeam(geometry)(faces), geometry.measured(torch.tensor([20.0, 60.0, 90.0])), geometry)


def test_scikit_images_own_reconstruction_passes_every_check():
    check_reconstructor(from_arrays(scikit_image), sizes=(33,), axis_offset=False)


def test_each_slice_comes_with_its_measured_tilts_alone(measurement):
    seen = []

    def remember(sinogram, tilt_deg):
        seen.append((sinogram, tilt_deg))
        sinogram[:] = 0  # its own to write into
        return np.zeros((32, 32))

    before = measurement.sinogram.clone()
    assert from_arrays(remember)(measurement).shape == (3, 1, 32, 32)
    assert torch.equal(measurement.sinogram, before)
    assert sorted(len(tilts) for _, tilts in seen) == [int(mask.sum()) for mask in measurement.mask.flip(0)]
    for sinogram, tilts in seen:
        assert sinogram.shape == (len(tilts), 32)
        assert (np.diff(tilts) > 0).all()


def test_an_axis_off_the_middle_is_refused(faces):
    geometry = TiltGeometry(TiltGeometry.full(32, 5.0).tilt_deg, 32, axis_offset_px=1.5)
    with pytest.raises(InputError, match=r"scikit_image assumes the tilt axis in the detector's centre; here it lies 1\.5 pixels off"):
        from_arrays(scikit_image)(Measurement(ParallelBeam(geometry)(faces), geometry.measured(), geometry))


def test_a_slice_of_another_shape_is_refused(measurement):
    with pytest.raises(InputError, match=r"returns an array \(36, 32\)|returns an array \(\d+, 32\), not \(32, 32\)"):
        from_arrays(lambda sinogram, tilt_deg: sinogram)(measurement)
