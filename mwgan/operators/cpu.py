"""Converts batches to and from the layout of the CPU kernels, and distributes their work over threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from mwgan.geometry import TiltGeometry

LANES = (1, 4, 8, 16, 32)  # numbers of slices that share a weight; a batch is cut into these, the last part padded with zeros
PARTS = 4  # pieces of work per thread, so that a delayed one doesn't delay all


def project(geometry: TiltGeometry, image: Tensor) -> Tensor:
    """Slices (B, 1, N, N) to sinograms (B, 1, A, N), on the CPU; the batch lies innermost in memory if that of the slices does."""
    from mwgan.operators.cpu_kernels import MARGIN, project_tilts

    size, tilts = geometry.detector_size, geometry.tilts
    sinogram = _empty(image, tilts, size)
    for group in _groups(len(image)):
        lanes = _lanes(group)
        given = image[group, 0].detach().permute(1, 2, 0)
        ready = given.shape[2] == len(lanes) and given.is_contiguous()
        pixels = given.numpy() if ready else _side_by_side(image[group, 0], 0, len(lanes))
        rows = image.new_empty(tilts, size + 2 * MARGIN, len(lanes)).numpy()
        take_out = _taking_out(rows, sinogram[group, 0], MARGIN)

        def work(first: int, last: int) -> None:
            project_tilts(pixels, *_directions(geometry), rows, first, last, *_line(size, image.dtype), lanes)  # noqa: B023
            take_out(first, last)  # noqa: B023

        _deal_out(work, tilts)
    return sinogram


def back_project(geometry: TiltGeometry, sinogram: Tensor) -> Tensor:
    """Sinograms (B, 1, A, N) to back-projections (B, 1, N, N), on the CPU; the batch lies as that of the sinograms does."""
    from mwgan.operators.cpu_kernels import MARGIN, back_project_rows

    size = geometry.detector_size
    image = _empty(sinogram, size, size)
    for group in _groups(len(sinogram)):
        lanes = _lanes(group)
        rows = _side_by_side(sinogram[group, 0], MARGIN, len(lanes))
        inside = image[group, 0].permute(1, 2, 0)
        ready = inside.shape[2] == len(lanes) and inside.is_contiguous()
        pixels = inside.numpy() if ready else image.new_empty(size, size, len(lanes)).numpy()
        take_out = None if ready else _taking_out(pixels, image[group, 0], 0)

        def work(first: int, last: int) -> None:
            back_project_rows(rows, *_directions(geometry), pixels, first, last, *_line(size, image.dtype), lanes)  # noqa: B023
            if take_out is not None:  # noqa: B023
                take_out(first, last)  # noqa: B023

        _deal_out(work, size)
    return image


def _empty(like: Tensor, height: int, width: int) -> Tensor:
    """Room for (B, 1, height, width), its batch innermost in memory where that of ``like`` is."""
    batch = len(like)
    if like.stride(0) == 1 and batch > 1:
        return like.new_empty(1, height, width, batch).permute(3, 0, 1, 2)
    return like.new_empty(batch, 1, height, width)


# Copies are made by our own threads too: torch's would keep spinning for some milliseconds, and slow down the kernels.


def _side_by_side(slices: Tensor, margin: int, lanes: int) -> np.ndarray:
    """Slices (B, H, W) as (H, margin + W + margin, lanes), with zeros around."""
    from mwgan.operators.cpu_kernels import interleave

    height, width = slices.shape[1:]
    lines = slices.new_empty(height, width + 2 * margin, lanes).numpy()
    given = slices.detach().contiguous().numpy() if slices.stride(0) != 1 else slices.detach().numpy()
    _deal_out(lambda first, last: interleave(given, lines, margin, first, last), height)
    return lines


def _taking_out(lines: np.ndarray, slices: Tensor, margin: int) -> Callable[[int, int], None]:
    """A function that copies a range of the lines (H, margin + W + margin, lanes) into slices (B, H, W)."""
    from mwgan.operators.cpu_kernels import separate

    target = slices.numpy()
    return lambda first, last: separate(lines, target, margin, first, last)


def _groups(batch: int) -> list[slice]:
    return [slice(start, min(start + LANES[-1], batch)) for start in range(0, batch, LANES[-1])]


def _lanes(group: slice) -> tuple[int, ...]:
    """A tuple with one element per lane: kernels are compiled for its length."""
    return (0,) * next(lanes for lanes in LANES if lanes >= group.stop - group.start)


def _directions(geometry: TiltGeometry) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    tilt = np.deg2rad(np.asarray(geometry.tilt_deg))
    return np.cos(tilt), np.sin(tilt), np.asarray(geometry.offsets_px)


def _line(size: int, dtype: torch.dtype) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A thread's own buffers for the weights of one line."""
    left, right = torch.empty(2, size, dtype=dtype).numpy()
    return left, right, np.empty(size, np.int32)


def _deal_out(work: Callable[[int, int], None], count: int) -> None:
    """Run ``work(first, last)`` over the range ``count``, with as many threads as torch may use."""
    threads = torch.get_num_threads()
    if threads == 1:
        return work(0, count)
    parts = min(count, threads * PARTS)
    bounds = [count * part // parts for part in range(parts + 1)]
    list(_pool(os.getpid(), threads).map(work, bounds[:-1], bounds[1:]))
    return None


@lru_cache(maxsize=1)
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """The thread pool of this process: a forked one inherits no threads, and must not wait for them."""
    return ThreadPoolExecutor(threads, thread_name_prefix="projector")
