from __future__ import annotations

import multiprocessing

import numpy as np
import pytest
import torch
from skimage.transform import radon

from mwgan.errors import InputError
from mwgan.geometry import TiltGeometry
from mwgan.operators import ParallelBeam, matrix_free, projector_for

METHODS = ["matrix", "matrix_free"]
every_method = pytest.mark.parametrize("method", METHODS)


@every_method
def test_untilted_projection_sums_the_columns_and_a_quarter_turn_the_rows(method, generator):
    image = torch.rand(1, 1, 9, 9, generator=generator, dtype=torch.float64)
    sinogram = ParallelBeam(TiltGeometry([-90.0, 0.0, 90.0], 9), method)(image)[0, 0]
    torch.testing.assert_close(sinogram[0], image[0, 0].sum(dim=1))
    torch.testing.assert_close(sinogram[1], image[0, 0].sum(dim=0))
    torch.testing.assert_close(sinogram[2], image[0, 0].sum(dim=1).flip(0))


@every_method
def test_a_point_falls_at_x_cos_minus_z_sin(method):
    size, row, column = 33, 24, 20
    image = torch.zeros(1, 1, size, size, dtype=torch.float64)
    image[0, 0, row, column] = 1.0
    tilt_deg = np.array([-75.0, -20.0, 0.0, 35.0, 60.0])
    sinogram = ParallelBeam(TiltGeometry(tilt_deg, size, axis_offset_px=1.25), method)(image)[0, 0]
    centre_of_mass = (sinogram * torch.arange(size)).sum(dim=1)
    tilt, x, z = np.deg2rad(tilt_deg), column - 16, row - 16
    expected = x * np.cos(tilt) - z * np.sin(tilt) + 16 + 1.25
    # A shadow that straddles detector pixels is shared by area, so its centre is kept to a fraction of a pixel.
    assert np.abs(centre_of_mass.numpy() - expected).max() < 0.2


@every_method
@pytest.mark.parametrize("size", [33, 64, 101])
def test_central_line_integral_of_a_disc_is_its_diameter_whatever_the_size(method, size, disc):
    radius = 10.0
    sinogram = ParallelBeam(TiltGeometry.full(size, 30.0), method)(disc(size, radius))[0, 0]
    centre = sinogram[:, (size - 1) // 2 : size // 2 + 1].mean(dim=1)
    torch.testing.assert_close(centre, torch.full_like(centre, 2 * radius), rtol=5e-3, atol=0.0)


@every_method
@pytest.mark.parametrize("size", [65, 101])
def test_lies_on_scikit_image_radon_for_an_off_centre_disc(method, size, disc):
    # scikit-image turns about pixel N // 2: the centre of an odd slice, as ours.
    image = disc(size, 0.2 * size, x=0.15 * size, z=-0.1 * size)
    tilt_deg = [-80.0, -45.0, -30.0, 0.0, 12.5, 33.0, 60.0, 89.0]
    ours = ParallelBeam(TiltGeometry(tilt_deg, size), method)(image)[0, 0].double().numpy()
    theirs = radon(image[0, 0].double().numpy(), theta=tilt_deg, circle=True).T
    assert np.linalg.norm(ours - theirs) < 5e-3 * np.linalg.norm(theirs)


@every_method
def test_each_tilt_is_projected_about_its_own_place_of_the_axis(method, generator):
    image = torch.rand(2, 1, 12, 12, generator=generator, dtype=torch.float64)
    geometry = TiltGeometry([-80.0, -50.0, 3.0, 71.0], 12, 0.4, (0.3, -1.2, 4.9, -0.5))
    each = [TiltGeometry([tilt], 12, offset) for tilt, offset in zip(geometry.tilt_deg, geometry.offsets_px, strict=True)]
    expected = torch.cat([ParallelBeam(one, method)(image) for one in each], dim=2)
    torch.testing.assert_close(ParallelBeam(geometry, method)(image), expected)


@every_method
@pytest.mark.parametrize("offsets", [(), (0.3, -1.2, 0.5)])
def test_gradients_are_exact_to_the_second_order(method, offsets, generator):
    projector = ParallelBeam(TiltGeometry([-50.0, 3.0, 71.0], 5, 0.4, offsets), method)
    image = torch.randn(2, 1, 5, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    sinogram = torch.randn(2, 1, 3, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    for operate, tensor in ((projector, image), (projector.adjoint, sinogram)):
        assert torch.autograd.gradcheck(operate, tensor)
        assert torch.autograd.gradgradcheck(lambda value, operate=operate: operate(value).square(), tensor)


def test_gradient_of_a_projection_is_the_back_projection(geometry, faces, generator):
    projector = ParallelBeam(geometry)
    sinogram = torch.randn(3, 1, 36, 32, generator=generator)
    image = faces.clone().requires_grad_()
    (projector(image) * sinogram).sum().backward()
    torch.testing.assert_close(image.grad, projector.adjoint(sinogram))


@every_method
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_projected_in_float32(method, dtype, geometry, faces):
    projector, half = ParallelBeam(geometry, method), faces.to(dtype)
    sinogram = projector(half)
    assert sinogram.dtype == torch.float32
    assert torch.equal(sinogram, projector(half.float()))
    back_projected = projector.adjoint(sinogram.to(dtype))
    assert back_projected.dtype == torch.float32
    assert torch.equal(back_projected, projector.adjoint(sinogram.to(dtype).float()))


@every_method
def test_autocast_does_not_lower_the_precision(method, geometry, faces):
    projector = ParallelBeam(geometry, method)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        sinogram = projector(faces)
        back_projected = projector.adjoint(sinogram)
    assert torch.equal(sinogram, projector(faces))
    assert torch.equal(back_projected, projector.adjoint(sinogram))


@every_method
def test_float64_stays_float64(method, geometry, faces):
    projector = ParallelBeam(geometry, method)
    double = projector(faces.double())
    assert double.dtype == torch.float64
    torch.testing.assert_close(double.float(), projector(faces))


def test_back_projection_of_ones_is_flat_within_the_circle():
    geometry = TiltGeometry.full(32, 7.5)
    flat = ParallelBeam(geometry).adjoint(torch.ones(1, 1, geometry.tilts, 32))
    position = torch.arange(32) - 15.5
    inside = torch.hypot(position[:, None], position[None, :]) <= 15.0
    torch.testing.assert_close(flat[0, 0][inside], torch.full((int(inside.sum()),), float(geometry.tilts)))


def test_auto_keeps_no_matrix_on_a_cpu(geometry, faces):
    auto, matrix = ParallelBeam(geometry), ParallelBeam(geometry, "matrix")
    torch.testing.assert_close(auto(faces), matrix(faces))
    assert auto.matrix_gib == 0
    assert matrix.matrix_gib > 0


def test_a_matrix_is_built_once(geometry, faces):
    projector = ParallelBeam(geometry, "matrix")
    projector(faces)
    built = next(iter(projector._matrices.values()))
    projector(faces)
    assert next(iter(projector._matrices.values())) is built
    assert len(projector._matrices) == 1


def test_the_tilt_by_tilt_form_of_a_gpu_has_the_same_weights(geometry, faces):
    sinogram = ParallelBeam(geometry)(faces.double())
    torch.testing.assert_close(matrix_free.project(geometry, faces.double()), sinogram)
    torch.testing.assert_close(matrix_free.back_project(geometry, sinogram), ParallelBeam(geometry).adjoint(sinogram))


@pytest.mark.parametrize("batch", [2, 4, 7, 32, 37])
def test_a_batch_that_lies_innermost_is_projected_alike_and_lies_alike(batch, geometry, generator):
    projector = ParallelBeam(geometry)
    image = torch.rand(32, 32, batch, generator=generator).permute(2, 0, 1).unsqueeze(1)
    sinogram = projector(image)
    assert sinogram.stride(0) == 1
    torch.testing.assert_close(sinogram, projector(image.contiguous()))
    assert projector.adjoint(sinogram).stride(0) == 1
    torch.testing.assert_close(projector.adjoint(sinogram), projector.adjoint(sinogram.contiguous()))


def test_the_result_does_not_depend_on_the_number_of_threads(geometry, faces):
    projector, threads = ParallelBeam(geometry), torch.get_num_threads()
    results = []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            sinogram = projector(faces)
            results.append((sinogram, projector.adjoint(sinogram)))
    finally:
        torch.set_num_threads(threads)
    for sinogram, back_projected in results[1:]:
        assert torch.equal(sinogram, results[0][0])
        assert torch.equal(back_projected, results[0][1])


def test_a_forked_process_projects_with_threads_of_its_own(geometry, faces):
    expected = ParallelBeam(geometry)(faces)  # starts the threads of this process
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert torch.equal(pool.apply(_projected, (geometry, faces.numpy())), expected)


def _projected(geometry, image):
    torch.set_num_threads(2)
    return ParallelBeam(geometry)(torch.from_numpy(image))


def test_kernels_are_compiled_where_nothing_can_be_kept(monkeypatch):
    from numba.core.caching import CompileResultCacheImpl

    from mwgan.operators.cpu_kernels import compiled

    monkeypatch.setattr(CompileResultCacheImpl, "_locator_classes", [])
    assert compiled(_twice)(2) == 4


def _twice(number):
    return 2 * number


def test_an_unknown_method_is_refused(geometry):
    with pytest.raises(InputError, match="matrix_free"):
        ParallelBeam(geometry, "fft")


@pytest.mark.parametrize("shape", [(32, 32), (1, 32, 32), (1, 2, 32, 32), (1, 1, 32, 31), (1, 1, 36, 32)])
def test_images_of_another_shape_are_refused(geometry, shape):
    with pytest.raises(InputError, match=r"\(B, 1, 32, 32\)"):
        ParallelBeam(geometry)(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(36, 32), (1, 36, 32), (1, 1, 32, 36), (1, 1, 32, 32)])
def test_sinograms_of_another_shape_are_refused(geometry, shape):
    with pytest.raises(InputError, match=r"\(B, 1, 36, 32\)"):
        ParallelBeam(geometry).adjoint(torch.zeros(shape))


def test_shared_projectors_are_kept_by_their_memory_the_latest_last(monkeypatch):
    from mwgan.operators import parallel_beam

    geometries = [TiltGeometry([0.0, float(tilt)], 24) for tilt in range(1, 6)]
    monkeypatch.setattr(parallel_beam, "SHARED_LIMIT_GIB", 3.5)
    monkeypatch.setattr(ParallelBeam, "matrix_gib", 1.0)
    kept = [projector_for(one) for one in geometries[:3]]
    assert [projector_for(one) for one in geometries[:3]] == kept
    projector_for(geometries[0])  # asked for again: the second is now the oldest
    projector_for(geometries[3])
    assert projector_for(geometries[0]) is kept[0]
    assert projector_for(geometries[1]) is not kept[1]


def test_a_projector_beyond_the_limit_is_shared_all_the_same(monkeypatch):
    from mwgan.operators import parallel_beam

    monkeypatch.setattr(parallel_beam, "SHARED_LIMIT_GIB", 0.0)
    monkeypatch.setattr(ParallelBeam, "matrix_gib", 1.0)
    geometry = TiltGeometry([0.0, 7.0], 24)
    assert projector_for(geometry) is projector_for(geometry)
