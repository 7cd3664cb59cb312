"""Batches to and from the layout of the CPU's kernels, and their work dealt out to threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from mwgan.geometry import TiltGeometry

LANES = (1, 4, 8, 16, 32)  # slices that one weight serves; a batch is cut into these, the last part filled up with zeros
PARTS = 4  # pieces of work for each thread, so that one that is held up doesn't hold up all


def project(geometry: TiltGeometry, image: Tensor) -> Tensor:
    """Slices (B, 1, N, N) to sinograms (B, 1, A, N), on the CPU; the batch lies innermost in memory if that of the slices does."""
    from mwgan.operators.cpu_kernels import MARGIN, project_tilts

    size, tilts = geometry.detector_size, geometry.tilts
    sinogram = _empty(image, tilts, size)
    for group in _groups(len(image)):
        slices, lanes = image[group, 0].detach().permute(1, 2, 0), _lanes(group)
        if slices.shape[2] < len(lanes) or not slices.is_contiguous():
            slices = _padded(slices, 0, len(lanes))
        rows = image.new_zeros(tilts, size + 2 * MARGIN, len(lanes))
        arrays = slices.numpy(), *_directions(geometry), rows.numpy()
        _deal_out(lambda first, last: project_tilts(*arrays, first, last, *_line(size, rows.dtype), lanes), tilts)  # noqa: B023
        sinogram[group, 0] = rows[:, MARGIN:-MARGIN, : group.stop - group.start].permute(2, 0, 1)
    return sinogram


def back_project(geometry: TiltGeometry, sinogram: Tensor) -> Tensor:
    """Sinograms (B, 1, A, N) to back-projections (B, 1, N, N), on the CPU; the batch lies as that of the sinograms does."""
    from mwgan.operators.cpu_kernels import MARGIN, back_project_rows

    size = geometry.detector_size
    image = _empty(sinogram, size, size)
    for group in _groups(len(sinogram)):
        lanes = _lanes(group)
        rows = _padded(sinogram[group, 0].detach().permute(1, 2, 0), MARGIN, len(lanes))
        inside = image[group, 0].permute(1, 2, 0)
        ready = inside.shape[2] == len(lanes) and inside.is_contiguous()
        slices = inside.zero_() if ready else image.new_zeros(size, size, len(lanes))
        arrays = rows.numpy(), *_directions(geometry), slices.numpy()
        _deal_out(lambda first, last: back_project_rows(*arrays, first, last, *_line(size, rows.dtype), lanes), size)  # noqa: B023
        if not ready:
            inside.copy_(slices[:, :, : group.stop - group.start])
    return image


def _empty(like: Tensor, height: int, width: int) -> Tensor:
    """Room for (B, 1, height, width), its batch innermost in memory where that of ``like`` is."""
    batch = len(like)
    if like.stride(0) == 1 and batch > 1:
        return like.new_empty(1, height, width, batch).permute(3, 0, 1, 2)
    return like.new_empty(batch, 1, height, width)


def _padded(lines: Tensor, margin: int, lanes: int) -> Tensor:
    """Lines (H, W, B) as (H, margin + W + margin, lanes), with zeros around."""
    height, width, batch = lines.shape
    make = lines.new_zeros if margin or batch < lanes else lines.new_empty
    padded = make(height, width + 2 * margin, lanes)
    padded[:, margin : margin + width, :batch] = lines
    return padded


def _groups(batch: int) -> list[slice]:
    return [slice(start, min(start + LANES[-1], batch)) for start in range(0, batch, LANES[-1])]


def _lanes(group: slice) -> tuple[int, ...]:
    """A tuple as long as there are lanes: its length is what kernels are compiled for."""
    return (0,) * next(lanes for lanes in LANES if lanes >= group.stop - group.start)


def _directions(geometry: TiltGeometry) -> tuple[np.ndarray, np.ndarray, float]:
    tilt = np.deg2rad(np.asarray(geometry.tilt_deg))
    return np.cos(tilt), np.sin(tilt), geometry.axis_offset_px


def _line(size: int, dtype: torch.dtype) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A thread's own room for the weights of one line."""
    left, right = torch.empty(2, size, dtype=dtype).numpy()
    return left, right, np.empty(size, np.int32)


def _deal_out(work: Callable[[int, int], None], count: int) -> None:
    """``work(first, last)`` over all of ``count``, by as many threads as torch may use."""
    threads = torch.get_num_threads()
    if threads == 1:
        return work(0, count)
    parts = min(count, threads * PARTS)
    bounds = [count * part // parts for part in range(parts + 1)]
    list(_pool(os.getpid(), threads).map(work, bounds[:-1], bounds[1:]))
    return None


@lru_cache(maxsize=1)
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Threads of this process: a forked one inherits none, and must not wait for them."""
    return ThreadPoolExecutor(threads, thread_name_prefix="projector")
