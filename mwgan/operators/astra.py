"""The ASTRA Toolbox as a projector with the same interface (``pip install mwgan[astra]``)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from mwgan.errors import InputError, MissingExtraError
from mwgan.geometry import TiltGeometry


class AstraParallelBeam:
    """ASTRA's 2-D parallel-beam projector: ``strip`` on the CPU (the same model as ours), ``cuda`` on a GPU.

    Slices are projected one at a time, as ASTRA does. Its CUDA back-projector is not the exact adjoint of its
    projector; the CPU pair is.
    """

    def __init__(self, geometry: TiltGeometry, device: Literal["cpu", "cuda"] = "cpu") -> None:
        if device not in ("cpu", "cuda"):
            raise InputError(f"ASTRA projects on cpu or cuda, not {device!r}")
        astra = import_astra("the ASTRA projector")
        if device == "cuda" and not astra.use_cuda():
            raise InputError("ASTRA finds no CUDA device: use device='cpu'")
        self.geometry, self.device = geometry, device
        size = geometry.detector_size
        volume = astra.create_vol_geom(size, size)
        self._projector = astra.create_projector("cuda" if device == "cuda" else "strip", beam_of(geometry, astra), volume)
        self._operator = astra.OpTomo(self._projector)

    def __call__(self, image: Tensor) -> Tensor:
        """Slices (B, 1, N, N) to sinograms (B, 1, A, N)."""
        return _apply(image, self, False)

    def adjoint(self, sinogram: Tensor) -> Tensor:
        """Sinograms (B, 1, A, N) to back-projections (B, 1, N, N)."""
        return _apply(sinogram, self, True)

    def compute(self, batch: Tensor, transposed: bool) -> Tensor:
        """The projection of a batch, or its adjoint, outside autograd."""
        size, tilts = self.geometry.detector_size, self.geometry.tilts
        operate = self._operator.BP if transposed else self._operator.FP
        arrays = batch.detach().cpu().float().numpy()[:, 0]
        result = np.stack([operate(np.ascontiguousarray(array)) for array in arrays])
        shape = (size, size) if transposed else (tilts, size)
        return torch.from_numpy(result).reshape(-1, 1, *shape).to(batch)


class _AstraMap(torch.autograd.Function):
    @staticmethod
    def forward(ctx, tensor, projector, transposed):  # type: ignore[no-untyped-def]
        ctx.projector, ctx.transposed = projector, transposed
        return projector.compute(tensor, transposed)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        return _apply(gradient, ctx.projector, not ctx.transposed), None, None


def _apply(tensor: Tensor, projector: AstraParallelBeam, transposed: bool) -> Tensor:
    return _AstraMap.apply(tensor, projector, transposed)  # type: ignore[no-untyped-call, no-any-return]


def beam_of(geometry: TiltGeometry, astra: Any) -> Any:
    """Convert our geometry to ASTRA's."""
    # ASTRA's rows point up, ours down, and its detector shift is along the tilted detector: vectors handle both.
    tilt = np.deg2rad(np.asarray(geometry.tilt_deg))
    along = np.stack([np.cos(tilt), np.sin(tilt)], axis=1)
    ray = np.stack([np.sin(tilt), -np.cos(tilt)], axis=1)
    vectors = np.concatenate([ray, -np.asarray(geometry.offsets_px)[:, None] * along, along], axis=1)
    return astra.create_proj_geom("parallel_vec", geometry.detector_size, vectors)


def import_astra(feature: str) -> Any:
    """Import the package, or raise the error that ``feature`` needs it."""
    try:
        import astra
    except ImportError as error:
        raise MissingExtraError(feature, "astra-toolbox", "pip install 'mwgan[astra]'") from error
    return astra
