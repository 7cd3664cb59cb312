"""ParallelBeam: differentiable projection of a batch of slices to sinograms, with the exact adjoint."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Literal, Protocol

import torch
from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import TiltGeometry
from mwgan.memory import free_bytes
from mwgan.operators import cpu, gpu, matrix_free, sparse

LinearMap = Callable[[Tensor], Tensor]
MATRIX_LIMIT_GIB = 2.0
SHARED_LIMIT_GIB = 4.0
SHARED_LIMIT = 256


class Projector(Protocol):
    """The interface of projectors."""

    geometry: TiltGeometry

    def __call__(self, image: Tensor) -> Tensor:
        """Slices (B, 1, N, N) to sinograms (B, 1, A, N)."""
        ...

    def adjoint(self, sinogram: Tensor) -> Tensor:
        """Sinograms (B, 1, A, N) to un-filtered back-projections (B, 1, N, N)."""
        ...


class ParallelBeam:
    """Strip-area projector of a parallel-beam tilt series, on any device, in float32 or float64.

    A sinogram entry is the line integral averaged over the width of one detector pixel, in pixel units; the gain does
    not depend on the image size. Half-precision input is projected in float32.

    A batch that is innermost in memory (``stride(0) == 1``, with a number of slices in :data:`mwgan.operators.cpu.LANES`) is
    projected in place, and the result has the same layout: iterative methods avoid copies.

    Parameters
    ----------
    geometry
        Tilts and detector; see :mod:`mwgan.geometry` for the orientation.
    method
        ``"matrix_free"`` computes the weights on the fly: by compiled kernels on a CPU, where they are the fastest option,
        and on a CUDA device with Triton; elsewhere by torch, tilt by tilt.
        ``"matrix"`` keeps a sparse matrix and its transpose, built once per device and precision.
        ``"auto"`` uses the matrix on a GPU if it is below ``matrix_limit_gib`` and half of the free memory.
    matrix_limit_gib
        Largest matrix pair, in GiB, that ``"auto"`` builds: the default is sufficient for 512 pixels and 180 tilts in float32.
    """

    def __init__(
        self,
        geometry: TiltGeometry,
        method: Literal["auto", "matrix", "matrix_free"] = "auto",
        matrix_limit_gib: float = MATRIX_LIMIT_GIB,
    ) -> None:
        if method not in ("auto", "matrix", "matrix_free"):
            raise InputError(f"a projector's method is auto, matrix or matrix_free, not {method!r}")
        self.geometry = geometry
        self.method = method
        self.matrix_limit_gib = matrix_limit_gib
        self._matrices: dict[tuple[torch.device, torch.dtype], tuple[Tensor, Tensor]] = {}

    def __call__(self, image: Tensor) -> Tensor:
        """Slices (B, 1, N, N) to sinograms (B, 1, A, N)."""
        size = self.geometry.detector_size
        _check_shape(image, (size, size), "an image")
        forward, adjoint = self._pair(image)
        return _apply(_at_least_float32(image), forward, adjoint)

    def adjoint(self, sinogram: Tensor) -> Tensor:
        """Sinograms (B, 1, A, N) to un-filtered back-projections (B, 1, N, N): <Ax, y> = <x, A'y>."""
        _check_shape(sinogram, (self.geometry.tilts, self.geometry.detector_size), "a sinogram")
        forward, adjoint = self._pair(sinogram)
        return _apply(_at_least_float32(sinogram), adjoint, forward)

    @property
    def matrix_gib(self) -> float:
        """Memory of the cached matrices, in GiB."""
        return sum(sparse.estimated_gib(self.geometry, dtype) for _, dtype in self._matrices)

    def _pair(self, like: Tensor) -> tuple[LinearMap, LinearMap]:
        geometry, size, tilts = self.geometry, self.geometry.detector_size, self.geometry.tilts
        key = like.device, torch.float64 if like.dtype == torch.float64 else torch.float32
        if self.method == "matrix_free" or (self.method == "auto" and key not in self._matrices and not self._matrix_fits(*key)):
            kernels = _kernels_of(like.device)
            return partial(kernels.project, geometry), partial(kernels.back_project, geometry)
        if key not in self._matrices:
            device, dtype = key
            self._matrices[key] = sparse.matrix_pair(geometry, dtype, device)
        matrix, transpose = self._matrices[key]
        return (
            lambda image: sparse.apply(matrix, image, (tilts, size)),
            lambda sino: sparse.apply(transpose, sino, (size, size)),
        )

    def _matrix_fits(self, device: torch.device, dtype: torch.dtype) -> bool:
        """Whether ``"auto"`` builds a matrix: never on a CPU, where the kernels are faster."""
        needed = sparse.estimated_gib(self.geometry, dtype)
        if device.type == "cpu" or needed > self.matrix_limit_gib:
            return False
        free = free_bytes(device)
        return free is None or needed * 2**30 <= free / 2


def projector_for(geometry: TiltGeometry) -> ParallelBeam:
    """The shared projector of a geometry, so that methods and batches don't build its matrix again.

    The latest ones are cached: at most ``SHARED_LIMIT``, and at most ``SHARED_LIMIT_GIB`` of matrices.
    """
    projector = _shared.pop(geometry, None) or ParallelBeam(geometry)
    _shared[geometry] = projector
    while len(_shared) > 1 and (len(_shared) > SHARED_LIMIT or sum(one.matrix_gib for one in _shared.values()) > SHARED_LIMIT_GIB):
        _shared.popitem(last=False)
    return projector


_shared: OrderedDict[TiltGeometry, ParallelBeam] = OrderedDict()


def _kernels_of(device: torch.device) -> ModuleType:
    """The module with the matrix-free kernels for a device."""
    if device.type == "cpu":
        return cpu
    return gpu if device.type == "cuda" and gpu.is_available() else matrix_free


class _LinearMap(torch.autograd.Function):
    """A linear map whose backward pass is its adjoint, to any order."""

    @staticmethod
    def forward(ctx, tensor, forward, adjoint):  # type: ignore[no-untyped-def]
        ctx.forward_map, ctx.adjoint_map = forward, adjoint
        return forward(tensor)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        return _apply(gradient, ctx.adjoint_map, ctx.forward_map), None, None


def _apply(tensor: Tensor, forward: LinearMap, adjoint: LinearMap) -> Tensor:
    return _LinearMap.apply(tensor, forward, adjoint)  # type: ignore[no-untyped-call, no-any-return]


def _at_least_float32(tensor: Tensor) -> Tensor:
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()


def _check_shape(tensor: Tensor, last: tuple[int, int], name: str) -> None:
    if tensor.ndim != 4 or tensor.shape[1] != 1 or tuple(tensor.shape[2:]) != last:
        raise InputError(f"{name} of this geometry is (B, 1, {last[0]}, {last[1]}), not {tuple(tensor.shape)}")
