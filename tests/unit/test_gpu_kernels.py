"""The projector's kernels for a GPU: computed by Triton's interpreter, and compiled for GPUs that needn't be here."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from mwgan import memory
from mwgan.geometry import TiltGeometry
from mwgan.operators import ParallelBeam, cpu, gpu, matrix_free, parallel_beam

needs_triton = pytest.mark.skipif(
    not gpu.is_available(), reason="Triton comes with torch for CUDA; pip install triton checks these without"
)
INTERPRETED = """
import torch
from mwgan.geometry import TiltGeometry
from mwgan.operators import ParallelBeam, gpu

gpu.LANES, gpu.VALUES = 2, 8  # small blocks: several along the detector and over the slices
for size, batch, offset, offsets, dtype, exact in (
    (6, 3, 0.0, (), torch.float32, 1e-6),
    (5, 1, 0.4, (0.3, -1.2, 4.9), torch.float64, 1e-13),
):
    geometry = TiltGeometry([-90.0, -30.0, 45.0], size, offset, offsets)
    image, sinogram = torch.rand(batch, 1, size, size, dtype=dtype), torch.rand(batch, 1, 3, size, dtype=dtype)
    projected, back_projected = gpu.project(geometry, image), gpu.back_project(geometry, sinogram)
    expected = ParallelBeam(geometry)
    torch.testing.assert_close(projected, expected(image), rtol=exact, atol=20 * exact)
    torch.testing.assert_close(back_projected, expected.adjoint(sinogram), rtol=exact, atol=20 * exact)
    torch.testing.assert_close((projected * sinogram).sum(), (image * back_projected).sum(), rtol=exact, atol=0)
"""
COMPILED = """
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile
from mwgan.operators.gpu_kernels import back_project_rows, project_tilts

for value in ("*fp32", "*fp64"):
    directions, numbers = ["*fp64"] * 3, ["i32"] * 2
    for kernel, types in (
        (project_tilts, [value, value, *directions, "*i1", *numbers]),
        (back_project_rows, [value, value, *directions, "i32", *numbers]),
    ):
        signature = dict(zip(kernel.arg_names, [*types, "constexpr", "constexpr"]))
        source = ASTSource(kernel, signature, {(len(types),): 16, (len(types) + 1,): 32})
        for capability in (75, 90):
            assert compile(source, target=GPUTarget("cuda", capability, 32)).asm["cubin"]
"""


@needs_triton
@pytest.mark.slow
@pytest.mark.parametrize(("program", "interpret"), [(INTERPRETED, "1"), (COMPILED, "0")], ids=["interpreted", "compiled"])
def test_the_kernels_of_a_gpu_are_the_projector_of_a_cpu(program, interpret, tmp_path):
    environment = {**os.environ, "TRITON_INTERPRET": interpret, "TRITON_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_each_device_has_kernels_of_its_own(monkeypatch):
    of = parallel_beam._kernels_of
    monkeypatch.setattr(gpu, "is_available", lambda: True)
    assert [of(torch.device(name)) for name in ("cpu", "cuda", "mps")] == [cpu, gpu, matrix_free]
    monkeypatch.setattr(gpu, "is_available", lambda: False)
    assert of(torch.device("cuda")) is matrix_free


@pytest.mark.parametrize(
    ("size", "free_gib", "fits"), [(512, 4.0, True), (512, 2.0, False), (1024, 80.0, False), (512, None, True)], ids=str
)
def test_a_matrix_is_built_on_a_gpu_where_half_of_what_is_free_holds_it(size, free_gib, fits, monkeypatch):
    monkeypatch.setattr(parallel_beam, "free_bytes", lambda device: None if free_gib is None else int(free_gib * 2**30))
    projector = ParallelBeam(TiltGeometry.full(size, 1.0))  # of 1.5 and 6.2 GiB
    assert projector._matrix_fits(torch.device("cuda"), torch.float32) is fits
    assert not projector._matrix_fits(torch.device("cpu"), torch.float32)


def test_what_torch_keeps_of_a_gpus_memory_is_free(monkeypatch):
    fake = {"mem_get_info": lambda device: (100, 1000), "memory_reserved": lambda device: 50, "memory_allocated": lambda device: 20}
    monkeypatch.setattr(torch, "cuda", SimpleNamespace(**fake))
    assert memory.free_bytes(torch.device("cuda")) == 130
    assert memory.free_bytes(torch.device("cpu")) is None
