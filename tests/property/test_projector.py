"""Properties that every projector must have, over tilt lists, sizes and tilt axes that nobody picked by hand."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mwgan.geometry import TiltGeometry
from mwgan.operators import ParallelBeam

PROJECTORS = ["matrix", "matrix_free"]
every_projector = pytest.mark.parametrize("method", PROJECTORS)

tilt_lists = st.lists(st.floats(-180.0, 180.0, allow_subnormal=False), min_size=1, max_size=6, unique=True).map(sorted)
sizes = st.integers(2, 16)
offsets = st.just(0.0) | st.floats(-3.0, 3.0, allow_subnormal=False)
geometries = st.builds(TiltGeometry, tilt_lists, sizes, offsets)
centred_geometries = st.builds(TiltGeometry, tilt_lists, sizes)
seeds = st.integers(0, 2**31)


def normal(shape: tuple[int, ...], seed: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def inside_circle(size: int, margin: float = 0.0) -> torch.Tensor:
    """Pixels (N, N) whose whole shadow stays ``margin`` pixels within the detector at every tilt."""
    position = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    return torch.hypot(position[:, None], position[None, :]) <= size / 2 - 0.7072 - margin


@every_projector
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
@given(geometry=geometries, seed=seeds)
def test_adjoint_is_exact(method, dtype, tolerance, geometry, seed):
    projector = ParallelBeam(geometry, method)
    image = normal((2, 1, geometry.detector_size, geometry.detector_size), seed, dtype)
    sinogram = normal((2, 1, geometry.tilts, geometry.detector_size), seed + 1, dtype)
    projected, back_projected = projector(image), projector.adjoint(sinogram)
    left = (projected.double() * sinogram.double()).sum()
    right = (image.double() * back_projected.double()).sum()
    assert abs(left - right) <= tolerance * projected.double().norm() * sinogram.double().norm()


@every_projector
@given(geometry=geometries, seed=seeds, factor=st.floats(-10.0, 10.0))
def test_projection_is_linear(method, geometry, seed, factor):
    projector = ParallelBeam(geometry, method)
    first, second = normal((2, 1, 1, geometry.detector_size, geometry.detector_size), seed)
    together = projector(first + factor * second)
    torch.testing.assert_close(together, projector(first) + factor * projector(second), rtol=1e-10, atol=1e-10)


@every_projector
@given(geometry=geometries, seed=seeds)
def test_a_slice_does_not_depend_on_its_batch(method, geometry, seed):
    projector = ParallelBeam(geometry, method)
    images = normal((3, 1, geometry.detector_size, geometry.detector_size), seed)
    alone = torch.cat([projector(image[None]) for image in images])
    torch.testing.assert_close(projector(images), alone, rtol=1e-12, atol=1e-12)
    back_alone = torch.cat([projector.adjoint(sinogram[None]) for sinogram in alone])
    torch.testing.assert_close(projector.adjoint(alone), back_alone, rtol=1e-12, atol=1e-12)


@every_projector
@given(geometry=centred_geometries, seed=seeds)
def test_every_projection_holds_the_whole_mass_of_an_object_within_the_circle(method, geometry, seed):
    image = normal((1, 1, geometry.detector_size, geometry.detector_size), seed).abs() * inside_circle(geometry.detector_size)
    mass = ParallelBeam(geometry, method)(image).sum(dim=-1)
    torch.testing.assert_close(mass, image.sum().expand_as(mass), rtol=1e-10, atol=0.0)


@every_projector
@given(tilt_deg=st.floats(-180.0, 0.0), size=sizes, offset=offsets, seed=seeds)
def test_half_a_turn_flips_the_detector(method, tilt_deg, size, offset, seed):
    image = normal((1, 1, size, size), seed)
    here = ParallelBeam(TiltGeometry([tilt_deg], size, offset), method)(image)
    there = ParallelBeam(TiltGeometry([tilt_deg + 180.0], size, -offset), method)(image)
    torch.testing.assert_close(there, here.flip(-1), rtol=1e-10, atol=1e-10)


@every_projector
@given(tilt_deg=tilt_lists, size=st.integers(10, 16), shift=st.integers(-3, 3), seed=seeds)
def test_an_axis_offset_shifts_the_sinogram(method, tilt_deg, size, shift, seed):
    image = normal((1, 1, size, size), seed) * inside_circle(size, margin=abs(shift))
    centred = ParallelBeam(TiltGeometry(tilt_deg, size), method)(image)
    shifted = ParallelBeam(TiltGeometry(tilt_deg, size, float(shift)), method)(image)
    torch.testing.assert_close(shifted, centred.roll(shift, dims=-1), rtol=1e-10, atol=1e-10)
    assert centred.abs().sum() > 0


@given(geometry=geometries, seed=seeds)
def test_matrix_and_matrix_free_agree(geometry, seed):
    image = normal((2, 1, geometry.detector_size, geometry.detector_size), seed)
    sinogram = normal((2, 1, geometry.tilts, geometry.detector_size), seed)
    matrix, matrix_free = ParallelBeam(geometry, "matrix"), ParallelBeam(geometry, "matrix_free")
    torch.testing.assert_close(matrix(image), matrix_free(image), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(matrix.adjoint(sinogram), matrix_free.adjoint(sinogram), rtol=1e-12, atol=1e-12)
