"""How many slices at a time fit into a given memory, for any method: its memory is measured on small slices, not guessed.

Memory for a slice of N x N pixels and A tilts grows with A N and N^2, and that kept for a geometry with A N^2 at most; so
two sizes, with one and with several slices, determine it for any size.
"""

from __future__ import annotations

import mmap
import os
import re
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch.nn.functional import interpolate

from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.memory import machine_bytes

BLOCKS = (32, 16, 8, 4, 2, 1)  # slices that the projector's vector registers take at once
PLENTY = 4000  # bytes per pixel of slice and sinogram: three times that of the largest network; if this fits, nothing is measured
LEAST_SIDE = 128  # networks may pad a slice to this
PROBE_SIDE = 64  # largest side of the smaller probe
SPARE = 1.25  # for allocations inside libraries and fragmentation
PROGRAM = 700 << 20  # bytes of Python, torch and other packages: measured 450 to 600 MiB
LATER = 100 << 20  # for later imports, and memory that is freed and not returned
SHARE = 0.75  # of the machine's memory, by default
UNKNOWN = 8 << 30  # where the machine's memory can't be determined
SHARE_OF_BAND = 8
SHARE_OF_GPU = 0.8  # of its free memory
UNITS = {"": 1, "K": 10, "M": 20, "G": 30, "T": 40}

Work = Callable[[Measurement], object]


def parse_memory(text: str) -> int:
    """Bytes in ``2GB``, ``500 MB``, ``1.5G``; units are powers of 1024.

    Raises
    ------
    InputError
        If the text has another form.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([KMGT]?)(?:i?B)?\s*", text, re.IGNORECASE)
    if found is None or float(found[1]) == 0:
        raise InputError(f"a memory is written as 2GB or 500MB, not {text!r}")
    unit = found[2].upper()
    return int(float(found[1]) * (1 << UNITS[unit] if unit else 1))


def default_memory() -> int:
    """Three quarters of the memory of this machine, or of its container."""
    whole = machine_bytes() or UNKNOWN
    return int(SHARE * whole)


def band_bytes(budget: int | None) -> int:
    """Memory for slices that are read ahead: with a tilt axis along x every such band costs a pass through the file."""
    return (default_memory() if budget is None else budget) // SHARE_OF_BAND


def slices_that_fit(
    work: Work, example: Measurement, budget: int | None, reading: Callable[[int], int] = lambda slices: 0, most: int = BLOCKS[0]
) -> int:
    """The largest number of slices in :data:`BLOCKS` that fits into memory.

    Parameters
    ----------
    work
        Everything that is done with a block: its memory is measured on small slices if it could be critical.
    example
        A measurement of any of the slices, on the device used for reconstruction.
    budget
        Bytes for the whole process; None for :func:`default_memory`. On a GPU it is the GPU's memory.
    reading
        Bytes, besides the work, for a number of slices.
    most
        Number of slices in the series.

    Raises
    ------
    InputError
        If a single slice takes more.
    """
    geometry, device = example.geometry, example.sinogram.device
    given, budget = budget, default_memory() if budget is None else budget
    on_gpu = device.type == "cuda"
    if on_gpu:
        budget = min(budget, int(SHARE_OF_GPU * torch.cuda.mem_get_info(device)[0]))
    side, tilts = max(geometry.detector_size, LEAST_SIDE), geometry.tilts
    enough = next(block for block in BLOCKS if block == 1 or block // 2 < most)  # no more lanes than slices
    there = 0 if on_gpu else PROGRAM
    if there + reading(enough) + PLENTY * enough * (side + tilts) * side <= budget:
        return enough
    takes = _measured(work, example)
    there = 0 if on_gpu else _resident() + LATER  # all needed packages are loaded now
    for block in BLOCKS[BLOCKS.index(enough) :]:
        if there + reading(block) + SPARE * takes(block) <= budget:
            return block
    needed = (there + reading(1) + SPARE * takes(1)) / 2**30
    size = geometry.detector_size
    what = f"--memory is {budget / 2**30:.1f} GB" if given is not None else f"{budget / 2**30:.1f} GB may be used here"
    raise InputError(
        f"a single slice of {size} x {size} pixels and {tilts} tilts takes about {needed:.1f} GB by this method, and {what}: "
        "raise --memory, bin the images, or take another method"
    )


def _measured(work: Work, example: Measurement) -> Callable[[int], float]:
    """Bytes that ``work`` takes for a number of slices like the example."""
    size = wanted = example.geometry.detector_size
    while size > PROBE_SIDE:
        size //= 2
    one, several = (_peak(work, _smaller(example, size, slices)) for slices in (1, 4))
    slope, kept = (several - one) / 3, max(0.0, one - (several - one) / 3)
    if size == wanted:
        return lambda block: kept + block * slope
    larger_one, larger_several = (_peak(work, _smaller(example, 2 * size, slices)) for slices in (1, 4))
    larger_slope, times = (larger_several - larger_one) / 3, wanted / size
    squared = max(0.0, (larger_slope - 2 * slope) / 2)  # slope = linear + squared at the smaller size, 2 linear + 4 squared at the other
    linear = max(0.0, slope - squared)
    kept = max(kept, (larger_one - larger_slope) / 4) * times**2
    return lambda block: kept + block * (linear * times + squared * times**2)


def _smaller(example: Measurement, size: int, slices: int) -> Measurement:
    """A dummy measurement with the same tilts and the same kind of mask."""
    device, tilts = example.sinogram.device, example.geometry.tilts
    place = torch.linspace(-1, 1, size, device=device)
    rows = (1 - place.square()).expand(slices, 1, tilts, size).to(example.sinogram.dtype)
    measured = example.measured
    if example.by_pixel:
        mask = interpolate(example.mask[:1].to(rows.dtype), (tilts, size), mode="nearest") > 0
        measured = mask.repeat(slices, 1, 1, 1)  # separate masks per slice take the most memory
    elif measured.ndim > 1:
        measured = measured[:1].repeat(slices, 1, 1, 1)
    geometry: TiltGeometry = replace(example.geometry, detector_size=size, axis_offset_px=0.0, tilt_offset_px=())
    beside = None if example.neighbours is None else rows.repeat(1, example.neighbours.shape[1], 1, 1)
    return Measurement(rows, measured, geometry, beside)


def _peak(work: Work, measurement: Measurement) -> float:
    """Peak memory of tensors and arrays during ``work``, in bytes."""
    from torch.profiler import ProfilerActivity, profile

    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # it would print to stderr
    work(measurement)  # warm-up: what the first call caches is not counted
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watched:
        tracemalloc.start()
        try:
            work(measurement)
            arrays = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    events = [one for one in watched.profiler.kineto_results.events() if one.name() == "[memory]"]
    now = dict.fromkeys({one.device_type() for one in events}, 0)
    most = 0
    for one in sorted(events, key=lambda one: one.start_ns()):
        now[one.device_type()] += one.nbytes()
        most = max(most, now[one.device_type()])
    return most + arrays


def _resident() -> int:
    """Resident memory of this process in bytes."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text(encoding="utf-8").split()[1]) * mmap.PAGESIZE if statm.is_file() else PROGRAM
